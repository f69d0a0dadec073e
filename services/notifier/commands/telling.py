"""Telling units: an event becomes notices, a notice its deliveries and its number in the feed."""

import logging
import uuid
from collections.abc import Sequence
from typing import Final

from services.notifier import events
from services.notifier.commands.directory import Directory
from services.notifier.domain import mailboxes
from services.notifier.domain import notice as notices
from services.notifier.domain.deliveries import ChannelName
from services.notifier.domain.endpoints import takes
from services.notifier.events import Heard
from services.notifier.store import Store
from services.notifier.store.notices import Delivery, Notice
from services.notifier.store.webhooks import Webhook
from shared.events import Event
from shared.tracing import current_traceparent

_BATCH: Final = 500

_log = logging.getLogger(__name__)


class Teller:
    """Whatever arrives twice changes nothing: a notice's id is derived from its event and unit.

    `mail_roles`: the duty roles that are told by e-mail; none when this deployment sends none.
    """

    def __init__(self, store: Store, directory: Directory, mail_roles: Sequence[str] = ()) -> None:
        self._store = store
        self._directory = directory
        self._mail_roles = mail_roles

    async def hear(self, event: Event) -> None:
        """Act on what another service said. Raises ValueError when it is malformed."""
        if event.type.endswith(events.DIRECTORY_ASKED):
            await self._directory.say_again()
            return
        heard = events.read(event)
        for unit in heard.told:
            await self._tell(heard, unit)

    async def test(self, webhook: Webhook) -> str:
        """Send a test message to one webhook alone; the id of its delivery."""
        now = self._store.clock.now()
        test = str(uuid.uuid4())
        body = notices.of_test(webhook.unit, test, now)
        notice = Notice(
            id=body["id"],
            unit=webhook.unit,
            type=events.TESTED,
            body=body,
            created_at=now,
            traceparent=current_traceparent(),
            correlation=test,
        )
        delivery = Delivery(
            events.delivery_id(notice.id, webhook.id), webhook.id, ChannelName.WEBHOOK, at=now
        )
        await self._store.notices.add(notice, [delivery])
        return delivery.id

    async def tell_disabled(self, webhook: Webhook) -> None:
        """Tell the unit by every other way, whatever it takes else, that one of its webhooks is switched off."""
        now = self._store.clock.now()
        event = events.disabled_id(webhook.id, webhook.active_since)
        body = notices.of_disabled(webhook.unit, event, now)
        notice = Notice(
            id=body["id"],
            unit=webhook.unit,
            type=events.DISABLED,
            body=body,
            created_at=now,
            traceparent=current_traceparent(),
            correlation=event,
        )
        deliveries = [
            Delivery(events.delivery_id(notice.id, endpoint), endpoint, channel, at=now)
            for channel, endpoint in await self._endpoints(webhook.unit, None)
            if endpoint != webhook.id
        ]
        await self._store.notices.add(notice, deliveries)

    async def resend(self, delivery: str, unit: str) -> bool:
        """Start a delivery's schedule anew; False while an attempt of it is under way."""
        return await self._store.notices.resend(delivery, unit, self._store.clock.now())

    async def number(self) -> bool:
        """Give the oldest notices without one their numbers in the feed; True when there may be more at once.

        For one worker at a time, under a lease: a unit that fetches must never see a number before a lower one.
        """
        batch = await self._store.notices.unnumbered(_BATCH)
        if not batch:
            return False
        await self._store.told.append([_entry(notice) for notice in batch])
        await self._store.notices.numbered(batch)
        return len(batch) == _BATCH

    async def _tell(self, heard: Heard, unit: str) -> None:
        now = self._store.clock.now()
        body = notices.of_matter(heard, unit)
        notice = Notice(
            id=body["id"],
            unit=unit,
            type=heard.type,
            body=body,
            created_at=now,
            traceparent=current_traceparent(),
            version=heard.version,
            correlation=heard.correlation,
        )
        deliveries = [
            Delivery(events.delivery_id(notice.id, endpoint), endpoint, channel, at=now)
            for channel, endpoint in await self._endpoints(unit, heard.type)
        ]
        if not await self._store.notices.add(notice, deliveries):
            _log.info("a notice is there already", extra={"notice": notice.id})

    async def _endpoints(self, unit: str, event_type: str | None) -> list[tuple[ChannelName, str]]:
        """Where the unit is told of such an event: its webhooks that take it (None: all), its roles with e-mail."""
        found = [
            (ChannelName.WEBHOOK, webhook.id)
            for webhook in await self._store.webhooks.of(unit)
            if webhook.state == "active" and (event_type is None or takes(webhook.event_types, event_type))
        ]
        kept = await self._store.units.find(unit) if self._mail_roles else None
        if kept is not None and (roles := mailboxes.roles(kept.unit, self._mail_roles)):
            reached = [mailboxes.endpoint(unit, role) for role in roles]
            await self._store.mailboxes.note(reached)
            found += [(ChannelName.EMAIL, each) for each in reached]
        return found


def _entry(notice: Notice) -> Event:
    """A notice as the feed keeps it: readable by its unit alone."""
    return Event(
        id=notice.id,
        source=events.SOURCE,
        type=notice.type,
        subject=notice.body["matter"] or notice.id,
        time=notice.created_at,
        data=notice.body,
        version=notice.version,
        correlation=notice.correlation,
        causation=notice.body["event"],
        traceparent=notice.traceparent,
        units=(notice.unit,),
    )
