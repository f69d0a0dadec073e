"""The calendar over HTTP: what is known, and how an operator loads an arrangement of the State Council."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AnyHttpUrl, BaseModel, Field

from shared.clocks.calendar import Arrangement, Calendar, statutory
from shared.clocks.counting import start_of
from shared.http.problems import FieldError, invalid, not_found
from shared.identity import Caller, Identity
from shared.matters.calendars import Calendars
from shared.matters.store import Matters
from shared.mechanism import amend
from shared.mechanism.core import Change
from shared.mechanism.grammar import Form, Mechanism
from shared.mechanism.load import Mechanisms
from shared.mechanism.matter import Matter
from shared.mechanism.reckoning import Terms

_BATCH = 100
_SHOWN = 200


class ArrangedDay(Form):
    """A day that the notice names: off, or a weekend day that is worked."""

    name: str = Field(min_length=1, max_length=50, examples=["元旦"])
    date: dt.date = Field(examples=["2027-01-01"])
    isOffDay: bool = Field(examples=[True])  # noqa: N815  # the form in which such files are published


class ArrangementFile(Form):
    """One year's arrangement, or a correction of it: the whole year, with the notice it rests on."""

    year: int = Field(ge=2004, le=2099, examples=[2027])
    notice: str = Field(min_length=4, max_length=100, examples=["国办发明电〔2026〕0号"])
    papers: list[AnyHttpUrl] = Field(min_length=1, max_length=5, examples=[["https://www.gov.cn/notice"]])
    days: list[ArrangedDay] = Field(
        min_length=7, max_length=80, examples=[[{"name": "元旦", "date": "2027-01-01", "isOffDay": True}]]
    )


class YearView(BaseModel):
    year: int
    notice: str
    address: str | None
    off: dict[dt.date, str]
    working: dict[dt.date, str]


class CalendarView(BaseModel):
    """An edition: the years it knows. `missing` is a year whose arrangement is due and not loaded."""

    edition: int
    missing: int | None
    years: list[YearView]


class MovedClock(BaseModel):
    matter: str
    clock: str
    number: int
    was_due_at: dt.datetime | None
    due_at: dt.datetime | None


class Loaded(BaseModel):
    """What a load does, or would do. Of the clocks that move, up to 200 are shown and all are counted."""

    edition: int
    dry_run: bool
    changed_from: dt.date | None
    matters_counted: int
    clocks_moved: int
    moved: list[MovedClock]


def build_router(
    mechanisms: Mechanisms,
    identity: Identity,
    calendars: Calendars,
    matters: Matters,
    terms: Callable[[], Terms],
) -> APIRouter:
    """Return `GET /v1/calendar`, `GET /v1/calendar/editions/{number}`, `POST /v1/calendar/arrangements`."""
    router = APIRouter(tags=["calendar"])
    reads = Depends(identity.requires("matters:read"))
    loads = Depends(identity.requires("calendar:write"))

    @router.get("/v1/calendar", name="calendar_read", summary="工作日历")
    async def read_calendar(_caller: Caller = reads) -> CalendarView:
        """The edition that clocks are counted by now."""
        return _view(calendars.current, calendars.today())

    @router.get("/v1/calendar/editions/{number}", name="calendar_edition", summary="工作日历的版本")
    async def read_edition(
        number: Annotated[int, Path(ge=1, le=10**6)], _caller: Caller = reads
    ) -> CalendarView:
        """An edition as it was; a passport names the one its clock was counted by."""
        found = await calendars.edition(number)
        if found is None:
            raise not_found()
        return _view(found, calendars.today())

    @router.post("/v1/calendar/arrangements", name="calendar_load", summary="载入放假安排")
    async def load_arrangement(
        body: ArrangementFile, dry_run: bool = False, caller: Caller = loads
    ) -> Loaded:
        """Load a year's arrangement, or a correction: a new edition by which running clocks are counted again.

        With `dry_run` nothing is kept; the answer says which running clocks would move, and how.
        """
        if faults := list(_faults(body)):
            raise invalid(*faults)
        arrangement = _arrangement(body)
        present = await calendars.refresh()
        following = present.with_year(arrangement, present.edition + 1)
        since = present.first_difference(following)
        if since is None:
            raise invalid(
                FieldError(field="days", code="unchanged", message="the calendar says this already")
            )
        matters_counted, clocks_moved = 0, 0
        shown: list[MovedClock] = []
        would = replace(terms(), calendar=following)
        after = None
        while batch := await matters.counted_past(start_of(since), after, _BATCH):
            matters_counted += len(batch)
            for _, matter in batch:
                moved = _moved(mechanisms[matter.mechanism, matter.edition], matter, calendars.now(), would)
                clocks_moved += len(moved)
                shown += moved[: _SHOWN - len(shown)]
            after = batch[-1][0], batch[-1][1].id
        if not dry_run:
            following = await calendars.load(arrangement, caller.unit)
        return Loaded(
            edition=following.edition,
            dry_run=dry_run,
            changed_from=since,
            matters_counted=matters_counted,
            clocks_moved=clocks_moved,
            moved=shown,
        )

    return router


def _faults(body: ArrangementFile) -> Iterator[FieldError]:
    """Find every fault of a file that reads well and is no arrangement."""
    first, last = dt.date(body.year - 1, 12, 20), dt.date(body.year, 12, 31)
    named: set[dt.date] = set()
    for place, day in enumerate(body.days):
        where = f"days.{place}.date"
        if day.date in named:
            yield FieldError(field=where, code="named-twice", message="the day is named before")
        if not first <= day.date <= last:
            yield FieldError(field=where, code="outside-year", message="the day lies outside the year")
        if not day.isOffDay and day.date.weekday() < 5:
            yield FieldError(field=where, code="no-weekend", message="a make-up workday is a weekend day")
        named.add(day.date)
    for feast in sorted(set(statutory(body.year)) - {day.date for day in body.days if day.isOffDay}):
        message = f"{feast} is a feast by law and not among the days off"
        yield FieldError(field="days", code="feast-missing", message=message)


def _moved(mechanism: Mechanism, matter: Matter, now: dt.datetime, would: Terms) -> list[MovedClock]:
    outcome = amend.recount(mechanism, matter, now, would, {})
    if not isinstance(outcome, Change):
        return []
    return [
        MovedClock(
            matter=matter.id,
            clock=change.clock,
            number=change.number,
            was_due_at=change.was_due_at,
            due_at=change.due_at,
        )
        for change in outcome.entry.clocks
    ]


def _arrangement(body: ArrangementFile) -> Arrangement:
    return Arrangement(
        body.year,
        body.notice,
        str(body.papers[0]),
        {day.date: day.name for day in body.days if day.isOffDay},
        {day.date: day.name for day in body.days if not day.isOffDay},
    )


def _view(calendar: Calendar, today: dt.date) -> CalendarView:
    return CalendarView(
        edition=calendar.edition,
        missing=calendar.missing(today),
        years=[
            YearView(
                year=year,
                notice=each.notice,
                address=each.address,
                off=dict(each.off),
                working=dict(each.working),
            )
            for year, each in sorted(calendar.years.items())
        ],
    )
