"""What a service has said, numbered from 1 without gaps, for those who fetch instead of being told."""

from collections.abc import Collection as Some
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError

from shared.events import Event
from shared.mongo import Collection, guarded

_DUPLICATE: Final = 11000


class Entry(NamedTuple):
    """One event and its number in the feed."""

    number: int
    event: Event


class Feed:
    """The numbered record of one service; its relay alone writes it."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """Make the indexes; a step of the migration."""
        async with guarded():
            await self._collection.create_index("id", unique=True)
            await self._collection.create_index([("units", ASCENDING), ("_id", ASCENDING)])
            await self._collection.create_index([("divisions", ASCENDING), ("_id", ASCENDING)])

    async def append(self, events: Sequence[Event]) -> None:
        """Add those of the events that are not there yet, in their order. Raises Unavailable.

        The lease makes one writer the rule. Should a frozen holder wake up beside its successor, the keys
        give out each number and keep each event once: who loses looks again, so nothing is missing or double.
        """
        wanted = {event.id: event.document() for event in events}
        while wanted:
            async with guarded():
                known = self._collection.find({"id": {"$in": list(wanted)}}, {"id": 1, "_id": 0})
                for document in await known.to_list(None):
                    del wanted[document["id"]]
                if not wanted:
                    return
                first = await self.last() + 1
                numbered = [{"_id": number, **new} for number, new in enumerate(wanted.values(), first)]
                try:
                    # In order: what comes after a refused entry is not written, so the numbers stay whole.
                    await self._collection.insert_many(numbered)
                except BulkWriteError as error:
                    if any(fault["code"] != _DUPLICATE for fault in error.details["writeErrors"]):
                        raise
                else:
                    return

    async def read(
        self, after: int, limit: int, unit: str | None = None, divisions: Some[str] = ()
    ) -> list[Entry]:
        """Give up to `limit` entries numbered above `after`, in order. Raises Unavailable.

        With `unit` or `divisions` only what that unit, or one of those divisions, may read; else everything.
        """
        chosen = {"_id": {"$gt": after}} | _meant_for(unit, divisions)
        async with guarded():
            found = self._collection.find(chosen).sort("_id", ASCENDING).limit(limit)
            documents = await found.to_list(None)
        return [Entry(document["_id"], Event.from_document(document)) for document in documents]

    async def number(self, event: str, unit: str | None = None, divisions: Some[str] = ()) -> int | None:
        """Give the number of an event, if that unit or one of those divisions may read it. Raises Unavailable."""
        async with guarded():
            found = await self._collection.find_one({"id": event} | _meant_for(unit, divisions), {"_id": 1})
        return int(found["_id"]) if found else None

    async def last(self) -> int:
        """Give the highest number so far, 0 for none. Raises Unavailable."""
        async with guarded():
            found = await self._collection.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return int(found["_id"]) if found else 0


def _meant_for(unit: str | None, divisions: Some[str]) -> dict[str, Any]:
    readers: list[dict[str, Any]] = []
    if unit is not None:
        readers.append({"units": unit})
    if divisions:
        readers.append({"divisions": {"$in": list(divisions)}})
    return {"$or": readers} if readers else {}
