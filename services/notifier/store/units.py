"""The directory: one document per unit, which carries the events it has still to say."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from services.notifier.domain.units import LINE_LIMIT, Unit
from shared.events import Event
from shared.mongo import Collection, Document, guarded

_BATCH: Final = 500
_BARE: Final = {"outbox": 0, "send_at": 0}


@dataclass(frozen=True, slots=True)
class Kept:
    """A unit as the directory keeps it, at one version."""

    code: str
    unit: Unit
    version: int
    changed_at: dt.datetime


class Units:
    """Every unit there ever was; one that is given up stays, inactive. All methods raise Unavailable."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    async def ensure_indexes(self) -> None:
        async with guarded():
            for field in ("kind", "division", "superior"):
                await self.collection.create_index([(field, ASCENDING), ("_id", ASCENDING)])

    async def find(self, code: str) -> Kept | None:
        async with guarded():
            document = await self.collection.find_one({"_id": code}, _BARE)
        return _kept(document) if document else None

    async def page(self, chosen: Mapping[str, str | bool], after: str, limit: int) -> list[Kept]:
        """Units with these field values, by code, from the one behind `after`."""
        async with guarded():
            found = self.collection.find({**chosen, "_id": {"$gt": after}}, _BARE).sort("_id", 1).limit(limit)
            return [_kept(document) for document in await found.to_list(None)]

    async def every(self) -> dict[str, Kept]:
        async with guarded(None):
            return {
                kept.code: kept async for kept in (_kept(d) async for d in self.collection.find({}, _BARE))
            }

    async def line(self, code: str | None) -> dict[str, str | None]:
        """The superiors of the units from `code` upward, each by its code."""
        above: dict[str, str | None] = {}
        while code is not None and code not in above and len(above) <= LINE_LIMIT:
            kept = await self.find(code)
            if kept is None:
                break
            above[code] = kept.unit.superior
            code = kept.unit.superior
        return above

    async def add(self, code: str, unit: Unit, said: Event) -> bool:
        """Keep a new unit at version 1 with what it says; False when the code is taken."""
        try:
            async with guarded():
                await self.collection.insert_one(
                    {"_id": code, **_fields(unit, said), "outbox": [said.document()]}
                )
        except DuplicateKeyError:
            return False
        return True

    async def change(self, code: str, version: int, unit: Unit, said: Event) -> bool:
        """Replace the record read at `version`; False when it has moved on."""
        update = {"$set": _fields(unit, said), "$push": {"outbox": said.document()}}
        async with guarded():
            result = await self.collection.update_one({"_id": code, "version": version}, update)
        return result.matched_count == 1

    async def say_again(self, said: Mapping[str, Event], now: dt.datetime) -> None:
        """Put the event of each unit into its outbox once more, unless it is still there or out of date."""
        updates = [
            UpdateOne(
                {"_id": code, "version": event.version, "outbox.id": {"$ne": event.id}},
                {"$push": {"outbox": event.document()}, "$set": {"send_at": now}},
            )
            for code, event in said.items()
        ]
        for start in range(0, len(updates), _BATCH):
            async with guarded():
                await self.collection.bulk_write(updates[start : start + _BATCH], ordered=False)


def _fields(unit: Unit, said: Event) -> dict[str, Any]:
    return {
        **unit.model_dump(mode="json"),
        "version": said.version,
        "changed_at": said.time,
        "send_at": said.time,
    }


def _kept(document: Document) -> Kept:
    record = {field: document[field] for field in Unit.model_fields}
    return Kept(document["_id"], Unit.model_validate(record), document["version"], document["changed_at"])
