"""A lease in MongoDB: of several workers with the same task, one at a time does it."""

from datetime import UTC, datetime
from typing import Any, Final

from pymongo import ReturnDocument

from shared.mongo import Collection, guarded

_FREE: Final = {"$lt": ["$until", "$$NOW"]}  # true as well for a lease that was never held
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Lease:
    """Held by `holder` for `seconds` after each `acquire`, by the clock of the server alone.

    A lease saves work; it cannot stop a holder that froze between asking and writing. What must never happen
    twice is kept by the write itself, or carries the fencing number.
    """

    def __init__(self, collection: Collection, name: str, holder: str, seconds: float) -> None:
        self._collection = collection
        self._name = name
        self._holder = holder
        self._milliseconds = round(seconds * 1000)

    async def acquire(self) -> int | None:
        """Take the lease or hold it longer; None while another holds it.

        The fencing number grows whenever the lease was free in between: another one than last time means that
        somebody else may have worked meanwhile. Raises Unavailable.
        """
        mine = {"$or": [_FREE, {"$eq": ["$holder", self._holder]}]}
        until = {"$add": ["$$NOW", self._milliseconds]}
        found = await self._update(
            {
                "holder": {"$cond": [mine, self._holder, "$holder"]},
                "until": {"$cond": [mine, until, "$until"]},
                "fence": {"$cond": [_FREE, {"$add": [{"$ifNull": ["$fence", 0]}, 1]}, "$fence"]},
            }
        )
        return int(found["fence"]) if found["holder"] == self._holder else None

    async def release(self) -> None:
        """Give the lease up, if it is still ours. Raises Unavailable."""
        mine = {"$eq": ["$holder", self._holder]}
        await self._update({"until": {"$cond": [mine, _LONG_AGO, "$until"]}})

    async def _update(self, fields: dict[str, Any]) -> dict[str, Any]:
        async with guarded():
            found: dict[str, Any] = await self._collection.find_one_and_update(
                {"_id": self._name}, [{"$set": fields}], upsert=True, return_document=ReturnDocument.AFTER
            )
        return found
