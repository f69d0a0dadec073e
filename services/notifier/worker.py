"""What the notifier does by itself: hear, relay, number, deliver."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from services.notifier import events
from services.notifier.commands.delivering import Deliverer
from services.notifier.commands.telling import Teller
from shared.bus import Bus
from shared.lease import Lease
from shared.mongo import Unavailable
from shared.process import Loop
from shared.relay import Relay

_IDLE: Final = 0.1
_TROUBLE: Final = 1.0
_LEASE_CHECK: Final = 2.0

_log = logging.getLogger(__name__)


def loops(
    bus: Bus, relay: Relay, teller: Teller, deliverer: Deliverer, numbering: Lease
) -> Mapping[str, Loop]:
    """Return the loops of the worker, by name."""
    return {
        "relay": relay.run,
        "consumer": partial(bus.consume, events.QUEUE, teller.hear),
        "numbering": partial(_number, teller, numbering),
        "deliveries": deliverer.run,
    }


async def _number(teller: Teller, lease: Lease) -> None:
    """Number notices for ever, while the lease is ours."""
    ours, checked_at = False, float("-inf")
    try:
        while True:
            pause = _IDLE
            try:
                if time.monotonic() - checked_at > _LEASE_CHECK:
                    ours, checked_at = await lease.acquire() is not None, time.monotonic()
                if ours and await teller.number():
                    pause = 0.0
            except Unavailable:
                _log.warning("the feed waits for the database")
                pause = _TROUBLE
            await asyncio.sleep(pause)
    finally:
        with suppress(Unavailable):
            await lease.release()
