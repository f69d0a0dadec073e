"""The register of vice-principals' posts, a reading of their histories: any page of it costs a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from services.minors.domain.posts import Seat
from services.minors.domain.register import Owed, Post, post_of
from services.minors.domain.years import YearKind
from services.minors.mechanisms.vice_principal import MECHANISM
from services.minors.store.coverage import Coverage
from shared import divisions
from shared.events import Event
from shared.matters.document import overseers_of
from shared.matters.store import Matters, Reader, oversees
from shared.mechanism.matter import Matter
from shared.mongo import Database, Document, guarded, unhurried

_PAGE: Final = 500
_UP: Final = ASCENDING
_Index = list[tuple[str, int]]
# Each list stands on an index that has its order.
_BY_SCHOOL: Final = [("seen_by", _UP), ("school", _UP), ("_id", _UP)]
_BY_SENDER: Final = [("seen_by", _UP), ("sender", _UP), ("school", _UP), ("_id", _UP)]
_BY_PERSON: Final = [("seen_by", _UP), ("person", _UP), ("school", _UP), ("_id", _UP)]
_BY_END: Final = [("seen_by", _UP), ("owed.ends_on", _UP), ("_id", _UP)]
_BY_HOURS: Final = [("seen_by", _UP), ("owed.met", _UP), ("_id", _UP)]
_NEXT: Final = [("owed.next", _UP), ("_id", _UP)]
_REACHED: Final = [("owed.reached", _UP), ("_id", _UP)]
_LETTER: Final = [("school", _UP), ("letters", _UP)]
_PERSON: Final = [("person", _UP)]
_ONLY: Final = [("only", _UP)]
_HISTORIES: Final = tuple(f"minors.{MECHANISM.key}.{step.said}" for step in MECHANISM.every_step)


def heard() -> tuple[str, ...]:
    """Return the types of the events after which a post may stand otherwise: every step."""
    return _HISTORIES


@dataclass(frozen=True, slots=True)
class Asked:
    """Which posts; all that is given must hold. `division`: it or one below it; `year`: the one that is running."""

    year: int
    school: str | None = None
    sender: str | None = None
    person: str | None = None
    division: str | None = None
    ends_before: date | None = None
    hours_short: bool | None = None

    @property
    def index(self) -> _Index:
        """Return the index of the narrowest of the filters; the others are looked for in what it finds."""
        if self.person is not None:
            return _BY_PERSON
        if self.school is not None:
            return _BY_SCHOOL
        if self.sender is not None:
            return _BY_SENDER
        if self.ends_before is not None:
            return _BY_END
        return _BY_SCHOOL if self.hours_short is None else _BY_HOURS

    @property
    def order(self) -> str:
        """Return the field in whose order the posts come."""
        return self.index[-2][0]

    def sort_value(self, post: Post) -> str | int:
        """Return the value of a post in that order."""
        if self.order == "school" or post.owed is None:
            return post.school
        return post.owed.ends_on.isoformat() if self.index is _BY_END else post.owed.met

    def conditions(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("school", "sender", "person")
            if getattr(self, name) is not None
        }
        if self.ends_before is not None:
            found["owed.ends_on"] = {"$lt": self.ends_before.isoformat()}
        if self.hours_short is not None:
            found["owed.met"] = {"$lt": self.year} if self.hours_short else {"$gte": self.year}
        return found


class Register:
    """Every post that has begun, as its history says; kept anew after each step, whatever comes again or late."""

    def __init__(self, database: Database, matters: Matters, coverage: Coverage) -> None:
        self.posts = database["posts"]
        self.kind = YearKind.CALENDAR  # the settings may say otherwise before anything is read
        self._matters = matters
        self._coverage = coverage

    async def ensure_indexes(self) -> None:
        lists = (_BY_SCHOOL, _BY_SENDER, _BY_PERSON, _BY_END, _BY_HOURS, _LETTER, _PERSON)
        indexes = [IndexModel(keys) for keys in lists]
        indexes += [
            IndexModel(keys, partialFilterExpression={keys[0][0]: {"$type": "number"}})
            for keys in (_NEXT, _REACHED)
        ]
        async with unhurried():
            await self.posts.create_indexes(indexes)

    async def rebuild(self) -> None:
        """Keep every post that is missing, older than its history, or counted by another kind of year."""
        last = ""
        while True:
            async with unhurried():
                wanted = {"_id": {"$gt": last}, "mechanism": MECHANISM.key}
                found = self._matters.collection.find(wanted, {"version": 1}, hint="_id_").sort("_id", _UP)
                page = await found.limit(_PAGE).to_list(_PAGE)
                known = {"_id": {"$in": [each["_id"] for each in page]}, "kind": self.kind}
                versions = {
                    each["_id"]: each["version"] async for each in self.posts.find(known, {"version": 1})
                }
            for each in page:
                if versions.get(each["_id"], 0) < each["version"]:
                    await self.refresh(each["_id"])
            if len(page) < _PAGE:
                return
            last = page[-1]["_id"]

    async def hear(self, event: Event) -> None:
        """Keep the post as it stands now, unless that was done since the event."""
        newer = {"_id": event.subject, "version": {"$gte": event.version}}
        async with guarded():
            if await self.posts.find_one(newer, {"_id": 1}, hint="_id_") is not None:
                return
        await self.refresh(event.subject)

    async def refresh(self, matter_id: str) -> None:
        """Read the history once more, and keep what it says."""
        matter = await self._matters.find_own(matter_id)
        if matter is None:
            raise LookupError(f"there is no post {matter_id}")
        await self.keep(matter)

    async def keep(self, matter: Matter) -> None:
        """Keep the post, unless a newer version of it is kept."""
        post = post_of(matter, self.kind)
        if post is None:
            return
        # The school first: what breaks off between the two is done again, since the post still looks old.
        await self._coverage.count(post)
        older = {"_id": post.matter, "version": {"$lte": post.version}}
        async with guarded():
            try:
                await self.posts.replace_one(older, _document(post, self.kind), upsert=True)
            except DuplicateKeyError:
                return  # a newer one is there

    async def rows(self, asked: Asked, reader: Reader, *, after: Sequence[Any], limit: int) -> list[Post]:
        """Return up to `limit` posts that the reader may see, behind the sort value and the id of the last one."""
        eyes, within = _eyes(reader, asked.division)
        wanted = {"seen_by": {"$in": eyes}, **asked.conditions(), **within}
        # One condition for the field of the order: of two, the planner takes one for a bound of the scan.
        own = wanted.pop(asked.order, {"$gt": ""})
        spans: list[Mapping[str, Any]] = [{asked.order: own}]
        if after:
            value, last = after
            spans = [{asked.order: value, "_id": {"$gt": last}}]
            if isinstance(own, dict):
                below = {name: bound for name, bound in own.items() if name == "$lt"}
                spans.append({asked.order: {**below, "$gt": value}})
        page: list[Document] = []
        async with guarded():
            for span in spans:
                if left := limit - len(page):
                    found = self.posts.find({**wanted, **span}, hint=asked.index)
                    # By a field that is the same for all, it would sort what one side after another has.
                    order = [asked.order, "_id"] if isinstance(span[asked.order], dict) else ["_id"]
                    page += await found.sort([(name, _UP) for name in order]).limit(left).to_list(left)
        return list(map(_post, page))

    async def find(self, matter: str) -> Post | None:
        async with guarded():
            document = await self.posts.find_one({"_id": matter}, hint="_id_")
        return _post(document) if document else None

    async def by_letter(self, school: str, letter: str) -> Post | None:
        """Return the post at a school that has or had this letter number."""
        async with guarded():
            document = await self.posts.find_one({"school": school, "letters": letter}, hint=_LETTER)
        return _post(document) if document else None

    async def held_before(self, person: str, matter: str | None) -> int:
        """Return how many posts a person held or holds beside this one, as far as that matters: none, or some."""
        others = {"person": person, "_id": {"$ne": matter}}
        async with guarded():
            return await self.posts.count_documents(others, limit=1, hint=_PERSON)

    async def seats(self, person: str) -> list[Seat]:
        """Return the places of a person that are taken, from the very index that keeps them apart."""
        only = {_only(person, second=second): second for second in (False, True)}
        async with guarded():
            found = self._matters.collection.find(
                {"only": {"$in": list(only)}}, {"only": 1, "parties": 1}, hint=_ONLY
            )
            return [
                Seat(each["_id"], each["parties"]["school"], only[each["only"]])
                for each in await found.to_list(2)
            ]

    async def unsettled(self, year: int, after: str, limit: int) -> list[str]:
        """Return posts of which a year is to be opened, or has enough hours, by id behind `after`."""
        ids: set[str] = set()
        async with guarded():
            for field, index, bound in (("next", _NEXT, {"$lte": year}), ("reached", _REACHED, {"$gt": 0})):
                wanted = {f"owed.{field}": {"$type": "number", **bound}, "_id": {"$gt": after}}
                found = self.posts.find(wanted, {"_id": 1}, hint=index).limit(limit)
                ids |= {each["_id"] for each in await found.to_list(limit)}
        return sorted(ids)


def _only(person: str, *, second: bool) -> str:
    """Return what the kernel writes for the rule of the only one."""
    return json.dumps([MECHANISM.key, person, second], ensure_ascii=False)


def _eyes(reader: Reader, division: str | None) -> tuple[list[str], dict[str, Any]]:
    """Return from whose side to look, and what else must hold."""
    over = oversees(MECHANISM, reader)
    if over and division is not None and reader.division in (division, *divisions.ancestors(division)):
        return [overseers_of(division)], {}
    eyes = [reader.unit, overseers_of(reader.division)] if over else [reader.unit]
    return eyes, {} if division is None else {"divisions": division}


def _document(post: Post, kind: YearKind) -> Document:
    document = asdict(post)
    document["_id"] = document.pop("matter")
    document["serving"] = post.serving
    document["kind"] = kind
    document["starts_on"], document["ends_on"] = post.starts_on.isoformat(), post.ends_on.isoformat()
    document["hours"] = {str(year): dict(by_duty) for year, by_duty in post.hours.items()}
    for name in ("divisions", "assessed", "letters"):
        document[name] = list(document[name])
    document["seen_by"] = [post.school, post.sender, post.authority, *map(overseers_of, post.divisions)]
    # Absent, not null, in what only posts in office have.
    owed = document.pop("owed")
    if post.owed is not None:
        owed["ends_on"] = post.owed.ends_on.isoformat()
        document["owed"] = {name: value for name, value in owed.items() if value is not None}
    return document


def _post(document: Mapping[str, Any]) -> Post:
    fields = {name: document[name] for name in Post.__dataclass_fields__ if name not in ("matter", "owed")}
    owed = document.get("owed")
    return Post(
        **{
            **fields,
            "matter": document["_id"],
            "starts_on": date.fromisoformat(document["starts_on"]),
            "ends_on": date.fromisoformat(document["ends_on"]),
            "hours": {int(year): by_duty for year, by_duty in document["hours"].items()},
            "divisions": tuple(document["divisions"]),
            "assessed": tuple(document["assessed"]),
            "letters": tuple(document["letters"]),
            "owed": Owed(
                owed["met"], date.fromisoformat(owed["ends_on"]), owed.get("next"), owed.get("reached")
            )
            if owed
            else None,
        }
    )
