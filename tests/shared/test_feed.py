"""Numbers without gaps, each event once, each reader only what is meant for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from shared.events import Event
from shared.feed import Feed
from shared.mongo import Mongo, connect


@pytest.fixture
async def mongo(mongo_url: str, database: str) -> AsyncIterator[Mongo]:
    mongo = await connect(mongo_url, database)
    yield mongo
    await mongo.close()


@pytest.fixture
async def feed(mongo: Mongo) -> Feed:
    feed = Feed(mongo.database["feed"])
    await feed.ensure_indexes()
    return feed


def an_event(name: str, units: Sequence[str] = (), divisions: Sequence[str] = ()) -> Event:
    return Event(
        id=name,
        source="/test",
        type="test.thing.done",
        subject=name.partition("-")[0],
        time=datetime(2026, 11, 23, 1, 2, 3, 456000, UTC),
        data={"name": name},
        version=1,
        correlation=name,
        units=tuple(units),
        divisions=tuple(divisions),
    )


def some(*names: str) -> list[Event]:
    return [an_event(name) for name in names]


async def told(feed: Feed) -> list[tuple[int, str]]:
    return [(entry.number, entry.event.id) for entry in await feed.read(0, 10_000)]


async def test_events_are_numbered_from_one_in_their_order(feed: Feed):
    await feed.append(some("a", "b"))
    await feed.append(some("c"))
    assert await told(feed) == [(1, "a"), (2, "b"), (3, "c")]
    assert await feed.last() == 3


async def test_what_is_there_already_is_not_added_again(feed: Feed):
    await feed.append(some("a", "b"))
    await feed.append(some("a", "c", "b", "c"))
    await feed.append([])
    assert await told(feed) == [(1, "a"), (2, "b"), (3, "c")]


async def test_an_entry_is_the_whole_event(feed: Feed):
    event = an_event("a", units=["LY-GA"], divisions=["410300"])
    await feed.append([event])
    assert (await feed.read(0, 1))[0].event == event


async def test_writers_side_by_side_leave_no_gap_and_say_nothing_twice(
    mongo_url: str, mongo: Mongo, feed: Feed
):
    others = [await connect(mongo_url, mongo.database.name) for _ in range(3)]
    feeds = [feed, *(Feed(other.database["feed"]) for other in others)]
    documents = [some(*(f"{letter}-{n}" for n in range(20))) for letter in "abcdef"]

    async def write(writer: Feed, shift: int) -> None:
        for start in range(0, 20, 5):
            for document in documents[shift:] + documents[:shift]:
                await writer.append(document[start : start + 5])

    await asyncio.gather(*(write(writer, shift) for shift, writer in enumerate(feeds)))
    entries = await told(feed)
    assert [number for number, _ in entries] == list(range(1, 121))
    for document in documents:
        ids = [event.id for event in document]
        assert [name for _, name in entries if name in ids] == ids
    for other in others:
        await other.close()


async def test_a_writer_that_froze_before_it_wrote_harms_nothing(feed: Feed, mongo: Mongo):
    frozen, thawed = asyncio.Event(), asyncio.Event()

    class Freezing(Feed):
        async def last(self) -> int:
            number = await super().last()
            frozen.set()
            await thawed.wait()
            return number

    sleeper = asyncio.create_task(Freezing(mongo.database["feed"]).append(some("a", "b", "x")))
    await frozen.wait()
    await feed.append(some("c", "a", "b", "d"))
    thawed.set()
    await sleeper
    assert await told(feed) == [(1, "c"), (2, "a"), (3, "b"), (4, "d"), (5, "x")]


async def test_a_reader_goes_on_where_it_stopped(feed: Feed):
    await feed.append(some(*"abcde"))
    assert [entry.event.id for entry in await feed.read(2, 2)] == ["c", "d"]
    assert await feed.read(5, 2) == []


async def test_a_unit_reads_what_names_it_or_its_divisions_and_nothing_else(feed: Feed):
    await feed.append(
        [
            an_event("a", units=["U1"], divisions=["410300"]),
            an_event("b", units=["U2"], divisions=["410302"]),
            an_event("c", units=["U1", "U2"]),
            an_event("d"),
        ]
    )

    async def read(unit: str | None = None, divisions: Sequence[str] = ()) -> str:
        return "".join(entry.event.id for entry in await feed.read(0, 10, unit, divisions))

    assert await read() == "abcd"
    assert await read("U1") == "ac"
    assert await read("U3") == ""
    assert await read("U3", ["410302", "410303"]) == "b"
    assert await read("U1", ["410302"]) == "abc"


async def test_reading_costs_what_is_read(feed: Feed, mongo: Mongo):
    await feed.append([an_event(f"{n}", units=["U1" if n % 100 == 0 else "U2"]) for n in range(1000)])
    query = {"_id": {"$gt": 500}, "$or": [{"units": "U1"}, {"divisions": {"$in": ["410300"]}}]}
    plan = await mongo.database["feed"].find(query).sort("_id").limit(50).explain()
    assert plan["executionStats"]["totalDocsExamined"] <= 10
