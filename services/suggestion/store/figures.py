"""Reply rate and verified rectification rate, kept as counters: reading them costs nothing per suggestion."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, Final, Literal

from services.suggestion.domain.standing import Counts, Standing, standing
from services.suggestion.mechanisms import MECHANISMS
from shared.events import Event
from shared.matters.document import overseers_of
from shared.matters.store import Matters, Reader
from shared.mechanism.matter import Matter
from shared.mongo import Database, Document, Session, guarded, in_transaction, unhurried

SUGGESTION: Final = "procuratorial_suggestion"
By = Literal["unit", "year", "type", "field"]

_COUNTED: Final = tuple(each.name for each in fields(Counts))
_SEEN: Final = [("seen_by", 1), ("year", 1)]
_PAGE: Final = 500
_NONE: Final = Counts()


def heard() -> tuple[str, ...]:
    """Return the types of the events after which a suggestion may stand elsewhere: each step, and a corrected date."""
    editions = [mechanism for (key, _), mechanism in MECHANISMS.items() if key == SUGGESTION]
    said = {step.said for each in editions for step in each.every_step} | {"deadline_moved"}
    return tuple(f"suggestion.{SUGGESTION}.{each}" for each in sorted(said))


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose suggestions are counted; all that is given must hold. `division`: it or one below it."""

    by: By
    year: int | None = None
    unit: str | None = None
    type: str | None = None
    field: str | None = None
    division: str | None = None

    def conditions(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in ("year", "unit", "type", "field")}
        given["divisions"] = self.division
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the figures, by its key."""

    key: str | int
    counts: Counts


class Figures:
    """Counters of suggestions, and what each suggestion has put into them.

    A counter stands for one addressee, year, type, field and issuing procuratorate. A suggestion's own document says
    at which version it was last counted and for what: from it, whatever comes again, late, or in another order, moves
    what has changed and nothing else.
    """

    def __init__(self, database: Database, matters: Matters) -> None:
        self._database = database
        self._matters = matters
        self.counted = database["counted"]
        self.counters = database["counters"]
        # Two transactions over the same counter would only be in each other's way.
        self._one_at_a_time = asyncio.Lock()

    async def ensure_indexes(self) -> None:
        """Make the collections and the index that the figures are read by."""
        async with guarded():
            await self.counters.create_index(_SEEN)
            # The index is there in any case; the collection is made here, and not by the first of many transactions.
            await self.counted.create_index("_id")

    async def rebuild(self) -> None:
        """Count every suggestion that was never counted, however long it takes: the histories say it all."""
        last = ""
        while True:
            wanted = {"_id": {"$gt": last}, "mechanism": SUGGESTION}
            async with unhurried():
                found = self._matters.collection.find(wanted, {"_id": 1}, hint="_id_").sort("_id", 1)
                ids = [each["_id"] for each in await found.limit(_PAGE).to_list(_PAGE)]
                there = await self.counted.find({"_id": {"$in": ids}}, {"_id": 1}).to_list(_PAGE)
            for matter_id in sorted(set(ids) - {each["_id"] for each in there}):
                matter = await self._matters.find_own(matter_id)
                if matter is not None:
                    await self.count(matter)
            if len(ids) < _PAGE:
                return
            last = ids[-1]

    async def hear(self, event: Event) -> None:
        """Count the suggestion as it stands now, unless that was done since the event."""
        async with guarded():
            newer = {"_id": event.subject, "version": {"$gte": event.version}}
            if await self.counted.find_one(newer, {"_id": 1}, hint="_id_") is not None:
                return
        matter = await self._matters.find_own(event.subject)
        if matter is None:
            raise LookupError(f"there is no suggestion {event.subject}")
        await self.count(matter)

    async def count(self, matter: Matter) -> None:
        """Let the counters show where this suggestion stands, unless a newer version of it was counted."""
        stands = standing(matter)
        async with guarded(), self._one_at_a_time:
            await in_transaction(self._database, partial(self._recount, matter.id, matter.version, stands))

    async def _recount(self, matter: str, version: int, stands: Standing | None, session: Session) -> None:
        before = await self.counted.find_one({"_id": matter}, session=session)
        if before is None and stands is None:
            return  # not delivered: there is nothing to remember
        if before is not None and before["version"] >= version:
            return
        present = {"version": version, "standing": _standing_document(stands) if stands else None}
        # Written first: of two that count the same suggestion, one meets the other here and begins again.
        await self.counted.replace_one({"_id": matter}, present, upsert=True, session=session)
        was = _standing(before["standing"]) if before and before["standing"] else None
        for counter, difference in _differences(was, stands):
            if not any(difference.values()):
                continue
            place = {"_id": _id_of(counter)}
            change = {"$inc": difference, "$setOnInsert": _counter_document(counter)}
            await self.counters.update_one(place, change, upsert=True, session=session)
            await self.counters.delete_one(place | asdict(_NONE), session=session)

    async def rows(self, asked: Asked, reader: Reader, *, after: Sequence[Any], limit: int) -> list[Row]:
        """Return up to `limit` rows by key, behind the key `after`, of what the reader may see."""
        eyes = [reader.unit]
        if reader.kind == "procuratorate":
            eyes.append(overseers_of(reader.division))
        conditions: list[Mapping[str, Any]] = [{"seen_by": {"$in": eyes}, **asked.conditions()}]
        if after:
            conditions.append({asked.by: {"$gt": after[0]}})
        pipeline: list[Mapping[str, Any]] = [
            {"$match": {"$and": conditions}},
            {"$group": {"_id": f"${asked.by}", **{name: {"$sum": f"${name}"} for name in _COUNTED}}},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
        async with guarded():
            found = await self.counters.aggregate(pipeline, hint=dict(_SEEN)).to_list(limit)
        return [Row(each["_id"], Counts(**{name: each[name] for name in _COUNTED})) for each in found]


def _differences(was: Standing | None, now: Standing | None) -> list[tuple[Standing, dict[str, int]]]:
    """Return by how much each counter changes; where a suggestion has moved, one loses what the other gains."""
    if was is not None and now is not None and _id_of(was) == _id_of(now):
        before, after = asdict(was.counts), asdict(now.counts)
        return [(now, {name: after[name] - before[name] for name in _COUNTED})]
    lost = {name: -value for name, value in asdict(was.counts).items()} if was else {}
    gained = asdict(now.counts) if now else {}
    return [(each, change) for each, change in ((was, lost), (now, gained)) if each is not None]


def _key(stands: Standing) -> Document:
    return {
        "unit": stands.unit,
        "year": stands.year,
        "type": stands.type,
        "field": stands.field,
        "procuratorate": stands.procuratorate,
        # With those above: two matters of one division may know different ones, where a division was moved between.
        "divisions": list(stands.divisions),
    }


def _id_of(stands: Standing) -> str:
    return json.dumps(list(_key(stands).values()), ensure_ascii=False)


def _counter_document(stands: Standing) -> Document:
    seen_by = [stands.unit, stands.procuratorate, *map(overseers_of, stands.divisions)]
    return {**_key(stands), "seen_by": seen_by}


def _standing_document(stands: Standing) -> Document:
    return {**_key(stands), "counts": asdict(stands.counts)}


def _standing(document: Mapping[str, Any]) -> Standing:
    return Standing(
        **{**document, "divisions": tuple(document["divisions"]), "counts": Counts(**document["counts"])}
    )
