"""The log of readings: nobody changes, removes or inserts an entry without its showing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.matters.secrecy.accesses import Access, Accesses
from shared.mongo import Mongo, connect


@pytest.fixture
async def mongo(mongo_url: str, database: str) -> AsyncIterator[Mongo]:
    connected = await connect(mongo_url, database)
    yield connected
    await connected.close()


@pytest.fixture
async def log(mongo: Mongo) -> Accesses:
    accesses = Accesses(mongo.database["accesses"], mongo.clock)
    await accesses.ensure_indexes()
    return accesses


def reading(log: Accesses, number: int, **changes: Any) -> Access:
    given: dict[str, Any] = {
        "unit": "LY-GA-001",
        "person": "P-1",
        "party": "police",
        "mechanism": "mandatory_report",
        "matter": f"m-{number}",
        "divisions": ("410329", "410300", "410000"),
        "subject": "C-AAAAAAAA",
        "fields": ("name", "phone"),
        "age": "under_14",
        "purpose": "case_handling",
        "basis": "statutory_duty",
        "outcome": "granted",
    }
    return Access(**(given | changes))


async def test_entries_written_at_once_form_one_chain_without_gaps(log: Accesses) -> None:
    await asyncio.gather(*(log.append(reading(log, n)) for n in range(40)))
    assert await log.verify(0, 100) == (40, None)
    shown = await log.page("410300", matter=None, before=None, limit=100)
    assert [each.number for each in shown] == list(range(40, 0, -1))
    assert {each.access.matter for each in shown} == {f"m-{n}" for n in range(40)}


CHANGES: dict[str, Any] = {
    "person": "P-2",
    "fields": ["name"],
    "purpose": "legal_supervision",
    "outcome": "refused",
    "released_by": "P-9",
    "at": datetime(2026, 1, 1, tzinfo=UTC),
    "hits": 3,
    "hash": "0" * 64,
    "previous": "0" * 64,
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_changed_entry_shows(log: Accesses, mongo: Mongo, name: str) -> None:
    for n in range(5):
        await log.append(reading(log, n))
    await mongo.database["accesses"].update_one({"_id": 3}, {"$set": {name: CHANGES[name]}})
    number, misfit = await log.verify(0, 100)
    assert misfit is not None
    assert (number, misfit.number) == (2, 3)


async def test_a_removed_entry_shows_and_so_does_one_put_in_its_place(log: Accesses, mongo: Mongo) -> None:
    for n in range(5):
        await log.append(reading(log, n))
    entries = mongo.database["accesses"]
    removed = await entries.find_one_and_delete({"_id": 3})
    assert removed is not None
    _, misfit = await log.verify(0, 100)
    assert misfit is not None
    assert misfit.number == 3
    await entries.insert_one({**removed, "person": "P-7"})
    _, misfit = await log.verify(0, 100)
    assert misfit is not None
    assert misfit.number == 3
    await entries.replace_one({"_id": 3}, removed)
    assert await log.verify(0, 100) == (5, None)


async def test_an_inserted_entry_shows(log: Accesses, mongo: Mongo) -> None:
    for n in range(3):
        await log.append(reading(log, n))
    last = await log.last()
    assert last is not None
    forged = await mongo.database["accesses"].find_one({"_id": 3})
    assert forged is not None
    await mongo.database["accesses"].insert_one({**forged, "_id": 4, "previous": last.hash})
    number, misfit = await log.verify(0, 100)
    assert misfit is not None
    assert (number, misfit.number) == (3, 4)


async def test_the_check_goes_on_where_the_last_one_ended(log: Accesses, mongo: Mongo) -> None:
    for n in range(7):
        await log.append(reading(log, n))
    assert await log.verify(0, 3) == (3, None)
    assert await log.verify(3, 3) == (6, None)
    assert await log.verify(6, 3) == (7, None)
    await mongo.database["accesses"].update_one({"_id": 3}, {"$set": {"person": "P-2"}})
    _, misfit = await log.verify(3, 3)
    assert misfit is not None
    assert misfit.number == 3


async def test_a_log_cut_short_or_written_anew_shows_to_whoever_noted_an_entry(
    log: Accesses, mongo: Mongo
) -> None:
    noted = [await log.append(reading(log, n)) for n in range(5)][-1]
    assert await log.verify(noted.number, 10, noted.hash) == (5, None)
    await mongo.database["accesses"].delete_many({"_id": {"$gt": 3}})
    assert await log.verify(0, 10) == (3, None)
    _, misfit = await log.verify(noted.number, 10, noted.hash)
    assert misfit is not None
    for n in range(3, 5):
        await log.append(reading(log, n, person="P-8"))
    assert await log.verify(0, 10) == (5, None)
    _, misfit = await log.verify(noted.number, 10, noted.hash)
    assert misfit is not None


async def test_an_audit_reads_its_division_and_those_below_and_no_other(log: Accesses) -> None:
    await log.append(reading(log, 1))
    await log.append(reading(log, 2, divisions=("410323", "410300", "410000")))
    assert len(await log.page("410300", matter=None, before=None, limit=10)) == 2
    assert [each.access.matter for each in await log.page("410323", matter=None, before=None, limit=10)] == [
        "m-2"
    ]
    assert [each.access.matter async for each in log.between("410329", *YEAR)] == ["m-1"]


YEAR = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC))
