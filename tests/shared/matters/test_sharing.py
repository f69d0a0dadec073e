"""Eight timekeepers at one database: each matter is told once, and nobody works out what another one does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from deploy.local.servers import Servers
from tests.shared.matters.many import due
from tests.shared.matters.trial import Ground, ground_on

KEEPERS, MATTERS = 8, 500


@pytest.fixture
async def grounds(servers: Servers) -> AsyncIterator[list[Ground]]:
    """Eight with a client each, on one database."""
    async with servers.database() as database, AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(ground_on(servers.mongo_url, database)) for _ in range(KEEPERS)
        ]


async def test_what_is_due_is_shared_without_waste(grounds: list[Ground]) -> None:
    first, database = grounds[0], grounds[0].mongo.database
    matters = first.matters.collection
    await matters.insert_many(due(MATTERS, first.ago()))
    wasted = {"op": "update", "ns": matters.full_name, "nMatched": 0}
    await database.command("profile", 1, slowms=0, filter=wasted)
    keepers = [ground.timekeeper(f"keeper {number}") for number, ground in enumerate(grounds)]
    told = [0] * KEEPERS

    async def keep(number: int) -> None:
        while await matters.find_one({"attention_at": {"$lte": first.ago()}}):
            told[number] += await keepers[number].tell()
            await asyncio.sleep(0.01)

    await asyncio.gather(*map(keep, range(KEEPERS)))
    await database.command("profile", 0, filter="unset")
    assert sum(told) == MATTERS
    assert sum(each > 0 for each in told) >= 2, told
    assert await database["system.profile"].count_documents({}) == 0
    async for matter in matters.find({}):
        assert [entry["kind"] for entry in matter["history"]] == ["step", "clock"]
        assert len(matter["outbox"]) == len({event["id"] for event in matter["outbox"]}) == 6
    # Idle, they hold nothing and write nothing.
    leases = database["leases"]
    before = await leases.find({}).to_list(None)
    assert [await keeper.tell() for keeper in keepers] == [0] * KEEPERS
    assert await leases.find({}).to_list(None) == before
    assert all(lease["until"] < first.ago() for lease in before)
