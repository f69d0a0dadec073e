"""Each service's own small reading of the directory of units, kept up to date by what the directory says."""

import time
from dataclasses import dataclass
from typing import Final

from pymongo.errors import DuplicateKeyError

from shared.events import Event
from shared.mongo import Collection, guarded

_REMEMBERED: Final = 2.0  # seconds for which a unit's record is believed without looking again
_REMEMBERED_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Unit:
    """The public part of a unit's record: code, kind, division code, superior unit."""

    code: str
    kind: str
    division: str
    superior: str | None
    active: bool


class Directory:
    """Knows every unit that the directory has said; what it has not said does not exist here."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._remembered: dict[str, tuple[float, Unit]] = {}

    async def ensure_indexes(self) -> None:
        async with guarded():
            await self._collection.create_index([("kind", 1), ("division", 1), ("_id", 1)])

    async def find(self, code: str) -> Unit | None:
        """Return the unit, active or not; what was read in the last two seconds is not read again."""
        now = time.monotonic()
        remembered = self._remembered.get(code)
        if remembered is not None and now - remembered[0] < _REMEMBERED:
            return remembered[1]
        async with guarded():
            document = await self._collection.find_one({"_id": code})
        if document is None:
            return None  # and looked for again next time: it may be said at any moment
        if len(self._remembered) >= _REMEMBERED_MOST:
            self._remembered.clear()
        unit = _unit(document)
        self._remembered[code] = (now, unit)
        return unit

    async def nearest(self, kinds: tuple[str, ...], divisions: tuple[str, ...]) -> Unit | None:
        """Return the active unit of one of `kinds` in the first of `divisions` that has one."""
        wanted = {"kind": {"$in": list(kinds)}, "division": {"$in": list(divisions)}, "active": True}
        async with guarded():
            found = await self._collection.find(wanted).sort("_id", 1).to_list(1000)
        units = sorted(map(_unit, found), key=lambda unit: divisions.index(unit.division))
        return units[0] if units else None

    async def empty(self) -> bool:
        async with guarded():
            return await self._collection.find_one({}, {"_id": 1}) is None

    async def hear(self, event: Event) -> None:
        """Keep what the directory says of a unit, unless something newer is known."""
        said = event.data
        record = {
            "kind": said["kind"],
            "division": said["division"],
            "superior": said.get("superior"),
            "active": said["active"],
            "version": said["version"],
        }
        async with guarded():
            try:
                await self._collection.update_one(
                    {"_id": said["code"], "version": {"$lt": said["version"]}}, {"$set": record}, upsert=True
                )
            except DuplicateKeyError:
                return  # the version we have is as new or newer
        self._remembered.pop(said["code"], None)


def _unit(document: dict[str, object]) -> Unit:
    superior = document.get("superior")
    return Unit(
        code=str(document["_id"]),
        kind=str(document["kind"]),
        division=str(document["division"]),
        superior=str(superior) if superior is not None else None,
        active=bool(document["active"]),
    )
