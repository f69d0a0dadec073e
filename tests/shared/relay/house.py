"""What the tests of the relay share: a service's storage, its way to the broker, and what it says."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from shared.bus import Bus
from shared.feed import Feed
from shared.lease import Lease
from shared.mongo import Collection, Mongo
from shared.relay import Relay
from tests.shared.bus.recorder import an_event


@dataclass
class House:
    """One service's storage and its way to the broker."""

    mongo: Mongo
    bus: Bus
    urls: list[str]
    mongo_url: str

    @property
    def matters(self) -> Collection:
        return self.mongo.database["matters"]

    @property
    def feed(self) -> Feed:
        return Feed(self.mongo.database["feed"])

    def relay(self, bus: Bus | None = None, holder: str = "test", seconds: float = 10) -> Relay:
        lease = Lease(self.mongo.database["leases"], "relay", holder, seconds)
        return Relay([self.matters], bus or self.bus, self.feed, lease, self.mongo.clock)

    async def say(self, subject: str, versions: Iterable[int], kind: str = "test.thing.done") -> None:
        """Commit events of one matter, as a step does."""
        now = self.mongo.clock.now()
        events = [
            replace(an_event(f"{subject}-{version}", kind, subject, version), time=now).document()
            for version in versions
        ]
        change = {"$push": {"outbox": {"$each": events}}, "$set": {"send_at": now}}
        await self.matters.update_one({"_id": subject}, change, upsert=True)

    async def unsent(self) -> int:
        return await self.matters.count_documents({"send_at": {"$exists": True}})

    async def has_unsent(self, number: int) -> bool:
        return await self.unsent() == number

    async def nothing_unsent(self) -> bool:
        return await self.has_unsent(0)

    async def told(self) -> list[str]:
        entries = await self.feed.read(0, 100_000)
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        return [entry.event.id for entry in entries]


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def first_times(ids: Iterable[str], subject: str) -> list[int]:
    """The versions of a subject in the order in which each came first."""
    versions = [int(id.partition("-")[2]) for id in ids if id.partition("-")[0] == subject]  # noqa: A001
    return list(dict.fromkeys(versions))
