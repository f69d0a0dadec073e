"""With 200,000 matters a scan reads what is due and a list reads a page: by what MongoDB says it examined."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.servers import Servers
from shared.matters.store import Query, Reader
from shared.mongo import Document
from shared.relay import _BATCH, _DUE, ensure_index
from tests.shared.matters.many import BIG_ORGAN, CITY, COPIES, COUNTIES, RARE, SEEDS, fill
from tests.shared.matters.trial import ADVICE, ORGAN_UNIT, Ground, ground_on

PAGE = 51  # what a page of fifty asks for, to know whether there is a next one
DUE = 50


@dataclass
class Examined:
    """What the server examined for the operations of a block, on the matters."""

    operations: list[Document] = field(default_factory=list)

    def sum(self, counter: str, kind: str | None = None) -> int:
        return sum(each.get(counter, 0) for each in self.operations if kind in (None, each["op"]))

    @property
    def documents(self) -> int:
        return self.sum("docsExamined")

    @property
    def keys(self) -> int:
        return self.sum("keysExamined")


@asynccontextmanager
async def examined(ground: Ground) -> AsyncIterator[Examined]:
    database, found = ground.mongo.database, Examined()
    await database.command("profile", 2)
    try:
        yield found
    finally:
        await database.command("profile", 0)
        wanted = {"ns": ground.matters.collection.full_name}
        found.operations += await database["system.profile"].find(wanted).sort("ts", 1).to_list(None)
        await database["system.profile"].drop()


@pytest.fixture(scope="module")
async def many(servers: Servers) -> AsyncIterator[Ground]:
    """200,000 matters with nothing due, and all the indexes."""
    async with servers.database() as database:
        await fill(servers.mongo_url, database, datetime.now(UTC))
        async with ground_on(servers.mongo_url, database) as ground:
            await ensure_index(ground.matters.collection)
            assert await ground.matters.collection.estimated_document_count() == SEEDS * COPIES == 200_000
            yield ground


async def test_a_scan_in_which_nothing_is_due_reads_nothing(many: Ground) -> None:
    async with examined(many) as cost:
        assert await many.timekeeper("keeper").tell() == 0
    assert len(cost.operations) == 1
    assert (cost.documents, cost.keys) == (0, 0)


async def test_what_is_due_is_found_told_and_relayed_by_reading_about_as_many_documents(many: Ground) -> None:
    due = [await many.open(many.ago(days=10), reply_hours=48) for _ in range(DUE)]
    # The relay's search, before and after: each has its opening to say already.
    explain = {"find": "matters", "filter": _DUE, "sort": {"send_at": 1}, "limit": _BATCH}
    plan = await many.mongo.database.command({"explain": explain, "verbosity": "executionStats"})
    stats = plan["executionStats"]
    assert (stats["nReturned"], stats["totalKeysExamined"], stats["totalDocsExamined"]) == (DUE, DUE, DUE)
    assert "1970" not in json.dumps(plan["queryPlanner"]["winningPlan"], default=str)
    async with examined(many) as cost:
        assert await many.timekeeper("keeper").tell() == DUE
    for matter in due:
        assert [entry.kind for entry in (await many.read(matter)).history] == ["step", "clock"]
    assert cost.sum("docsExamined", "query") <= 2 * DUE
    assert cost.sum("docsExamined", "update") == DUE
    # A share's matters lie between those of the others in the index: their keys are passed over.
    assert cost.keys <= 20 * DUE, cost.keys
    async with examined(many) as cost:
        assert await many.timekeeper("keeper").tell() == 0
    assert cost.documents == 0


async def test_matters_that_a_new_calendar_may_move_are_found_without_the_others(many: Ground) -> None:
    # These are counted by edition 1, like all that this ground opens; the 200,000 by edition 2.
    late = many.ago(days=0)
    older = [await many.open(late, reply_hours=900) for _ in range(DUE)]
    since = late + timedelta(hours=899)
    async with examined(many) as cost:
        found = await many.matters.counted_before({1: since}, 1000)
    assert {matter.id for matter in found} == set(older)
    assert (cost.documents, len(cost.operations)) == (DUE, 1)
    async with examined(many) as cost:
        found = await many.matters.counted_before({1: late + timedelta(hours=901)}, 1000)
    assert (found, cost.documents) == ([], 0)


async def test_a_dry_run_reads_page_by_page_in_order_what_ends_after_the_change(many: Ground) -> None:
    since, after, pages = many.ago(days=0) + timedelta(hours=1000), None, 0
    seen: list[tuple[datetime, str]] = []
    while pages < 5:
        async with examined(many) as cost:
            page = await many.matters.counted_past(since, after, 100)
        assert cost.documents <= 102
        seen += [(moment, matter.id) for moment, matter in page]
        after, pages = seen[-1], pages + 1
    assert seen == sorted(seen)
    assert len(set(seen)) == 500
    assert seen[0][0] >= since
    running = {"counted_until": {"$gte": since, "$lt": seen[-1][0]}}
    assert await many.matters.collection.count_documents(running) == sum(
        moment < seen[-1][0] for moment, _ in seen
    )


READERS = {
    "a large organ": Reader(BIG_ORGAN, "administrative_organ", COUNTIES[0]),
    "the city's procuratorate": Reader("LY-JC-300", "procuratorate", CITY),
    "a county's procuratorate": Reader("LY-JC-329", "procuratorate", COUNTIES[0]),
}
SOON = timedelta(hours=1100)
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "state": {"state": "suspended"},
    "a rare state": {"state": RARE},
    "party": {"party": "LY-JC-329"},
    "an unknown party": {"party": "LY-XX-999"},
    "division": {"division": COUNTIES[0]},
    "overdue": {"overdue": True},
    "not overdue": {"overdue": False},
    "due_before": {"due_before": SOON},
    "updated_since": {"updated_since": -timedelta(hours=2)},
    "state and due_before": {"state": "suspended", "due_before": SOON},
    "state and updated_since": {"state": RARE, "updated_since": -timedelta(days=2)},
    "party and state": {"party": "LY-JC-329", "state": "open"},
}


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("reader", READERS)
async def test_a_page_of_a_list_reads_a_page_of_documents(many: Ground, reader: str, filters: str) -> None:
    now = many.mongo.clock.now()
    moments = {name: now + value for name, value in FILTERS[filters].items() if isinstance(value, timedelta)}
    query = Query(**{**FILTERS[filters], **moments})
    field, direction = query.order
    after: list[Any] = []
    seen: list[Document] = []
    for skipped in (0, 0, 2000):
        if skipped:  # a page far into the list
            far = await many.matters.summaries(
                ADVICE, query, READERS[reader], now=now, after=[], limit=skipped
            )
            after = [far[-1][field], far[-1]["_id"]] if far else []
        async with examined(many) as cost:
            page = await many.matters.summaries(
                ADVICE, query, READERS[reader], now=now, after=after, limit=PAGE
            )
        reading = Examined([each for each in cost.operations if "find" in each["command"]])
        # A filter on a second unit or division looks at some that it then leaves out; what is overdue is skipped.
        room = 5 if {"party", "division"} & set(FILTERS[filters]) else 1
        assert reading.documents <= room * PAGE + (DUE if filters == "not overdue" else 5)
        # In the index alone it passes over matters of another state, and of the same moment.
        assert reading.keys <= 1000 or "state and" in filters, reading.keys
        assert cost.documents - reading.documents <= 3000
        if not skipped:
            seen += page
        if len(page) < PAGE:
            break
        after = [page[-1][field], page[-1]["_id"]]
    keys = [(each[field], each["_id"]) for each in seen]
    assert keys == sorted(set(keys), reverse=direction < 0)


async def test_a_matter_is_found_by_its_id_alone(many: Ground) -> None:
    matter = await many.open(many.ago(hours=1))
    readers = [*READERS.values(), Reader(ORGAN_UNIT, "administrative_organ", "410329")]
    async with examined(many) as cost:
        found = await asyncio.gather(*(many.matters.find(ADVICE, matter, reader) for reader in readers))
    assert [each is not None for each in found] == [False, True, True, True]
    assert cost.documents == len(readers)
