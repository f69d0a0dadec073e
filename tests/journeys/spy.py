"""Who listens in on the exchange: every event that passes, and when."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from shared.bus import Bus, declare
from shared.events import Event


@dataclass(frozen=True)
class Spied:
    """An event as it passed, and when by the clock of this machine."""

    at: float
    event: Event


@asynccontextmanager
async def spying(urls: Sequence[str]) -> AsyncIterator[list[Spied]]:
    """Everything that passes from now on, in a list that grows; what passes while a broker is away waits there."""
    spied: list[Spied] = []

    async def hear(event: Event) -> None:
        spied.append(Spied(time.time(), event))

    await declare(urls, queue="spy.events", binds=("#",))
    bus = Bus(urls, "spy")
    task = asyncio.create_task(bus.consume("spy.events", hear))
    try:
        yield spied
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await bus.close()
