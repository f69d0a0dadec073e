"""The editions of the calendar: what the library publishes, and what operators load; none is ever changed."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from shared import metrics
from shared.clocks.calendar import SHANGHAI, Arrangement, Calendar, published_calendar
from shared.mongo import Collection, Document, ServerClock, Unavailable, guarded

_REFRESH = 2.0  # seconds until every process counts by a new edition
_WARN_EVERY = 24 * 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Edition:
    """What made an edition: the notice, and the first moment on which it differs from the edition before (or None)."""

    number: int
    changed_from: datetime | None
    notice: str


class Calendars:
    """Editions 1, 2, 3 … of one service; a run of a clock names the edition it was counted by."""

    def __init__(self, collection: Collection, clock: ServerClock) -> None:
        self._collection = collection
        self._clock = clock
        self._known: dict[int, Calendar] = {}

    @property
    def current(self) -> Calendar:
        """Return the newest edition this process has read."""
        return self._known[max(self._known)]

    def now(self) -> datetime:
        """Return the server's time."""
        return self._clock.now()

    def today(self) -> date:
        return self._clock.now().astimezone(SHANGHAI).date()

    async def migrate(self) -> None:
        """Make the first edition, or the next one where the library has learned a year that nobody loaded."""
        newest = await self._newest()
        library = published_calendar()
        if newest is None:
            await self._insert(library, None, "library", "library")
            return
        learned = {year: found for year, found in library.years.items() if year not in newest.years}
        if learned:
            following = Calendar(newest.edition + 1, {**newest.years, **learned})
            await self._insert(
                following, newest, "library", ", ".join(each.notice for each in learned.values())
            )

    async def load(self, arrangement: Arrangement, by: str) -> Calendar:
        """Return the newest edition, made now if none says that the year is arranged like this. Raises Unavailable."""
        while True:
            newest = await self.refresh()
            following = newest.with_year(arrangement, newest.edition + 1)
            if newest.first_difference(following) is None:
                return newest  # somebody else loaded the same meanwhile
            if await self._insert(following, newest, by, arrangement.notice):
                return await self.refresh()

    async def refresh(self) -> Calendar:
        """Read the newest edition, if it is new to this process. Raises Unavailable."""
        newest = await self._newest()
        if newest is None:
            raise LookupError("there is no calendar: run the migration first")
        return newest

    async def edition(self, number: int) -> Calendar | None:
        """Return an edition, however old. Raises Unavailable."""
        if number not in self._known:
            async with guarded():
                document = await self._collection.find_one({"_id": number})
            if document is None:
                return None
            self._known[number] = _calendar(document)
        return self._known[number]

    async def editions(self, newest: int) -> list[Edition]:
        """Return what made each edition up to the newest, in order. Raises Unavailable."""
        async with guarded():
            found = self._collection.find({"_id": {"$lte": newest}}, {"changed_from": 1, "notice": 1})
            documents = await found.sort("_id", ASCENDING).to_list(None)
        return [Edition(each["_id"], each["changed_from"], each["notice"]) for each in documents]

    async def run(self) -> None:
        """Follow the newest edition for ever, and warn each day while a year that is due is missing."""
        warned = float("-inf")
        loop = asyncio.get_running_loop()
        while True:
            try:
                calendar = await self.refresh()
            except Unavailable:
                _log.warning("the calendar cannot be read; the last edition holds")
                await asyncio.sleep(_REFRESH)
                continue
            missing = calendar.missing(self.today())
            metrics.calendar_missing.set(missing or 0)
            if missing is not None and loop.time() - warned > _WARN_EVERY:
                warned = loop.time()
                _log.warning(
                    "the arrangement of %s is not loaded: dates that rest on it are provisional", missing
                )
            await asyncio.sleep(_REFRESH)

    async def _newest(self) -> Calendar | None:
        async with guarded():
            found = await self._collection.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return await self.edition(found["_id"]) if found else None

    async def _insert(self, calendar: Calendar, before: Calendar | None, by: str, notice: str) -> bool:
        differs = before.first_difference(calendar) if before else None
        document = {
            "_id": calendar.edition,
            "years": {str(year): _year_document(each) for year, each in calendar.years.items()},
            "changed_from": datetime(differs.year, differs.month, differs.day, tzinfo=SHANGHAI)
            if differs
            else None,
            "notice": notice,
            "loaded_at": self._clock.now(),
            "loaded_by": by,
        }
        async with guarded():
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True


def _year_document(arrangement: Arrangement) -> Document:
    return {
        "notice": arrangement.notice,
        "address": arrangement.address,
        "off": {day.isoformat(): name for day, name in arrangement.off.items()},
        "working": {day.isoformat(): name for day, name in arrangement.working.items()},
    }


def _calendar(document: Mapping[str, Any]) -> Calendar:
    years = {
        int(year): Arrangement(
            int(year),
            each["notice"],
            each["address"],
            {date.fromisoformat(day): name for day, name in each["off"].items()},
            {date.fromisoformat(day): name for day, name in each["working"].items()},
        )
        for year, each in document["years"].items()
    }
    return Calendar(document["_id"], years)
