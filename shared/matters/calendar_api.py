"""The calendar over HTTP: what is known, and how an operator loads an arrangement of the State Council."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AnyHttpUrl, BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.clocks.calendar import Arrangement, Calendar, statutory
from shared.clocks.counting import start_of
from shared.http.problems import FieldError, invalid, not_found
from shared.identity import Caller, Identity
from shared.matters.calendars import Calendars
from shared.matters.store import Matters
from shared.mechanism import amend
from shared.mechanism.core import Change
from shared.mechanism.grammar import Form
from shared.mechanism.load import Mechanisms
from shared.mechanism.reckoning import Terms

_BATCH = 500
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

    @model_validator(mode="after")
    def _is_an_arrangement(self) -> "ArrangementFile":
        named = [day.date for day in self.days]
        if len(set(named)) != len(named):
            raise PydanticCustomError("twice", "days: a day is named twice")
        first = dt.date(self.year - 1, 12, 20)
        if any(not first <= day <= dt.date(self.year, 12, 31) for day in named):
            raise PydanticCustomError("outside", "days: a day lies outside the year")
        if any(day.date.weekday() < 5 for day in self.days if not day.isOffDay):
            raise PydanticCustomError("workday", "days: a make-up workday is no weekend day")
        if not set(statutory(self.year)) <= {day.date for day in self.days if day.isOffDay}:
            raise PydanticCustomError(
                "feast", "days: a feast that the law itself fixes is not among the days off"
            )
        return self


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
        arrangement = _arrangement(body)
        present = await calendars.refresh()
        following = present.with_year(arrangement, present.edition + 1)
        since = present.first_difference(following)
        if since is None:
            raise invalid(
                FieldError(field="days", code="unchanged", message="the calendar says this already")
            )
        counted, moved = 0, []
        would = replace(terms(), calendar=following)
        after = ""
        while batch := await matters.counted_past(start_of(since), after, _BATCH):
            for matter in batch:
                counted += 1
                mechanism = mechanisms[matter.mechanism, matter.edition]
                outcome = amend.recount(mechanism, matter, calendars.now(), would, {})
                if isinstance(outcome, Change):
                    moved += [
                        MovedClock(
                            matter=matter.id,
                            clock=change.clock,
                            number=change.number,
                            was_due_at=change.was_due_at,
                            due_at=change.due_at,
                        )
                        for change in outcome.entry.clocks
                    ]
            after = batch[-1].id
        if not dry_run:
            following = await calendars.load(arrangement, caller.unit)
        return Loaded(
            edition=following.edition,
            dry_run=dry_run,
            changed_from=since,
            matters_counted=counted,
            clocks_moved=len(moved),
            moved=moved[:_SHOWN],
        )

    return router


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
