"""What was committed is sent, in order, whatever dies in between."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.bus import Bus, Refused, declare
from shared.events import Event
from shared.feed import Feed
from shared.lease import Lease
from shared.mongo import Collection, Mongo, connect
from shared.relay import _DUE, Relay, ensure_index
from tests.shared.bus.recorder import QUEUE, Recorder, an_event, consuming, eventually
from tests.shared.proxy import Proxy


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


@pytest.fixture
async def house(mongo_url: str, database: str, rabbit_urls: list[str]) -> AsyncIterator[House]:
    await declare(rabbit_urls, queue=QUEUE, binds=["test.#"])
    house = House(
        await connect(mongo_url, database), Bus(rabbit_urls, "test", timeout=2), rabbit_urls, mongo_url
    )
    await ensure_index(house.matters)
    await house.feed.ensure_indexes()
    yield house
    await house.bus.close()
    await house.mongo.close()


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


async def test_what_was_committed_arrives_within_a_fifth_of_a_second(house: House):
    handler = Recorder()
    async with running(house.relay()), consuming(house.bus, handler):
        await house.say("warm", [1])
        await handler.until(1)
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await house.say("m", [1])
        await handler.until(2)
        assert time.monotonic() - started < 0.2
        await eventually(house.nothing_unsent)
    assert await house.matters.find_one({"_id": "m"}) == {"_id": "m", "outbox": []}
    assert await house.told() == ["warm-1", "m-1"]


async def test_events_of_each_document_arrive_in_order(house: House):
    handler = Recorder()
    for subject in range(50):
        await house.say(f"m{subject}", range(10))
    async with running(house.relay()), consuming(house.bus, handler):
        await handler.until(500, 20)
        await eventually(house.nothing_unsent)
    assert len(handler.ids) == len(set(handler.ids)) == 500
    told = await house.told()
    for subject in range(50):
        assert first_times(handler.ids, f"m{subject}") == list(range(10))
        assert first_times(told, f"m{subject}") == list(range(10))


async def test_what_nobody_binds_stays_is_tried_again_and_holds_up_nobody_else(house: House):
    handler = Recorder()
    for number in range(300):  # more than a batch
        await house.say(f"lonely{number}", [1], kind="other.thing.done")
    await house.say("m", [1])
    async with running(house.relay()), consuming(house.bus, handler):
        await handler.until(1)
        await eventually(lambda: house.has_unsent(300))
        await declare(house.urls, queue=QUEUE, binds=["other.#"])
        await handler.until(301)
        await eventually(house.nothing_unsent)


async def test_an_event_behind_one_that_nobody_binds_waits_for_its_turn(house: House):
    handler = Recorder()
    await house.say("m", [1])
    await house.say("m", [2], kind="other.thing.done")
    await house.say("m", [3])
    async with running(house.relay()), consuming(house.bus, handler):
        await asyncio.sleep(0.6)
        assert handler.ids == ["m-1"]
        found = await house.matters.find_one({"_id": "m"})
        assert found
        assert [entry["id"] for entry in found["outbox"]] == ["m-2", "m-3"]
        assert found["send_at"] > house.mongo.clock.now() - timedelta(seconds=1)
        await declare(house.urls, queue=QUEUE, binds=["other.#"])
        await handler.until(3)
    assert handler.ids == ["m-1", "m-2", "m-3"]


async def test_a_new_write_is_tried_at_once_although_the_document_was_put_off(house: House):
    handler = Recorder()
    await house.say("m", [1], kind="other.thing.done")
    long_ago = house.mongo.clock.now() - timedelta(hours=1)
    await house.matters.update_one({"_id": "m"}, {"$set": {"outbox.0.time": long_ago}})
    async with running(house.relay()), consuming(house.bus, handler):
        await asyncio.sleep(0.3)
        found = await house.matters.find_one({"_id": "m"})
        assert found
        assert found["send_at"] > house.mongo.clock.now() + timedelta(seconds=25)
        await declare(house.urls, queue=QUEUE, binds=["other.#"])
        await house.say("m", [2])
        await handler.until(2, 1)


async def test_a_write_during_a_refused_attempt_is_tried_at_once(house: House):
    class Meanwhile(Bus):
        async def publish(self, event: Event) -> None:
            try:
                await super().publish(event)
            except Refused:
                await declare(house.urls, queue=QUEUE, binds=["other.#"])
                await house.say("m", [2])
                raise

    handler = Recorder()
    await house.say("m", [1], kind="other.thing.done")
    long_ago = house.mongo.clock.now() - timedelta(hours=1)
    await house.matters.update_one({"_id": "m"}, {"$set": {"outbox.0.time": long_ago}})
    bus = Meanwhile(house.urls, "test")
    async with running(house.relay(bus)), consuming(house.bus, handler):
        await handler.until(2, 3)
    assert handler.ids == ["m-1", "m-2"]
    await bus.close()


async def test_what_is_committed_while_others_are_sent_is_neither_lost_nor_late(house: House):
    class Meanwhile(Bus):
        async def publish(self, event: Event) -> None:
            await super().publish(event)
            if event.version < 5:
                await house.say(event.subject, [event.version + 1])

    handler = Recorder()
    await house.say("m", [1])
    bus = Meanwhile(house.urls, "test")
    async with running(house.relay(bus)), consuming(house.bus, handler):
        await handler.until(5, 3)
        await eventually(house.nothing_unsent)
    assert handler.ids == [f"m-{version}" for version in range(1, 6)]
    await bus.close()


async def test_a_document_with_nothing_to_say_is_let_go(house: House):
    await house.matters.insert_one({"_id": "empty", "outbox": [], "send_at": house.mongo.clock.now()})
    await house.matters.insert_one({"_id": "none", "send_at": house.mongo.clock.now()})
    async with running(house.relay()):
        await eventually(house.nothing_unsent)


async def test_an_outbox_that_cannot_be_read_stays_and_holds_up_nobody_else(house: House):
    handler = Recorder()
    broken: dict[str, Any] = {"_id": "broken", "outbox": [{"id": "x"}], "send_at": house.mongo.clock.now()}
    await house.matters.insert_one(broken)
    await house.say("m", [1])
    async with running(house.relay()), consuming(house.bus, handler):
        await handler.until(1)
        await asyncio.sleep(0.2)
    assert await house.unsent() == 1
    assert (await house.matters.find_one({"_id": "broken"}) or {})["outbox"] == [{"id": "x"}]


async def test_while_rabbitmq_is_away_events_wait_and_then_all_arrive_in_order(house: House):
    handler = Recorder()
    async with Proxy(house.urls[0]) as proxy:
        bus = Bus([proxy.url], "test", timeout=2)
        async with running(house.relay(bus)), consuming(house.bus, handler):
            await house.say("m", [0])
            await handler.until(1)
            await proxy.refuse()
            for version in range(1, 20):
                await house.say("m", [version])
                await house.say(f"n{version}", [1])
            await asyncio.sleep(1)
            assert await house.unsent() == 20
            await proxy.restore()
            await handler.until(39)
            await eventually(house.nothing_unsent)
        await bus.close()
    assert first_times(handler.ids, "m") == list(range(20))
    assert len(await house.told()) == 39


async def test_while_mongodb_is_away_the_relay_waits_and_then_goes_on(house: House, database: str):
    handler = Recorder()
    address = house.mongo_url.partition("//")[2].partition("/")[0].partition(",")[0]
    async with Proxy(f"mongodb://{address}/?directConnection=true") as proxy:
        remote = await connect(proxy.url, database)
        try:
            relay = House(remote, house.bus, house.urls, proxy.url).relay()
            async with running(relay) as task, consuming(house.bus, handler):
                await house.say("m", [1])
                await handler.until(1)
                await proxy.refuse()
                await house.say("m", [2])
                await asyncio.sleep(7)  # more than the driver's own patience
                assert not task.done()
                await proxy.restore()
                await handler.until(2, 15)
        finally:
            await proxy.restore()
            await remote.close()


async def test_of_two_relays_one_sends_and_the_other_takes_over(house: House):
    sent: dict[str, list[str]] = {"a": [], "b": []}

    def bus_of(name: str) -> Bus:
        class Counting(Bus):
            async def publish(self, event: Event) -> None:
                sent[name].append(event.id)
                await super().publish(event)

        return Counting(house.urls, name)

    a, b = bus_of("a"), bus_of("b")
    async with running(house.relay(a, "a")):
        await house.say("m", [1])
        await eventually(house.nothing_unsent)
        async with running(house.relay(b, "b")):
            for version in range(2, 10):
                await house.say("m", [version])
                await asyncio.sleep(0.05)
            await eventually(house.nothing_unsent)
            assert len(sent["a"]) == 9
            assert sent["b"] == []
    async with running(house.relay(b, "b")):
        await house.say("m", [10])
        await eventually(house.nothing_unsent)
    assert sent["b"] == ["m-10"]
    for bus in (a, b):
        await bus.close()


PROGRAM = """
import asyncio, os, signal, sys
from shared.bus import Bus
from shared.feed import Feed
from shared.lease import Lease
from shared.mongo import connect
from shared.relay import Relay

