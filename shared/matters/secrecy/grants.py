"""The broken glass: somebody reads what the declaration does not give it, and a second officer answers for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.events import Event
from shared.mongo import Collection, Document, ServerClock, guarded

# Local policy: no law sets these.
RELEASED_WITHIN: Final = timedelta(hours=24)
OPEN_FOR: Final = timedelta(minutes=30)

_OF_UNIT = [("matter", ASCENDING), ("unit", ASCENDING), ("asked_at", DESCENDING)]


@dataclass(frozen=True, slots=True)
class Grant:
    """Who asked for which fields behind a label, and who released them until when. The reason stays sealed."""

    id: str
    mechanism: str
    matter: str
    label: str
    fields: tuple[str, ...]
    purpose: str
    unit: str
    asked_by: str
    asked_at: datetime
    released_by: str | None = None
    released_at: datetime | None = None
    until: datetime | None = None

    def opens(self, label: str, unit: str, person: str, now: datetime) -> bool:
        """Return whether this person may read behind that label now."""
        mine = (self.label, self.unit, self.asked_by) == (label, unit, person)
        return mine and self.until is not None and now < self.until


class Grants:
    """The grants of one service; each is one document, with what is to be said of it in its outbox."""

    def __init__(self, collection: Collection, clock: ServerClock) -> None:
        self.collection = collection
        self._clock = clock

    async def ensure_indexes(self) -> None:
        """Make the index by which a unit finds its own."""
        async with guarded():
            await self.collection.create_index(_OF_UNIT)

    async def ask(self, grant: Grant, reason: bytes) -> Grant:
        """Keep what was asked for; of a repeat, the first one."""
        document = {**_document(grant), "reason": reason}
        async with guarded():
            try:
                await self.collection.insert_one(document)
            except DuplicateKeyError:
                return await self.find(grant.id) or grant
        return grant

    async def find(self, grant: str) -> Grant | None:
        async with guarded():
            document = await self.collection.find_one({"_id": grant})
        return _grant(document) if document else None

    async def of(self, matter: str, unit: str, limit: int) -> list[Grant]:
        """Return what a unit has asked for in a matter, the newest first."""
        async with guarded():
            found = self.collection.find({"matter": matter, "unit": unit}, hint=_OF_UNIT).sort(_OF_UNIT[2:])
            return list(map(_grant, await found.limit(limit).to_list(limit)))

    async def release(self, grant: str, person: str, now: datetime, event: Event) -> Grant | None:
        """Open it for a while, and say so; None if another did, it is the asker's own, or it was asked too long ago."""
        waiting = {
            "_id": grant,
            "released_by": None,
            "asked_by": {"$ne": person},
            "asked_at": {"$gt": now - RELEASED_WITHIN},
        }
        opened = {"released_by": person, "released_at": now, "until": now + OPEN_FOR}
        said: Mapping[str, Any] = {"outbox": [event.document()], "send_at": now}
        async with guarded():
            document = await self.collection.find_one_and_update(
                waiting, {"$set": {**opened, **said}}, return_document=ReturnDocument.AFTER
            )
        return _grant(document) if document else None


def _document(grant: Grant) -> Document:
    return {
        "_id": grant.id,
        "mechanism": grant.mechanism,
        "matter": grant.matter,
        "label": grant.label,
        "fields": list(grant.fields),
        "purpose": grant.purpose,
        "unit": grant.unit,
        "asked_by": grant.asked_by,
        "asked_at": grant.asked_at,
        "released_by": None,
    }


def _grant(document: Mapping[str, Any]) -> Grant:
    given: Sequence[str] = document["fields"]
    return Grant(
        id=document["_id"],
        mechanism=document["mechanism"],
        matter=document["matter"],
        label=document["label"],
        fields=tuple(given),
        purpose=document["purpose"],
        unit=document["unit"],
        asked_by=document["asked_by"],
        asked_at=document["asked_at"],
        released_by=document["released_by"],
        released_at=document.get("released_at"),
        until=document.get("until"),
    )
