"""Who read what of a secret, for what: an append-only log, each entry over the hash of the one before it."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, Literal

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from shared.mechanism.chain import digest
from shared.mongo import Collection, Document, ServerClock, guarded, unhurried

_BEGINNING: Final = digest("accesses")
_PAUSE: Final = 0.02
_OF = [("divisions", ASCENDING), ("_id", DESCENDING)]
_BY_TIME = [("divisions", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)]
_OF_MATTER = [("matter", ASCENDING), ("_id", DESCENDING)]

Outcome = Literal["granted", "refused", "asked", "released"]


@dataclass(frozen=True, slots=True)
class Access:
    """One reading, or attempt: who, of which unit as which party, what, for what, on what basis, and how it ended.

    `subject`: the label of the secret, the id of a paper, or the key of a secret that was looked up.
    """

    unit: str
    person: str
    party: str | None
    mechanism: str
    matter: str | None
    divisions: tuple[str, ...]
    subject: str
    fields: tuple[str, ...]
    age: str | None
    purpose: str
    basis: str | None
    outcome: Outcome = "granted"
    grant: str | None = None
    released_by: str | None = None
    hits: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """An access with its number, from 1 without gaps, and its place in the chain."""

    number: int
    access: Access
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """The first entry that does not fit, and why."""

    number: int
    reason: str


class Accesses:
    """The log of one service. Nothing here changes or removes an entry."""

    def __init__(self, collection: Collection, clock: ServerClock) -> None:
        self._collection = collection
        self._clock = clock

    async def ensure_indexes(self) -> None:
        """Make the indexes by which an audit reads."""
        async with guarded():
            await self._collection.create_index(_OF)
            await self._collection.create_index(_OF_MATTER)
            await self._collection.create_index(_BY_TIME)

    def now(self) -> datetime:
        """Return the server's time, as it is kept."""
        moment = self._clock.now()
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    async def append(self, access: Access) -> Logged:
        """Write an access down behind the last one, at the server's time; kept when it returns. Raises Unavailable."""
        while True:
            last = await self.last()
            number, previous = (last.number + 1, last.hash) if last else (1, _BEGINNING)
            timed = replace(access, at=self.now())
            logged = Logged(number, timed, previous, _hash(number, timed, previous))
            try:
                async with guarded():
                    await self._collection.insert_one(_document(logged))
            except DuplicateKeyError:
                # Somebody else's came first: the number is taken, and the chain goes on from there.
                await asyncio.sleep(random.uniform(0, _PAUSE))
            else:
                return logged

    async def last(self) -> Logged | None:
        """Return the newest entry."""
        async with guarded():
            found = await self._collection.find_one({}, sort=[("_id", DESCENDING)])
        return _logged(found) if found else None

    async def page(
        self, division: str, *, matter: str | None, before: int | None, limit: int
    ) -> list[Logged]:
        """Return entries about matters of a division or of one below it, the newest first, before that number."""
        wanted: dict[str, Any] = {"divisions": division}
        if matter is not None:
            wanted["matter"] = matter
        if before is not None:
            wanted["_id"] = {"$lt": before}
        async with guarded():
            found = self._collection.find(wanted, hint=_OF_MATTER if matter is not None else _OF)
            documents = await found.sort("_id", DESCENDING).limit(limit).to_list(limit)
        return list(map(_logged, documents))

    async def between(self, division: str, since: datetime, until: datetime) -> AsyncIterator[Logged]:
        """Give the entries of a period in their order, however many there are."""
        wanted = {"divisions": division, "at": {"$gte": since, "$lt": until}}
        async with unhurried():
            found = self._collection.find(wanted, hint=_BY_TIME).sort(_BY_TIME[1:])
            async for document in found:
                yield _logged(document)

    async def verify(self, after: int, limit: int, kept: str | None = None) -> tuple[int, Misfit | None]:
        """Check up to `limit` entries behind number `after`; return the last number that fits, and what does not.

        `kept`: the hash that entry `after` had when somebody noted it: without such a note a log cut short, or written
        anew as a whole, would fit.
        """
        previous, number = _BEGINNING, after
        if after:
            async with guarded():
                before = await self._collection.find_one({"_id": after})
            if before is None or not _fits(_logged(before)):
                return after - 1, Misfit(
                    after, "it is missing, or its content is not the one that was recorded"
                )
            if kept is not None and before["hash"] != kept:
                return after - 1, Misfit(after, "it is not the entry that was noted")
            previous = before["hash"]
        async with guarded():
            found = self._collection.find({"_id": {"$gt": after}}).sort("_id", ASCENDING)
            documents = await found.limit(limit).to_list(limit)
        for document in documents:
            logged = _logged(document)
            if logged.number != number + 1:
                return number, Misfit(number + 1, "an entry is missing")
            if logged.previous != previous:
                return number, Misfit(logged.number, "it does not continue the entry before it")
            if not _fits(logged):
                return number, Misfit(logged.number, "its content is not the one that was recorded")
            previous, number = logged.hash, logged.number
        return number, None


def _fits(logged: Logged) -> bool:
    return logged.hash == _hash(logged.number, logged.access, logged.previous)


def _hash(number: int, access: Access, previous: str) -> str:
    return digest({"number": number, "previous": previous, **asdict(access)})


def _document(logged: Logged) -> Document:
    return {
        "_id": logged.number,
        **asdict(logged.access),
        "previous": logged.previous,
        "hash": logged.hash,
    }


def _logged(document: Mapping[str, Any]) -> Logged:
    given = {each.name: document.get(each.name) for each in fields(Access)}
    for name in ("divisions", "fields"):
        value: Sequence[str] = given[name] or ()
        given[name] = tuple(value)
    return Logged(document["_id"], Access(**given), document["previous"], document["hash"])  # type: ignore[arg-type]
