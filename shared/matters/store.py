"""Where matters are kept: one document each, changed by one write at the version that was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from shared.events import Event
from shared.matters.document import clock_documents, counted, entry_document, matter_of, opening_document
from shared.mechanism.core import Change
from shared.mechanism.grammar import Mechanism
from shared.mechanism.matter import Matter
from shared.mongo import Collection, Document, guarded

MAX_BYTES = 12 * 1024 * 1024  # well below MongoDB's own limit of 16 MiB
_SPARSE = ("attention_at", "owed_by", "calendar", "counted_until")
_SUMMARY = {"history": 0, "clocks": 0, "outbox": 0}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: a unit, what kind it is, and its division."""

    unit: str
    kind: str
    division: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which matters a list shows; all that is given must hold."""

    state: str | None = None
    party: str | None = None
    division: str | None = None
    overdue: bool | None = None
    due_before: datetime | None = None
    updated_since: datetime | None = None

    @property
    def order(self) -> tuple[str, int]:
        """Return the sort field and direction: by due moment, by change, or newest opening first."""
        if self.overdue or self.due_before is not None:
            return "owed_by", ASCENDING
        if self.updated_since is not None:
            return "updated_at", ASCENDING
        return "opened_at", DESCENDING


class Matters:
    """The matters of one service. Nothing is read without saying for whom."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    async def ensure_indexes(self) -> None:
        async with guarded():
            await self.collection.create_index("attention_at", sparse=True)
            await self.collection.create_index([("calendar", 1), ("counted_until", 1)], sparse=True)
            await self.collection.create_index([("counted_until", 1), ("_id", 1)], sparse=True)
            for scope in ("readers", "divisions"):
                for field, direction in (("opened_at", DESCENDING), ("updated_at", ASCENDING)):
                    await self.collection.create_index(
                        [("mechanism", 1), (scope, 1), (field, direction), ("_id", direction)]
                    )
                await self.collection.create_index(
                    [
                        ("mechanism", 1),
                        (scope, 1),
                        ("state", 1),
                        ("opened_at", DESCENDING),
                        ("_id", DESCENDING),
                    ]
                )
                await self.collection.create_index(
                    [("mechanism", 1), (scope, 1), ("owed_by", ASCENDING), ("_id", ASCENDING)],
                    partialFilterExpression={"owed_by": {"$type": "date"}},
                )

    async def find(self, mechanism: Mechanism, matter: str, reader: Reader) -> Matter | None:
        """Return the matter if the reader may see it."""
        wanted = {"_id": matter, **_of(mechanism), **_visible_to(mechanism, reader)}
        async with guarded():
            document = await self.collection.find_one(wanted, {"outbox": 0})
        return matter_of(document) if document else None

    async def summaries(
        self,
        mechanism: Mechanism,
        query: Query,
        reader: Reader,
        *,
        now: datetime,
        after: Sequence[Any],
        limit: int,
    ) -> list[Document]:
        """Return up to `limit` documents without history, in the query's order, after the given sort values."""
        field, direction = query.order
        conditions: list[Mapping[str, Any]] = [_of(mechanism), _visible_to(mechanism, reader)]
        if query.state is not None:
            conditions.append({"state": query.state})
        if query.party is not None:
            conditions.append({"readers": query.party})
        if query.division is not None:
            conditions.append({"divisions": query.division})
        if query.overdue is not None:
            over = {"owed_by": {"$type": "date", "$lte": now}}
            conditions.append(over if query.overdue else {"$nor": [over]})
        if query.due_before is not None:
            conditions.append({"owed_by": {"$type": "date", "$lt": query.due_before}})
        if query.updated_since is not None:
            conditions.append({"updated_at": {"$gte": query.updated_since}})
        if after:
            value, last = after
            beyond = "$gt" if direction == ASCENDING else "$lt"
            conditions.append({"$or": [{field: {beyond: value}}, {field: value, "_id": {beyond: last}}]})
        async with guarded():
            found = self.collection.find({"$and": conditions}, _SUMMARY)
            return await found.sort([(field, direction), ("_id", direction)]).limit(limit).to_list(limit)

    async def find_own(self, matter: str) -> Matter | None:
        """Return a matter for the service's own work (a repeat of its opening, its clocks), for no reader."""
        async with guarded():
            document = await self.collection.find_one({"_id": matter}, {"outbox": 0})
        return matter_of(document) if document else None

    async def needing_attention(self, limit: int) -> list[Matter]:
        """Return matters with a clock to be told, by the server's clock, the longest waiting first."""
        due = {"attention_at": {"$type": "date"}, "$expr": {"$lte": ["$attention_at", "$$NOW"]}}
        async with guarded():
            found = self.collection.find(due, {"outbox": 0}).sort("attention_at", 1).limit(limit)
            return [matter_of(document) for document in await found.to_list(limit)]

    async def insert(self, change: Change, events: Sequence[Event]) -> bool:
        """Keep a new matter with what is to be said of it; False if its id is taken."""
        document = opening_document(change, [event.document() for event in events])
        async with guarded():
            try:
                await self.collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    async def advance(self, change: Change, events: Sequence[Event]) -> bool:
        """Write a change if the matter is still at the version before it; False if it has moved on."""
        matter, entry = change.matter, change.entry
        changed: dict[str, Any] = {
            "state": matter.state,
            "version": matter.version,
            "parties": dict(matter.parties),
            "readers": list(matter.readers),
            "updated_at": matter.updated_at,
            "entered_at": matter.entered_at,
            "clocks": clock_documents(matter.clocks),
            "send_at": entry.recorded_at,
        }
        present = {"attention_at": change.attention_at, "owed_by": change.owed_by, **counted(matter.clocks)}
        changed |= {name: value for name, value in present.items() if value is not None}
        unset = {name: "" for name in _SPARSE if name not in changed}
        update: dict[str, Any] = {
            "$set": changed,
            "$push": {
                "history": entry_document(entry),
                "outbox": {"$each": [event.document() for event in events]},
            },
        }
        if unset:
            update["$unset"] = unset
        async with guarded():
            found = await self.collection.update_one({"_id": matter.id, "version": entry.version - 1}, update)
        return found.matched_count == 1

    async def counted_before(self, cutoffs: Mapping[int, datetime], limit: int) -> list[Matter]:
        """Return matters with a clock counted by an older calendar, that the change to a newer one may move."""
        older = [
            {"calendar": edition, "counted_until": {"$gte": since}} for edition, since in cutoffs.items()
        ]
        if not older:
            return []
        async with guarded():
            found = await self.collection.find({"$or": older}, {"outbox": 0}).limit(limit).to_list(limit)
        return [matter_of(document) for document in found]

    async def counted_past(self, since: datetime, after: str, limit: int) -> list[Matter]:
        """Return matters with an unfinished clock that ends at or after `since`, by id."""
        wanted = {"counted_until": {"$gte": since}, "_id": {"$gt": after}}
        async with guarded():
            found = (
                await self.collection.find(wanted, {"outbox": 0}).sort("_id", 1).limit(limit).to_list(limit)
            )
        return [matter_of(document) for document in found]

    async def confirm(self, matter: Matter) -> bool:
        """Keep clocks that were counted again and did not move; no version, no entry. False if it has moved on."""
        changed = {"clocks": clock_documents(matter.clocks), **counted(matter.clocks)}
        async with guarded():
            found = await self.collection.update_one(
                {"_id": matter.id, "version": matter.version}, {"$set": changed}
            )
        return found.matched_count == 1


def _of(mechanism: Mechanism) -> dict[str, Any]:
    return {"mechanism": mechanism.key, "edition": mechanism.edition}


def _visible_to(mechanism: Mechanism, reader: Reader) -> dict[str, Any]:
    """Return who sees what: parties, present and former, and overseers of the matter's division."""
    if any(reader.kind in party.kinds for party in mechanism.overseers):
        return {"$or": [{"readers": reader.unit}, {"divisions": reader.division}]}
    return {"readers": reader.unit}
