"""Recovering what a webhook missed: every notice of a window of time that did not reach it is sent after all."""

import datetime as dt
from typing import Final, NamedTuple

from services.notifier import events
from services.notifier.domain.deliveries import ChannelName
from services.notifier.domain.endpoints import takes
from services.notifier.store import Store
from services.notifier.store.notices import Delivery, Planned
from services.notifier.store.webhooks import Webhook

MOST: Final = 1000  # notices looked at by one call

Place = tuple[dt.datetime, str]  # a notice's time and id


class Recovery(NamedTuple):
    """How many deliveries were started, and behind which notice the next call goes on; None at the end."""

    started: int
    reached: Place | None


async def recover(
    store: Store, webhook: Webhook, window: tuple[dt.datetime, dt.datetime], after: Place | None, limit: int
) -> Recovery:
    """Start the deliveries of notices created in [since, until) that did not arrive and are not on their way.

    Whatever is repeated starts nothing twice: what is pending or delivered stays as it is.
    """
    found = await store.notices.between(webhook.unit, window, after, limit + 1)
    page, now = found[:limit], store.clock.now()
    started = await store.notices.restart([each.id for each in page], webhook.id, now)
    left_out = [
        (each.id, Delivery(name, webhook.id, ChannelName.WEBHOOK, at=now))
        for each in page
        if (name := events.delivery_id(each.id, webhook.id)) not in each.deliveries and _is_for(webhook, each)
    ]
    started += await store.notices.plan(dict(left_out))
    last = page[-1] if len(found) > limit else None
    return Recovery(started, (last.created_at, last.id) if last else None)


def _is_for(webhook: Webhook, notice: Planned) -> bool:
    # A test message is for the one webhook that was tested.
    return notice.type != events.TESTED and takes(webhook.event_types, notice.type)
