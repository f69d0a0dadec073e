"""One holder at a time, by the server's clock."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import time_machine

from shared.lease import Lease
from shared.mongo import Collection, connect


@pytest.fixture
async def leases(mongo_url: str, database: str) -> AsyncIterator[Collection]:
    mongo = await connect(mongo_url, database)
    yield mongo.database["leases"]
    await mongo.close()


async def test_while_one_holds_it_no_other_gets_it(leases: Collection):
    a, b = Lease(leases, "relay", "a", 30), Lease(leases, "relay", "b", 30)
    assert await a.acquire() == 1
    assert await b.acquire() is None
    assert await a.acquire() == 1


async def test_of_many_who_ask_at_once_exactly_one_gets_it(leases: Collection):
    answers = await asyncio.gather(*(Lease(leases, "relay", f"h{n}", 30).acquire() for n in range(20)))
    assert sorted(answers, key=str) == [1, *[None] * 19]


async def test_a_holder_that_froze_loses_it_and_learns_so(leases: Collection):
    a, b = Lease(leases, "relay", "a", 0.3), Lease(leases, "relay", "b", 30)
    assert await a.acquire() == 1
    await asyncio.sleep(0.4)
    assert await b.acquire() == 2
    assert await a.acquire() is None


async def test_a_holder_that_slept_past_its_end_gets_another_number(leases: Collection):
    a = Lease(leases, "relay", "a", 0.3)
    assert await a.acquire() == 1
    await asyncio.sleep(0.4)
    assert await a.acquire() == 2


async def test_asking_again_holds_it_longer(leases: Collection):
    a, b = Lease(leases, "relay", "a", 0.6), Lease(leases, "relay", "b", 0.6)
    for _ in range(4):
        assert await a.acquire() == 1
        assert await b.acquire() is None
        await asyncio.sleep(0.3)


async def test_what_is_released_is_free_at_once_and_only_the_holder_can(leases: Collection):
    a, b = Lease(leases, "relay", "a", 30), Lease(leases, "relay", "b", 30)
    await a.acquire()
    await b.release()
    assert await b.acquire() is None
    await a.release()
    assert await b.acquire() == 2


async def test_leases_of_other_names_do_not_matter(leases: Collection):
    assert await Lease(leases, "relay", "a", 30).acquire() == 1
    assert await Lease(leases, "sweep", "b", 30).acquire() == 1


async def test_the_clock_of_a_process_does_not_matter(leases: Collection):
    with time_machine.travel(datetime(1999, 5, 6, tzinfo=UTC)):
        await Lease(leases, "relay", "a", 30).acquire()
    assert await Lease(leases, "relay", "b", 30).acquire() is None
    with time_machine.travel(datetime(2031, 5, 6, tzinfo=UTC)):
        assert await Lease(leases, "relay", "b", 30).acquire() is None