class Dying(Bus):
    async def publish(self, event):
        await super().publish(event)
        os.kill(os.getpid(), {fate})

async def main():
    mongo = await connect(sys.argv[1], sys.argv[2])
    lease = Lease(mongo.database["leases"], "relay", "other", float(sys.argv[4]))
    bus = Dying([sys.argv[3]], "other")
    await Relay([mongo.database["matters"]], bus, Feed(mongo.database["feed"]), lease, mongo.clock).run()

asyncio.run(main())
"""


@asynccontextmanager
async def other_process(house: House, fate: str, seconds: float) -> AsyncIterator[asyncio.subprocess.Process]:
    """A relay in a process of its own, which meets its fate after each publish."""
    arguments = (house.mongo_url, house.mongo.database.name, house.urls[0], str(seconds))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM.format(fate=fate), *arguments, cwd=Path.cwd()
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_relay_killed_after_publishing_and_before_removing_loses_nothing(house: House):
    handler = Recorder()
    await house.say("m", [1, 2])
    async with other_process(house, "signal.SIGKILL", 1) as process:
        assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGKILL
    assert await house.unsent() == 1
    async with running(house.relay()), consuming(house.bus, handler):
        await handler.until(3)
        await eventually(house.nothing_unsent)
    assert handler.ids == ["m-1", "m-1", "m-2"]
    assert await house.told() == ["m-1", "m-2"]


async def test_a_relay_that_froze_with_the_lease_and_woke_beside_its_successor_harms_nothing(house: House):
    handler = Recorder()
    subjects = [f"m{number}" for number in range(20)]
    for subject in subjects:
        await house.say(subject, [1, 2])
    async with other_process(house, "signal.SIGSTOP", 1) as frozen:
        await eventually(lambda: stopped(frozen.pid), 20)
        async with running(house.relay()), consuming(house.bus, handler):
            await eventually(house.nothing_unsent)
            for subject in subjects:
                await house.say(subject, [3])
            for round_ in range(200):  # it freezes again after each publish
                os.kill(frozen.pid, signal.SIGCONT)
                if round_ % 20 == 0:
                    await house.say("busy", [round_])
                await asyncio.sleep(0.02)
            await eventually(house.nothing_unsent)
            await handler.until(70)
    told = await house.told()
    assert len(told) == len(set(told)) == 70
    for subject in subjects:
        assert first_times(handler.ids, subject) == [1, 2, 3]
        assert first_times(told, subject) == [1, 2, 3]


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def test_a_backlog_drains_fast(house: House):
    events = [
        replace(an_event(f"m{n}-1", subject=f"m{n}"), time=house.mongo.clock.now()) for n in range(2000)
    ]
    now = house.mongo.clock.now()
    await house.matters.insert_many(
        {"_id": event.subject, "outbox": [event.document()], "send_at": now} for event in events
    )
    started = time.monotonic()
    async with running(house.relay()):
        await eventually(house.nothing_unsent, 20)
    assert time.monotonic() - started < 15  # a loaded machine; one by one it would be minutes


async def test_finding_what_is_due_costs_what_is_due(house: House):
    later = house.mongo.clock.now() + timedelta(hours=1)
    await house.matters.insert_many([{"_id": f"{n}"} for n in range(500)])
    await house.matters.insert_many(
        [{"_id": f"later{n}", "outbox": [], "send_at": later} for n in range(200)]
    )
    await house.say("m", [1])
    plan = await house.matters.find(_DUE).sort("send_at", 1).limit(10).explain()
    assert plan["executionStats"]["nReturned"] == 1
    assert plan["executionStats"]["totalKeysExamined"] <= 2
    assert plan["executionStats"]["totalDocsExamined"] <= 1
