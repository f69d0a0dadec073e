"""Where matters are kept: one document each, changed by one write at the version that was read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.errors import DuplicateKeyError

from shared.events import Event
from shared.matters.document import (
    clock_documents,
    counted,
    entry_document,
    link_documents,
    matter_of,
    opening_document,
    overseers_of,
    seen_by,
)
from shared.matters.secrecy.sealing import NOTHING, Sealed
from shared.mechanism.core import Change
from shared.mechanism.grammar import Mechanism
from shared.mechanism.matter import Matter
from shared.mechanism.sight import hidden_parties
from shared.mongo import Collection, Document, guarded

MAX_BYTES = 12 * 1024 * 1024  # well below MongoDB's own limit of 16 MiB
_WORTH_COUNTING = 1000
_SEEN_AT_ONCE = 200
_LAST = "\uffff"  # after every character of an id
# The server's clock decides, inside the index: the type keeps matters without the field out of the scan.
_DUE = {"attention_at": {"$type": "date"}, "$expr": {"$lte": ["$attention_at", "$$NOW"]}}
_NO_LIMIT = 24 * 3600.0  # None would mean the limit of the connection
_SPARSE = ("attention_at", "owed_by", "calendar", "counted_until", "only")
_WHOLE = {"outbox": 0, "secrets": 0, "found_by": 0}
_SUMMARY = {"history": 0, "clocks": 0, **_WHOLE}
# Time and the calendar change clocks alone: of the history they need the last entry, to which the next is linked.
_CLOCKS = {"history": {"$slice": -1}, **_WHOLE}


_Index = list[tuple[str, int]]
# The indexes. Each query names its own: the planner, left to itself, at times sorts all there is.
_ATTENTION = [("attention_at", ASCENDING), ("_id", ASCENDING)]
_COUNTED_BY = [("calendar", ASCENDING), ("counted_until", ASCENDING)]
_COUNTED = [("counted_until", ASCENDING), ("_id", ASCENDING)]
_SEEN = [("mechanism", ASCENDING), ("edition", ASCENDING), ("seen_by", ASCENDING)]
_NEWEST = [*_SEEN, ("opened_at", DESCENDING), ("_id", DESCENDING)]
_NEWEST_IN_STATE = [*_SEEN, ("state", ASCENDING), ("opened_at", DESCENDING), ("_id", DESCENDING)]
# With the state behind, matters in another one are passed over without being read.
_CHANGED = [*_SEEN, ("updated_at", ASCENDING), ("_id", ASCENDING), ("state", ASCENDING)]
_OWED = [*_SEEN, ("owed_by", ASCENDING), ("_id", ASCENDING), ("state", ASCENDING)]
_CORRELATED = [("correlation", ASCENDING), ("opened_at", DESCENDING), ("_id", DESCENDING)]
_LINKED = [("links.matter", ASCENDING), ("opened_at", DESCENDING), ("_id", DESCENDING)]
_ONLY = [("only", ASCENDING)]
_FOUND = [("found_by", ASCENDING), ("opened_at", DESCENDING)]


class Twin(Exception):
    """Another open matter is about the same, of which there may be one."""

    def __init__(self, matter: str) -> None:
        super().__init__(f"matter {matter} is about the same")
        self.matter = matter


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
    correlation: str | None = None
    linked_to: str | None = None

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
        """Make the indexes that every query here stands on, in one pass over what there is, however long it takes."""
        with pymongo.timeout(_NO_LIMIT):
            async with guarded(None):
                await self.collection.create_indexes(list(_indexes()))

    async def find(self, mechanism: Mechanism, matter: str, reader: Reader) -> Matter | None:
        """Return the matter if the reader may see it."""
        wanted = {"_id": matter, **_of(mechanism), "seen_by": {"$in": _eyes(mechanism, reader)}}
        async with guarded():
            document = await self.collection.find_one(wanted, _WHOLE, hint="_id_")
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
        eyes = _eyes(mechanism, reader)
        conditions: list[Mapping[str, Any]] = [_of(mechanism)]
        sides = [eyes]
        for name, value in (("readers", query.party), ("divisions", query.division)):
            if value is not None:
                conditions.append(
                    {name: value} if name == "divisions" else _involving(mechanism, reader, value)
                )
                sides.append([value if name == "readers" else overseers_of(value)])
        # Only one value of a list bounds a scan: the others are looked for in what it finds.
        narrowest = await self._narrowest(mechanism, sides)
        conditions.append({"seen_by": {"$in": narrowest}})
        if narrowest != eyes:
            conditions.append(_visible_to(mechanism, reader))
        if query.state is not None:
            conditions.append({"state": query.state})
        if query.correlation is not None:
            conditions.append({"correlation": query.correlation})
        if query.linked_to is not None:
            conditions.append({"links": {"$elemMatch": _made_by(mechanism, reader, query.linked_to)}})
        if query.overdue is not None:
            over = {"owed_by": {"$type": "date", "$lte": now}}
            conditions.append(over if query.overdue else {"$nor": [over]})
        if query.due_before is not None:
            conditions.append({"owed_by": {"$type": "date", "$lt": query.due_before}})
        if query.updated_since is not None:
            conditions.append({"updated_at": {"$gte": query.updated_since}})
        return await self._page(conditions, _SUMMARY, query.order, _index_for(query), after, limit)

    async def _page(
        self,
        conditions: Sequence[Mapping[str, Any]],
        projection: Mapping[str, Any],
        order: tuple[str, int],
        index: _Index,
        after: Sequence[Any],
        limit: int,
    ) -> list[Document]:
        """Return documents in the order of a field, then of the id, after those values of the last one read."""
        field, direction = order
        spans: list[Mapping[str, Any]] = [{}]
        if after:
            # Two scans with firm bounds. As one, with $or, it is planned at times as a filter on all there is.
            value, last = after
            beyond = "$gt" if direction == ASCENDING else "$lt"
            spans = [{field: value, "_id": {beyond: last}}, {field: {beyond: value}}]
        page: list[Document] = []
        async with guarded():
            for span in spans:
                if left := limit - len(page):
                    found = self.collection.find({"$and": [*conditions, span]}, projection, hint=index)
                    page += (
                        await found.sort([(field, direction), ("_id", direction)]).limit(left).to_list(left)
                    )
        return page

    async def _narrowest(self, mechanism: Mechanism, sides: Sequence[list[str]]) -> list[str]:
        """Return from whose side to look: that of the fewest matters, as far as is worth counting, else the last."""
        if len(sides) == 1:
            return sides[0]
        counts = []
        async with guarded():
            for side in sides:
                seen = {**_of(mechanism), "seen_by": {"$in": side}}
                count = self.collection.count_documents(seen, limit=_WORTH_COUNTING, hint=_NEWEST)
                counts.append(await count)
        return min(zip(counts, reversed(range(len(sides))), sides, strict=True))[2]

    async def find_own(self, matter: str) -> Matter | None:
        """Return a matter for the service's own work (a repeat of its opening, its clocks), for no reader."""
        async with guarded():
            document = await self.collection.find_one({"_id": matter}, _WHOLE)
        return matter_of(document) if document else None

    async def sealed(self, matter: str, label: str) -> Document | None:
        """Return what stands behind a label: the key of its secret, the class of age, and the fields, sealed."""
        async with guarded():
            document = await self.collection.find_one({"_id": matter}, {f"secrets.{label}": 1}, hint="_id_")
        found: Document | None = (document or {}).get("secrets", {}).get(label)
        return found

    async def found_by(self, mechanism: Mechanism, hashed: str, reader: Reader, limit: int) -> list[Document]:
        """Return those of the reader's matters that hold a value with this keyed hash, newest first."""
        wanted = {**_of(mechanism), "found_by": hashed, "seen_by": {"$in": _eyes(mechanism, reader)}}
        async with guarded():
            found = self.collection.find(wanted, _SUMMARY, hint=_FOUND).sort("opened_at", DESCENDING)
            return await found.limit(limit).to_list(limit)

    async def shares_due(self) -> set[str]:
        """Return in which shares there are matters with a clock to be told, by the server's clock; from the index."""
        async with guarded():
            found = self.collection.find(_DUE, {"_id": 1}, hint=_ATTENTION).sort("attention_at", ASCENDING)
            return {
                document["_id"][:1] for document in await found.limit(_SEEN_AT_ONCE).to_list(_SEEN_AT_ONCE)
            }

    async def needing_attention(self, share: str, limit: int) -> list[Matter]:
        """Return matters of a share with a clock to be told, by the server's clock, the longest waiting first.

        Like all that is found for its clocks, each with the last entry of its history only.
        """
        mine = {**_DUE, "_id": {"$gte": share, "$lt": share + _LAST}}
        async with guarded():
            found = self.collection.find(mine, _CLOCKS, hint=_ATTENTION).sort("attention_at", ASCENDING)
            return [matter_of(document) for document in await found.limit(limit).to_list(limit)]

    async def insert(self, change: Change, events: Sequence[Event], sealed: Sealed = NOTHING) -> bool:
        """Keep a new matter with what is to be said of it; False if its id is taken. Raises Twin."""
        document = opening_document(change, [event.document() for event in events])
        if sealed.values:
            document["secrets"] = dict(sealed.values)
        if sealed.found_by:
            document["found_by"] = list(sealed.found_by)
        async with guarded():
            try:
                await self.collection.insert_one(document)
            except DuplicateKeyError as error:
                await self._look_for_twin(error, change)
                return False
        return True

    async def advance(self, change: Change, events: Sequence[Event], sealed: Sealed = NOTHING) -> bool:
        """Write a change if the matter is still at the version before it; False if it has moved on. Raises Twin."""
        matter, entry = change.matter, change.entry
        changed: dict[str, Any] = {
            "state": matter.state,
            "version": matter.version,
            "parties": dict(matter.parties),
            "readers": list(matter.readers),
            "seen_by": seen_by(matter),
            "updated_at": matter.updated_at,
            "entered_at": matter.entered_at,
            "links": link_documents(matter.links),
            "clocks": clock_documents(matter.clocks),
            "send_at": entry.recorded_at,
        }
        present = {
            "attention_at": change.attention_at,
            "owed_by": change.owed_by,
            "only": matter.only,
            **counted(matter.clocks),
        }
        changed |= {name: value for name, value in present.items() if value is not None}
        changed |= {f"secrets.{label}": value for label, value in sealed.values.items()}
        unset = {name: "" for name in _SPARSE if name not in changed}
        if sealed.erases:
            unset |= {"secrets": "", "found_by": ""}
        update: dict[str, Any] = {
            "$set": changed,
            "$push": {
                "history": entry_document(entry),
                "outbox": {"$each": [event.document() for event in events]},
            },
        }
        if sealed.found_by:
            update["$addToSet"] = {"found_by": {"$each": list(sealed.found_by)}}
        if unset:
            update["$unset"] = unset
        async with guarded():
            try:
                found = await self.collection.update_one(
                    {"_id": matter.id, "version": entry.version - 1}, update
                )
            except DuplicateKeyError as error:
                await self._look_for_twin(error, change)
                raise
        return found.matched_count == 1

    async def _look_for_twin(self, error: DuplicateKeyError, change: Change) -> None:
        if "only" in ((error.details or {}).get("keyPattern") or {}):
            twin = await self.collection.find_one({"only": change.matter.only}, {"_id": 1}, hint=_ONLY)
            if twin is not None:
                raise Twin(twin["_id"]) from None

    async def counted_before(self, cutoffs: Mapping[int, datetime], limit: int) -> list[Matter]:
        """Return matters with a clock counted by an older calendar, that the change to a newer one may move."""
        older = [
            {"calendar": edition, "counted_until": {"$gte": since}} for edition, since in cutoffs.items()
        ]
        if not older:
            return []
        async with guarded():
            found = (
                await self.collection.find({"$or": older}, _CLOCKS, hint=_COUNTED_BY)
                .limit(limit)
                .to_list(limit)
            )
        return [matter_of(document) for document in found]

    async def counted_past(
        self, since: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[tuple[datetime, Matter]]:
        """Return matters with an unfinished clock that ends at or after `since`, each with its latest end, in order.

        `after`: the latest end and the id of the last one that was read.
        """
        ends = {"counted_until": {"$gte": since}}
        order = ("counted_until", ASCENDING)
        page = await self._page([ends], _CLOCKS, order, _COUNTED, after or (), limit)
        return [(document["counted_until"], matter_of(document)) for document in page]

    async def confirm(self, matters: Sequence[Matter]) -> None:
        """Keep clocks that were counted again and did not move: no version, no entry; not of one that has moved on."""
        updates = [
            UpdateOne(
                {"_id": matter.id, "version": matter.version},
                {"$set": {"clocks": clock_documents(matter.clocks), **counted(matter.clocks)}},
            )
            for matter in matters
        ]
        if updates:
            async with guarded():
                await self.collection.bulk_write(updates, ordered=False)


def _indexes() -> Iterator[IndexModel]:
    for keys in (_ATTENTION, _COUNTED_BY, _COUNTED):
        yield IndexModel(keys, sparse=True)
    for keys in (_NEWEST, _NEWEST_IN_STATE, _CHANGED):
        yield IndexModel(keys)
    yield IndexModel(_OWED, partialFilterExpression={"owed_by": {"$type": "date"}})
    yield IndexModel(_CORRELATED)
    yield IndexModel(_LINKED)
    yield IndexModel(_ONLY, unique=True, sparse=True)
    yield IndexModel(_FOUND, partialFilterExpression={"found_by": {"$exists": True}})


def _index_for(query: Query) -> _Index:
    """Return the index that has the query's order; of what belongs together there is little."""
    if query.correlation is not None:
        return _CORRELATED
    if query.linked_to is not None:
        return _LINKED
    match query.order[0]:
        case "owed_by":
            return _OWED
        case "updated_at":
            return _CHANGED
        case _:
            return _NEWEST if query.state is None else _NEWEST_IN_STATE


def _of(mechanism: Mechanism) -> dict[str, Any]:
    return {"mechanism": mechanism.key, "edition": mechanism.edition}


def _visible_to(mechanism: Mechanism, reader: Reader) -> dict[str, Any]:
    """Return who sees what: parties, present and former, and overseers of the matter's division."""
    if oversees(mechanism, reader):
        return {"$or": [{"readers": reader.unit}, {"divisions": reader.division}]}
    return {"readers": reader.unit}


def _involving(mechanism: Mechanism, reader: Reader, unit: str) -> dict[str, Any]:
    """Return which matters a unit is or was a party to, as far as the reader is told of that."""
    hidden = hidden_parties(mechanism)
    if not hidden or unit == reader.unit or oversees(mechanism, reader):
        return {"readers": unit}
    found: list[dict[str, Any]] = []
    for party in mechanism.parties:
        told = [{f"parties.{key}": reader.unit} for key in party.shown_to or ()]
        found.append({f"parties.{party.key}": unit, **({"$or": told} if party.key in hidden else {})})
    return {"$or": found}


def _eyes(mechanism: Mechanism, reader: Reader) -> list[str]:
    """Return the same as values of `seen_by`."""
    return [reader.unit, *([overseers_of(reader.division)] if oversees(mechanism, reader) else [])]


def _made_by(mechanism: Mechanism, reader: Reader, matter: str) -> dict[str, Any]:
    """Return which links to a matter count: for who is no overseer, its own."""
    return {"matter": matter} if oversees(mechanism, reader) else {"matter": matter, "unit": reader.unit}


def oversees(mechanism: Mechanism, reader: Reader) -> bool:
    """Return whether the reader is of a kind that oversees the procedure."""
    return any(reader.kind in party.kinds for party in mechanism.overseers)
