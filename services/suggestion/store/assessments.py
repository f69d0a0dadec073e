"""The yearly assessments: made once, with figures and a file that never change."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.suggestion.domain.assessment import Assessed, Period, Tally, assess, tally, workbook
from services.suggestion.domain.standing import Counts
from services.suggestion.store.figures import SUGGESTION
from shared.clocks.counting import start_of
from shared.matters.commands import Clock
from shared.matters.store import Matters
from shared.mechanism.matter import ClockChange, Entry
from shared.mongo import Database, Document, guarded, unhurried
from shared.papers import Papers

MOST: Final = 20_000  # suggestions in one assessment
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE_LIMIT: Final = 256 * 1024 * 1024  # far above what MOST suggestions fill
_BATCH: Final = 50

_ISSUED_BY: Final = [
    ("mechanism", 1),
    ("parties.procuratorate", 1),
    ("_id", 1),
    ("updated_at", 1),
]
_NEWEST: Final = [("unit", 1), ("made_at", -1), ("_id", -1)]
# Of the forms only what is counted: a history holds texts, and there are thousands of histories. Of a point, the
# shortest field says that there is one.
_FORM: Final = ("type", "breach", "field", "number", "points.basis", "point", "corrects")
_ENTRY: Final = ("version", "kind", "step", "source", "to", "acted_at", "recorded_at", "clocks")
_READ: Final = {
    "parties.addressee": 1,
    **{f"history.{name}": 1 for name in _ENTRY},
    **{f"history.form.{name}": 1 for name in _FORM},
}


class TooMany(Exception):
    """There are more suggestions than one assessment takes."""


@dataclass(frozen=True, slots=True)
class File:
    """The workbook as it is kept: `size` in bytes, `sha256` in hex."""

    id: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a procuratorate's suggestions of a year had come to by the end of the cut-off day."""

    id: str
    unit: str
    cut_off: dt.date
    made_at: dt.datetime
    tally: Tally
    file: File


class Assessments:
    """The assessments of every procuratorate, each kept for ever as it was made."""

    def __init__(self, database: Database, matters: Matters, clock: Clock, *, most: int = MOST) -> None:
        """`most`: how many suggestions one assessment takes."""
        self.most = most
        self.papers = Papers(database, now=clock.now, limit=_FILE_LIMIT)
        self._database = database
        self._collection = database["assessments"]
        self._matters = matters.collection
        self._clock = clock

    async def ensure_indexes(self) -> None:
        """Make the index that lists stand on, and the one by which a procuratorate's suggestions are found."""
        async with unhurried():
            await self._collection.create_index(_NEWEST)
            await self._matters.create_index(_ISSUED_BY)

    def over(self, period: Period) -> bool:
        """Return whether the period is over by the server's clock."""
        return period.over(self._clock.now())

    async def find(self, assessment: str) -> Assessment | None:
        async with guarded():
            document = await self._collection.find_one({"_id": assessment})
        return _assessment(document) if document else None

    async def page(self, unit: str, after: Sequence[Any], limit: int) -> list[Assessment]:
        """Return up to `limit` of a unit's, the newest first, behind the moment and the id of the last one read."""
        conditions: list[Mapping[str, Any]] = [{"unit": unit}]
        if after:
            made_at, last = after
            conditions.append(
                {"$or": [{"made_at": {"$lt": made_at}}, {"made_at": made_at, "_id": {"$lt": last}}]}
            )
        async with guarded():
            found = self._collection.find({"$and": conditions}, hint=_NEWEST)
            documents = await found.sort(_NEWEST[1:]).limit(limit).to_list(limit)
        return list(map(_assessment, documents))

    async def make(self, assessment: str, unit: str, period: Period) -> Assessment:
        """Make and keep the assessment of a period that is over; of two at once, the first one stays.

        Raises TooMany.
        """
        assessed: list[Assessed] = []
        async for document in self._issued(unit, period):
            history = [_entry(each) for each in document["history"]]
            found = assess(period, document["_id"], document["parties"].get("addressee", ""), history)
            if found is not None:
                assessed.append(found)
            if len(assessed) > self.most:
                raise TooMany
        content = await asyncio.to_thread(workbook, period, assessed)
        paper = await self.papers.store(_pieces(content), XLSX, unit)
        made = Assessment(
            id=assessment,
            unit=unit,
            cut_off=period.cut_off,
            made_at=paper.received_at,
            tally=tally(assessed),
            file=File(paper.id, paper.sha256, paper.size),
        )
        async with guarded():
            first = {"_id": assessment}
            kept = await self._collection.update_one(first, {"$setOnInsert": _document(made)}, upsert=True)
            if kept.upserted_id is not None:
                return made
            # Another request with the same key was faster, and its file is the one that is kept.
            await self._database["fs.files"].delete_one({"_id": paper.id})
            await self._database["fs.chunks"].delete_many({"files_id": paper.id})
            return _assessment(await self._collection.find_one(first) or {})

    async def _issued(self, unit: str, period: Period) -> AsyncIterator[Document]:
        """Give what the unit may have delivered in the period, page by page.

        An act is recorded after it was done, minutes apart at most: what has not changed since the day before the
        period was not delivered in it.
        """
        since = start_of(period.since) - dt.timedelta(days=1)
        last = ""
        while True:
            wanted = {
                "mechanism": SUGGESTION,
                "parties.procuratorate": unit,
                "_id": {"$gt": last},
                "updated_at": {"$gte": since},
            }
            async with guarded():
                found = self._matters.find(wanted, _READ, hint=_ISSUED_BY).sort("_id", 1)
                page = await found.limit(_BATCH).to_list(_BATCH)
            for document in page:
                yield document
            if len(page) < _BATCH:
                return
            last = page[-1]["_id"]


def _document(made: Assessment) -> Document:
    return {
        "_id": made.id,
        "unit": made.unit,
        "cut_off": made.cut_off.isoformat(),  # MongoDB has no date without a time
        "made_at": made.made_at,
        "withdrawn": made.tally.withdrawn,
        "counts": asdict(made.tally.counts),
        "file": asdict(made.file),
    }


def _assessment(document: Mapping[str, Any]) -> Assessment:
    return Assessment(
        id=document["_id"],
        unit=document["unit"],
        cut_off=dt.date.fromisoformat(document["cut_off"]),
        made_at=document["made_at"],
        tally=Tally(document["withdrawn"], Counts(**document["counts"])),
        file=File(**document["file"]),
    )


def _entry(document: Mapping[str, Any]) -> Entry:
    changes = tuple(ClockChange(**change) for change in document["clocks"])
    return Entry(**{**document, "clocks": changes})


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
