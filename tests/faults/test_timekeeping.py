"""Workers that freeze past their lease or whose wall clock is wrong: each effect once, and none before its time."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from deploy.local.process import Process
from deploy.local.servers import Servers
from shared.mechanism.matter import OVERDUE, RUNNING
from tests.shared.matters.many import due
from tests.shared.matters.trial import Ground, ground_on

ROOT = Path(__file__).parents[2]
KEEPERS = 8
LEASE = 2.0  # seconds
MATTERS = 800


@asynccontextmanager
async def keeper(
    servers: Servers, database: str, name: str, folder: Path, *arguments: str
) -> AsyncIterator[Process]:
    """Run a worker as a process of its own."""
    argv = [sys.executable, "-m", "tests.faults.keeper", servers.mongo_url, database, name, str(LEASE)]
    process = Process(name, [*argv, *arguments], output=folder / f"{name}.log", cwd=ROOT)
    await process.start()
    try:
        yield process
    finally:
        await process.resume()
        await process.stop()


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_of_eight_workers_one_frozen_past_its_lease_each_effect_happens_once(
    servers: Servers, tmp_path: Path
) -> None:
    async with servers.database() as database, AsyncExitStack() as stack:
        ground = await stack.enter_async_context(ground_on(servers.mongo_url, database))
        workers = {
            name: await stack.enter_async_context(keeper(servers, database, name, tmp_path))
            for name in (f"keeper-{number}" for number in range(KEEPERS))
        }
        matters, leases = ground.matters.collection, ground.mongo.database["leases"]

        async def all_keep() -> bool:
            return await ground.mongo.database["keepers"].count_documents({}) == KEEPERS

        await until(all_keep)
        await matters.insert_many(due(MATTERS, ground.ago()))
        frozen = await _freeze_one_at_work(ground, workers)

        async def nothing_left() -> bool:
            return await matters.count_documents({"attention_at": {"$exists": True}}) == 0

        began = time.monotonic()
        await until(nothing_left)
        # What the frozen one had in hand others could do only once its lease was over.
        held = [lease["_id"] async for lease in leases.find({"holder": frozen})]
        assert held == []
        assert time.monotonic() - began < 20
        before = await matters.find({}).sort("_id", 1).to_list(None)
        await workers[frozen].resume()
        await asyncio.sleep(2)
        assert all(worker.running for worker in workers.values()), workers[frozen].tail()
        assert await matters.find({}).sort("_id", 1).to_list(None) == before
        for matter in before:
            assert [entry["kind"] for entry in matter["history"]] == ["step", "clock"]
            said = [event["type"].rpartition(".")[2] for event in matter["outbox"]]
            assert sorted(said) == [*["deadline_reminded"] * 4, "duty_missed", "right_lapsed"]
            assert len({event["id"] for event in matter["outbox"]}) == len(said)
        # It is of use again.
        await matters.insert_many([{**each, "_id": f"{each['_id'][:-1]}+"} for each in due(50, ground.ago())])
        await until(nothing_left)


async def _freeze_one_at_work(ground: Ground, workers: dict[str, Process]) -> str:
    """Freeze a worker while it holds a share of which something is left to do; its name."""
    leases, matters = ground.mongo.database["leases"], ground.matters.collection
    async with asyncio.timeout(30):
        while True:
            working = await leases.find_one({"until": {"$gt": ground.ago()}})
            if working is None:
                continue
            worker = workers[working["holder"]]
            await worker.pause()
            await asyncio.sleep(0.1)  # what it had sent off arrives
            held = await leases.find({"holder": worker.name, "until": {"$gt": ground.ago()}}).to_list(None)
            shares = [lease["_id"].removeprefix("timekeeper ") for lease in held]
            left = [
                await matters.count_documents(
                    {"_id": {"$regex": f"^{share}"}, "attention_at": {"$exists": True}}
                )
                for share in shares
            ]
            if any(left):
                return worker.name
            await worker.resume()


async def test_a_wall_clock_wrong_by_a_day_fires_nothing_early_and_nothing_late(
    servers: Servers, tmp_path: Path
) -> None:
    await asyncio.gather(
        *(
            _hold_to_the_servers_time(servers, tmp_path, shift)
            for shift in (timedelta(days=1), timedelta(days=-1))
        )
    )


async def _hold_to_the_servers_time(servers: Servers, folder: Path, shift: timedelta) -> None:
    hours = shift / timedelta(hours=1)
    async with servers.database() as database, ground_on(servers.mongo_url, database) as ground:
        # Both its reminders are due already, so that the worker looks at it before its time is over.
        matter = await ground.open(ground.ago(hours=48) + timedelta(seconds=8), reply_hours=48)
        due_at = (await ground.run_of(matter, "reply")).due_at
        assert due_at is not None
        async with keeper(servers, database, f"keeper{hours:+.0f}", folder, str(hours)):
            seen: list[tuple[datetime, str]] = []

            async def missed() -> bool:
                asked = ground.ago()
                run = await ground.run_of(matter, "reply")
                seen.append((asked, run.state))
                return run.state == OVERDUE

            await until(missed)
            recorded = await ground.mongo.database["keepers"].find_one({})
            assert recorded is not None
            assert abs(recorded["wall"] - ground.ago() - shift) < timedelta(minutes=5)
        assert seen[0][1] == RUNNING
        assert all(asked >= due_at - timedelta(seconds=1) for asked, state in seen if state == OVERDUE)
        entry = (await ground.read(matter)).history[-1]
        assert due_at <= entry.recorded_at < due_at + timedelta(seconds=5)
        document = await ground.document(matter)
        told = [event for event in document["outbox"] if event["type"].endswith("duty_missed")]
        assert [event["time"] >= due_at for event in told] == [True]
        assert sum(event["type"].endswith("deadline_reminded") for event in document["outbox"]) == 2
