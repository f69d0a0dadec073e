"""Servers go away, relays die or freeze: nothing is lost and nothing is told twice in the feed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.bus import Bus
from shared.events import Event
from shared.mongo import connect
from tests.shared.bus.recorder import Recorder, consuming, eventually
from tests.shared.proxy import Proxy
from tests.shared.relay.house import House, first_times, running

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
