"""What the tests of the bus share: events, a handler that records, and a look at the broker from outside."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from shared.bus import Bus
from shared.events import Event

QUEUE = "test.events"
DELAYS = (0.2, 0.4)
CANARY = "canary-张三"


def an_event(name: str = "e-1", kind: str = "test.thing.done", subject: str = "", version: int = 1) -> Event:
    return Event(
        id=name,
        source="/test",
        type=kind,
        subject=subject or name,
        time=datetime(2026, 11, 23, 1, 2, 3, 456000, UTC),
        data={"name": name},
        version=version,
        correlation=name,
    )


class Recorder:
    """A handler that keeps what it was given, and does what the test asks."""

    def __init__(self, act: Callable[[Event], Awaitable[None]] | None = None) -> None:
        self.got: list[Event] = []
        self.times: list[float] = []
        self._act = act

    async def __call__(self, event: Event) -> None:
        self.got.append(event)
        self.times.append(time.monotonic())
        if self._act:
            await self._act(event)

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.got]

    async def until(self, number: int, seconds: float = 10) -> None:
        await eventually(lambda: len(self.got) >= number, seconds)


async def eventually(check: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = check()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to be in time")


@asynccontextmanager
async def consuming(
    bus: Bus, handler: Callable[[Event], Awaitable[None]], **options: Any
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(bus.consume(QUEUE, handler, **{"delays": DELAYS} | options))
    await eventually(lambda: bus.is_consuming(QUEUE) or task.done())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def raw(urls: Sequence[str]) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(urls[0])
    async with connection, connection.channel() as channel:
        yield channel


async def depth(urls: Sequence[str], queue: str = QUEUE) -> int:
    async with raw(urls) as channel:
        found = await channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0


async def fetch(urls: Sequence[str], queue: str) -> AbstractIncomingMessage:
    async with raw(urls) as channel:
        message = await (await channel.get_queue(queue)).get(timeout=5)
        await message.ack()
        return message


async def has_parked(bus: Bus, number: int = 1) -> bool:
    return await bus.parked(QUEUE) == number
