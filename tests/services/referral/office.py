"""A referral service whose calendar operators change, and running clocks by the thousand."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx

from deploy.local.servers import Servers
from shared.clocks.calendar import SHANGHAI, Calendar, statutory
from shared.clocks.counting import Length, Unit
from shared.matters.document import opening_document
from shared.mechanism import core
from shared.mechanism.core import Act, Change, Whereabouts
from shared.mechanism.matter import PaperRef
from shared.mechanism.reckoning import Terms
from shared.mongo import Document
from tests.services.referral.desk import (
    ORGAN,
    POLICE,
    PROCURATORATE,
    TRANSFER,
    Desk,
    desk_on,
)

ONE_DAY = timedelta(days=1)
PATH = "/v1/calendar/arrangements"
TO_DECISION = ("name_team", "submit_report", "approve", "deliver", "sign_receipt")
TO_SERVICE = (*TO_DECISION, "decline", "serve_non_filing_notice")


def file_of(year: int, notice: str, off: Iterable[date] = (), working: Iterable[date] = ()) -> dict[str, Any]:
    """Make the file of a year: the feasts of the law, these days off besides, and these weekend days worked."""
    worked = set(working)
    rest = {*statutory(year), *off} - worked
    return {
        "year": year,
        "notice": notice,
        "papers": [f"https://www.gov.cn/zhengce/{year}"],
        "days": [
            {"name": "假" if day in rest else "班", "date": day.isoformat(), "isOffDay": day in rest}
            for day in sorted(rest | worked)
        ],
    }


def last_day_by_hand(start: date, days: int, files: Iterable[Mapping[str, Any]]) -> date:
    """Count natural days from the day after the start, and roll over rest days: by the files alone, day by day."""
    says = {date.fromisoformat(day["date"]): bool(day["isOffDay"]) for file in files for day in file["days"]}
    day = start
    for _ in range(days):
        day += ONE_DAY
    while says.get(day, day.weekday() >= 5):
        day += ONE_DAY
    return day


def midnight_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + ONE_DAY


def at(day: date, hour: int = 10) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)


@dataclass
class Office:
    """The service, and its calendar as an operator sees it."""

    desk: Desk

    async def load(self, file: Mapping[str, Any], *, dry_run: bool = False) -> httpx.Response:
        path = f"{PATH}?dry_run=true" if dry_run else PATH
        return await self.desk.post(ORGAN, path, file)

    async def loaded(self, file: Mapping[str, Any]) -> dict[str, Any]:
        """Load a file that is accepted."""
        answer = await self.load(file)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def recount(self) -> None:
        """Do what the worker does, until nothing is left to count."""
        while await self.desk.recounter.recount():
            pass

    @property
    def calendar(self) -> Calendar:
        return self.desk.store.calendars.current

    async def keep(self, changes: Iterable[Change]) -> None:
        """Put matters into the store as they stand, with nothing left to say."""
        documents = [_document(change) for change in changes]
        await self.desk.store.matters.collection.insert_many(documents, ordered=False)

    async def walk(self, start: datetime, *steps: str, **later: datetime) -> str:
        """Keep a matter that took these steps at that moment, or at their own, whenever that is; its id."""
        change = walked(f"{start.isoformat()}-{steps}", start, steps, self.calendar, later=later)
        await self.keep([change])
        return change.matter.id

    async def moves(self, matter: str) -> list[Document]:
        """Return what was said of the matter's moved deadlines."""
        said = await self.desk.said(matter)
        return [event for event in said if event["type"] == "referral.forward_transfer.deadline_moved"]

    async def entries(self, matter: str, kind: str) -> list[dict[str, Any]]:
        history = await self.desk.read(matter, part="/history")
        return [entry for entry in history["entries"] if entry["kind"] == kind]


def _document(change: Change) -> Document:
    document = opening_document(change, [])
    del document["send_at"]
    return document


def copies(change: Change, names: Sequence[str]) -> Iterator[Document]:
    """Make the same matter under other ids; their histories keep the first one's hashes."""
    document = _document(change)
    for name in names:
        yield {**document, "_id": name, "correlation": name}


def walked(
    name: str,
    start: datetime,
    steps: Iterable[str],
    calendar: Calendar,
    form: Mapping[str, Any] | None = None,
    later: Mapping[str, datetime] | None = None,
) -> Change:
    """Work out a matter by the core alone, by the calendar given: every step at one moment, or at its own."""
    terms = Terms(calendar, {"forward_transfer.receipt": Length(4, Unit.HOURS)})
    units = {"organ": ORGAN, "police": POLICE, "procuratorate": PROCURATORATE}
    forms: dict[str, Mapping[str, Any]] = {
        "register": {"case_type": "general", "facts": "事", **(form or {})},
        "serve_non_filing_notice": {"method": "direct", "received_by": "收发室"},
    }

    def act(key: str) -> Act:
        step = TRANSFER.step_by_key[key]
        parties = {"procuratorate": PROCURATORATE} if key == "register" else {}
        return Act(
            step=key,
            unit=units[step.parties[0].key],
            person="P-1",
            posts=frozenset({"chief"}),
            acted_at=(later or {}).get(key, start),
            recorded_at=(later or {}).get(key, start),
            key=f"{key}-{name}",
            digest="d",
            form=forms.get(key, {}),
            papers={paper.key: (PaperRef("p", "s"),) for paper in step.papers if paper.required},
            parties=parties | {party.key: units[party.key] for party in step.binds},
        )

    matter = str(uuid5(NAMESPACE_URL, f"urn:walked:{name}"))
    place = Whereabouts(matter, "organ", "410329", ("410329", "410300", "410000"), matter)
    change = core.open_matter(TRANSFER, place, act("register"), terms)
    for key in steps:
        change = core.take_step(TRANSFER, change.matter, act(key), terms)
    return change


@asynccontextmanager
async def office_on(servers: Servers) -> AsyncIterator[Office]:
    async with servers.database() as database, desk_on(servers.mongo_url, database) as desk:
        yield Office(desk)
