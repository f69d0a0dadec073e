"""What the referral service does by itself: hear, relay, keep the time."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from services.referral import events
from services.referral.store import Store
from shared.bus import Bus
from shared.events import Event
from shared.matters.timekeeper import Recounter, Timekeeper
from shared.process import Loop
from shared.relay import Relay

QUEUE = "referral.events"

_log = logging.getLogger(__name__)


def loops(
    store: Store, bus: Bus, relay: Relay, timekeeper: Timekeeper, recounter: Recounter
) -> Mapping[str, Loop]:
    """Return the loops of the worker, by name."""
    heard: Mapping[str, Callable[[Event], Awaitable[None]]] = {events.UNIT_CHANGED: store.directory.hear}

    async def hear(event: Event) -> None:
        handler = heard.get(event.type)
        if handler is not None:
            await handler(event)

    return {
        "relay": relay.run,
        "timekeeper": timekeeper.run,
        "recounter": recounter.run,
        "calendar": store.calendars.run,
        "consumer": partial(bus.consume, QUEUE, hear),
    }


async def ask_for_directory(store: Store, event: Event) -> None:
    """Ask for the directory to be said, if nothing of it was ever heard here."""
    if await store.directory.empty():
        _log.info("the directory is empty here; asking for it")
        await store.ask(event)
