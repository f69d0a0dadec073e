"""The door to MongoDB: what unavailable means, and what time it is."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from pymongo.errors import DuplicateKeyError

from deploy.local.servers import Servers
from shared.mongo import Mongo, Unavailable, connect, guarded
from tests.shared.proxy import Proxy


@pytest.fixture
async def mongo(mongo_url: str, database: str) -> AsyncIterator[Mongo]:
    mongo = await connect(mongo_url, database)
    yield mongo
    await mongo.close()


@pytest.fixture
async def proxy(mongo_url: str) -> AsyncIterator[Proxy]:
    """The way to the first node alone: a replica set would tell its own addresses."""
    first = urlsplit(mongo_url).netloc.split(",")[0]
    async with Proxy(f"mongodb://{first}/?directConnection=true") as proxy:
        yield proxy


@pytest.fixture
async def remote(proxy: Proxy, database: str) -> AsyncIterator[Mongo]:
    mongo = await connect(proxy.url, database)
    yield mongo
    proxy.thaw()
    await mongo.close()


async def insert(mongo: Mongo, number: int) -> None:
    async with guarded():
        await mongo.database["things"].insert_one({"_id": number})


async def test_a_stopped_mongodb_is_unavailable_within_six_seconds_and_used_again_when_back(
    servers: Servers, mongo: Mongo
):
    if not servers.mongo.nodes:
        pytest.skip("this MongoDB was given by its address and is not ours to stop")
    await insert(mongo, 1)
    await servers.mongo.stop()
    try:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await insert(mongo, 2)
        assert time.monotonic() - started < 6
        assert not await mongo.alive()
    finally:
        await servers.mongo.start()
    await insert(mongo, 3)
    assert await mongo.alive()


async def test_even_the_hundredth_caller_hears_within_six_seconds_that_mongodb_is_frozen(
    proxy: Proxy, remote: Mongo
):
    await insert(remote, 0)
    proxy.freeze()
    started = time.monotonic()
    outcomes = await asyncio.gather(*(insert(remote, n) for n in range(1, 101)), return_exceptions=True)
    assert time.monotonic() - started < 6
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    proxy.thaw()
    await asyncio.sleep(1)
    await insert(remote, 101)


async def test_connecting_to_nobody_is_unavailable_within_six_seconds(proxy: Proxy, database: str):
    await proxy.refuse()
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await connect(proxy.url, database)
    assert time.monotonic() - started < 6


async def test_what_mongodb_refuses_stays_what_it_is(mongo: Mongo):
    await insert(mongo, 1)
    with pytest.raises(DuplicateKeyError):
        await insert(mongo, 1)


async def test_a_time_out_of_the_caller_stays_the_callers():
    @guarded()
    async def impatient() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(1)

    with pytest.raises(TimeoutError):
        await impatient()


async def test_a_guarded_function_is_guarded_too():
    @guarded(0.01)
    async def slow() -> None:
        await asyncio.sleep(1)

    with pytest.raises(Unavailable):
        await slow()


async def test_writes_are_kept_by_a_majority_on_disk_and_reads_cannot_be_rolled_back(mongo: Mongo):
    things = mongo.database["things"]
    assert things.write_concern.document == {"w": "majority", "j": True}
    assert things.read_concern.level == "majority"


async def test_moments_come_back_aware_in_utc(mongo: Mongo):
    moment = datetime(2026, 11, 23, 1, 2, 3, 456000, UTC)
    await mongo.database["things"].insert_one({"_id": 1, "at": moment})
    found = await mongo.database["things"].find_one({"_id": 1})
    assert found
    assert found["at"] == moment
    assert found["at"].utcoffset() == timedelta(0)


async def server_time(mongo: Mongo) -> datetime:
    answer = await mongo.client.admin.command("hello")
    moment: datetime = answer["localTime"]
    return moment.replace(tzinfo=UTC)


async def test_the_clock_is_the_servers_although_the_process_believes_in_another_year(
    mongo_url: str, database: str
):
    with time_machine.travel(datetime(2031, 5, 6, tzinfo=UTC)):
        assert datetime.now(UTC).year == 2031
        mongo = await connect(mongo_url, database)
        assert abs(mongo.clock.now() - await server_time(mongo)) < timedelta(milliseconds=50)
    assert abs(mongo.clock.now() - await server_time(mongo)) < timedelta(milliseconds=50)
    with time_machine.travel(datetime(1999, 5, 6, tzinfo=UTC)):
        await mongo.clock.refresh()
        assert abs(mongo.clock.now() - await server_time(mongo)) < timedelta(milliseconds=50)
    await mongo.close()


async def test_a_slow_answer_does_not_move_the_clock(proxy: Proxy, remote: Mongo):
    before = remote.clock.now() - await server_time(remote)
    proxy.delay = 0.4  # all of it on the way back: half of it would be taken for an error of the clock
    await remote.clock.refresh()
    proxy.delay = 0
    after = remote.clock.now() - await server_time(remote)
    assert abs(after - before) < timedelta(milliseconds=50)


async def test_a_clock_that_went_wrong_is_put_right(mongo: Mongo):
    mongo.clock._offset = (mongo.clock._offset or timedelta()) + timedelta(seconds=3)
    await mongo.clock.refresh()
    assert abs(mongo.clock.now() - await server_time(mongo)) < timedelta(milliseconds=50)
