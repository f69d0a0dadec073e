"""Which schools have a vice-principal: every active school of the directory, with who serves there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from services.minors.domain.register import Post
from services.minors.mechanisms.vice_principal import MECHANISM
from shared import divisions
from shared.events import Event
from shared.matters.commands import Clock
from shared.matters.document import overseers_of
from shared.matters.store import Reader, oversees
from shared.mongo import Database, Document, guarded, unhurried

_SCHOOL: Final = "school"
_BY_CODE: Final = [("seen_by", ASCENDING), ("_id", ASCENDING)]
_BY_NUMBER: Final = [("seen_by", ASCENDING), ("serving", ASCENDING), ("_id", ASCENDING)]
_SERVING: Final = {"$filter": {"input": {"$ifNull": ["$posts", []]}, "cond": "$$this.serving"}}
# What follows from the directory's word and the posts: worked out by the server, in the write that changes either.
_DERIVED: Final[list[Mapping[str, Any]]] = [
    {"$set": {"serving": {"$size": _SERVING}}},
    {
        "$set": {
            "without_since": {
                "$cond": [{"$gt": ["$serving", 0]}, None, {"$max": ["$heard_at", {"$max": "$posts.since"}]}]
            },
            "seen_by": {
                "$cond": [
                    "$active",
                    {
                        "$setUnion": [
                            ["$_id"],
                            {"$ifNull": ["$overseers", []]},
                            {"$map": {"input": _SERVING, "in": "$$this.sender"}},
                        ]
                    },
                    [],
                ]
            },
        }
    },
]


@dataclass(frozen=True, slots=True)
class School:
    """One school and how many serve there, as far as the reader may know.

    `without_since`: since when it has nobody, or since it is known here; None where somebody serves.
    """

    code: str
    division: str
    serving: int
    without_since: datetime | None


class Coverage:
    """Schools by code, each with the posts there; kept by what the directory and the register say."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.schools = database["schools"]
        self._units = database["units"]
        self._clock = clock

    async def ensure_indexes(self) -> None:
        async with unhurried():
            await self.schools.create_indexes([IndexModel(_BY_CODE), IndexModel(_BY_NUMBER)])

    async def rebuild(self) -> None:
        """Take up every school that the directory told of before this was kept."""
        async with unhurried():
            async for unit in self._units.find({"kind": _SCHOOL}):
                await self._take_up(unit["_id"], unit, self._clock.now())

    async def hear(self, event: Event) -> None:
        """Take up what the directory says of a school."""
        await self._take_up(event.data["code"], event.data, event.time)

    async def count(self, post: Post) -> None:
        """Put the post into its school, unless a newer version of it is there."""
        mine = {
            "matter": post.matter,
            "version": post.version,
            "sender": post.sender,
            "serving": post.serving,
            "since": post.since,
        }
        others = {
            "$filter": {
                "input": {"$ifNull": ["$posts", []]},
                "cond": {"$ne": ["$$this.matter", {"$literal": post.matter}]},
            }
        }
        newer = {"$elemMatch": {"matter": post.matter, "version": {"$gt": post.version}}}
        update = [{"$set": {"posts": {"$concatArrays": [others, [{"$literal": mine}]]}}}, *_DERIVED]
        await self._update({"_id": post.school, "posts": {"$not": newer}}, update)

    async def rows(
        self, reader: Reader, *, without: bool | None, division: str | None, after: str, limit: int
    ) -> list[School]:
        """Return up to `limit` schools that the reader may see, by code, behind the code `after`."""
        over = oversees(MECHANISM, reader)
        eyes = [reader.unit, overseers_of(reader.division)] if over else [reader.unit]
        wanted: dict[str, Any] = {"_id": {"$gt": after}}
        if over and division is not None and reader.division in (division, *divisions.ancestors(division)):
            eyes = [overseers_of(division)]
        elif division is not None:
            wanted["divisions"] = division
        wanted["seen_by"] = {"$in": eyes}
        index = _BY_CODE
        if without:
            wanted["serving"], index = 0, _BY_NUMBER
        elif without is not None:
            wanted["serving"] = {"$gt": 0}
        async with guarded():
            found = self.schools.find(wanted, hint=index).sort("_id", ASCENDING).limit(limit)
            documents = await found.to_list(limit)
        return [_school(each, reader, over=over) for each in documents]

    async def _take_up(self, code: str, said: Mapping[str, Any], at: datetime) -> None:
        if said["kind"] != _SCHOOL:
            # It may have been one before.
            gone = [{"$set": {"active": False, "unit_version": said["version"]}}, *_DERIVED]
            async with guarded():
                await self.schools.update_one({"_id": code, "unit_version": {"$lt": said["version"]}}, gone)
            return
        within = [said["division"], *divisions.ancestors(said["division"])]
        record = {
            "unit_version": said["version"],
            "active": said["active"],
            "division": said["division"],
            "divisions": within,
            "overseers": list(map(overseers_of, within)),
        }
        update = [
            {"$set": {**{name: {"$literal": value} for name, value in record.items()}}},
            {"$set": {"heard_at": {"$ifNull": ["$heard_at", at]}}},
            *_DERIVED,
        ]
        newer = {"$not": {"$gte": said["version"]}}  # absent too: a post may have come first
        await self._update({"_id": code, "unit_version": newer}, update)

    async def _update(self, wanted: Mapping[str, Any], update: Sequence[Mapping[str, Any]]) -> None:
        async with guarded():
            try:
                await self.schools.update_one(wanted, update, upsert=True)
            except DuplicateKeyError:
                # What is there is newer, or was made this very moment: then it is there now.
                await self.schools.update_one(wanted, update)


def _school(document: Document, reader: Reader, *, over: bool) -> School:
    posts = [each for each in document.get("posts", ()) if each["serving"]]
    whole = reader.unit == document["_id"] or (over and reader.division in document["divisions"])
    mine = posts if whole else [each for each in posts if each["sender"] == reader.unit]
    return School(
        document["_id"], document["division"], len(mine), document["without_since"] if whole else None
    )
