"""What if: when a period would end, and when each step of a procedure would be due, without touching a matter."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.clocks.calendar import SHANGHAI
from shared.clocks.counting import Due, Length, Rule, Unit, count, explain, start_of
from shared.http.problems import FieldError, invalid, not_found
from shared.identity import Caller, Identity
from shared.matters.passports import DayView, day_view
from shared.matters.views import CiteView, LengthView, cites
from shared.mechanism.grammar import Clock, Form, Mechanism
from shared.mechanism.load import Mechanisms
from shared.mechanism.matter import RUNNING, Ticking
from shared.mechanism.reckoning import Terms, length_of, reckon

_MOST = {
    Unit.MINUTES: 60 * 24 * 366,
    Unit.HOURS: 24 * 366,
    Unit.DAYS: 3660,
    Unit.WORKDAYS: 2500,
    Unit.HALF_MONTHS: 240,
    Unit.MONTHS: 120,
}
_LONGEST_EXCLUDED = timedelta(days=3660)
_EARLIEST, _LATEST = date(2004, 1, 1), date(2099, 12, 31)


def _in_order(interval: tuple[date, date]) -> tuple[date, date]:
    if interval[0] > interval[1]:
        raise PydanticCustomError("interval", "the interval ends before it begins")
    if interval[1] - interval[0] > _LONGEST_EXCLUDED:
        raise PydanticCustomError("too-long", "an interval is at most ten years")
    if interval[0] < _EARLIEST or interval[1] > _LATEST:
        raise PydanticCustomError("out-of-range", "must lie between 2004 and 2099")
    return interval


def _is_near(moment: datetime) -> datetime:
    if not _EARLIEST <= moment.astimezone(SHANGHAI).date() <= _LATEST:
        raise PydanticCustomError("out-of-range", "must lie between 2004 and 2099")
    return moment


class FreeRule(Form):
    """A rule of the caller's own. `excluded`: local dates, the first day in, the last day out."""

    unit: Literal["hours", "days", "workdays", "half_months", "months", "years"] = Field(examples=["days"])
    amount: Annotated[int, Field(ge=1, le=24 * 366)] = Field(examples=[3])
    direction: Literal["forward", "backward"] = "forward"
    roll: bool = True
    reading: Literal["safe", "common"] | None = Field(None, description="Of counting backward; else as set.")
    excluded: list[Annotated[tuple[date, date], AfterValidator(_in_order)]] = Field([], max_length=20)

    @field_validator("amount")
    @classmethod
    def _is_bounded(cls, amount: int, info: ValidationInfo) -> int:
        if amount > _MOST.get(Unit(info.data.get("unit", Unit.HOURS)), 10):
            raise PydanticCustomError("too-long", "longer than any period that is counted")
        return amount


class Preview(Form):
    """Either a mechanism's clock, with the form values its length depends on, or a free rule."""

    mechanism: str | None = Field(None, examples=["forward_transfer"])
    clock: str | None = Field(None, examples=["decision"])
    form: dict[str, str | int | bool | None] = Field({}, max_length=50)
    rule: FreeRule | None = Field(None, validate_default=True)
    starts_at: Annotated[AwareDatetime, AfterValidator(_is_near)] = Field(
        examples=["2026-09-29T10:00:00+08:00"]
    )

    @field_validator("rule")
    @classmethod
    def _is_one_of_two(cls, rule: FreeRule | None, info: ValidationInfo) -> FreeRule | None:
        named = [info.data.get(name) is not None for name in ("mechanism", "clock")]
        if any(named) if rule is not None else not all(named):
            raise PydanticCustomError("one-of", "give mechanism and clock, or else rule")
        return rule


class Previewed(BaseModel):
    """When a period ends, and every day on the way there. `due_at` is exclusive; `due_on` is null for hours."""

    due_on: date | None
    due_at: str | None
    provisional: bool
    earliest: date | None
    latest: date | None
    counted_from: str
    calendar: int
    explanation: list[DayView]
    law: CiteView | None = Field(description="The article the length rests on; null for a rule of one's own.")
    cites: list[CiteView] = Field(description="Every article the clock cites.")


class TimetableRow(BaseModel):
    """One clock, as if what starts it happened on that day."""

    clock: str
    title: str
    kind: str
    on: str
    starts_with: list[str]
    met_by: list[str]
    length: LengthView | None
    due_on: date | None
    due_at: str | None
    provisional: bool
    earliest: date | None
    latest: date | None
    cites: list[CiteView]


class Timetable(BaseModel):
    mechanism: str
    edition: str
    starts_on: date
    calendar: int
    clocks: list[TimetableRow]


def build_router(mechanisms: Mechanisms, identity: Identity, terms: Callable[[], Terms]) -> APIRouter:
    """Return `POST /v1/clocks/preview` and `GET /v1/mechanisms/{key}/timetable`."""
    router = APIRouter(tags=["clocks"])
    reads = Depends(identity.requires("matters:read"))

    def newest(key: str) -> Mechanism | None:
        found = [mechanism for mechanism in mechanisms.values() if mechanism.key == key]
        return max(found, key=lambda mechanism: mechanism.edition, default=None)

    @router.post("/v1/clocks/preview", name="clocks_preview", summary="期限试算")
    async def preview(body: Preview, _caller: Caller = reads) -> Previewed:
        """When a period would end, with the reason for every day; no matter is touched."""
        present = terms()
        if body.rule is not None:
            return _free(body.rule, body.starts_at, present)
        mechanism = newest(body.mechanism or "")
        clock = mechanism.clock_by_key.get(body.clock or "") if mechanism else None
        if clock is None:
            field = "clock" if mechanism else "mechanism"
            raise invalid(FieldError(field=field, code="unknown", message="there is no such one here"))
        return _declared(clock, body, present)

    @router.get("/v1/mechanisms/{key}/timetable", name="mechanisms_timetable", summary="期限时间表")
    async def timetable(
        key: str, starts_on: Annotated[date, Query(ge=_EARLIEST, le=_LATEST)], _caller: Caller = reads
    ) -> Timetable:
        """If what starts it happened on that day, when is each step due?"""
        mechanism, present = newest(key), terms()
        if mechanism is None:
            raise not_found()
        rows = [_row(mechanism, clock, start_of(starts_on), present) for clock in mechanism.clocks]
        return Timetable(
            mechanism=mechanism.key,
            edition=mechanism.edition,
            starts_on=starts_on,
            calendar=present.calendar.edition,
            clocks=rows,
        )

    return router


def _free(asked: FreeRule, starts_at: datetime, terms: Terms) -> Previewed:
    common = terms.common if asked.reading is None else asked.reading == "common"
    length = Length(asked.amount, Unit(asked.unit))
    rule = Rule(length, backward=asked.direction == "backward", roll=asked.roll, common=common)
    excluded = [(start_of(begin), start_of(end)) for begin, end in asked.excluded]
    due = count(rule, starts_at, terms.calendar, excluded)
    notes = explain(rule, starts_at, terms.calendar, excluded)
    return _previewed(due, starts_at, [day_view(note) for note in notes], terms, [])


def _declared(clock: Clock, body: Preview, terms: Terms) -> Previewed:
    length = length_of(clock.length, body.form, terms.lengths)
    law = cites(clock.cite)
    if length is None:
        return _previewed(None, body.starts_at, [], terms, law)
    run = Ticking(clock.key, 1, RUNNING, body.starts_at, 1, length, roll=clock.roll)
    due, legs = reckon(clock, run, terms)
    notes = [note for leg in legs for note in explain(leg.rule, leg.start, terms.calendar, leg.excluded)]
    return _previewed(due, body.starts_at, [day_view(note) for note in notes], terms, law)


def _previewed(
    due: Due | None, starts_at: datetime, notes: list[DayView], terms: Terms, law: list[CiteView]
) -> Previewed:
    hours = due is not None and due.on is None
    begins = starts_at.astimezone(SHANGHAI)
    following = next((note.date for note in notes if note.counted), None)
    return Previewed(
        due_on=due.on if due else None,
        due_at=due.at.astimezone(SHANGHAI).isoformat() if due else None,
        provisional=bool(due and due.provisional),
        earliest=due.earliest if due else None,
        latest=due.latest if due else None,
        counted_from=begins.isoformat() if hours or following is None else following.isoformat(),
        calendar=terms.calendar.edition,
        explanation=notes,
        law=law[0] if law else None,
        cites=law,
    )


def _row(mechanism: Mechanism, clock: Clock, start: datetime, terms: Terms) -> TimetableRow:
    length = length_of(clock.length, {}, terms.lengths)
    due: Due | None = None
    if length is not None and clock.follows is None:
        run = Ticking(clock.key, 1, RUNNING, start, 1, length, roll=clock.roll)
        due, _ = reckon(clock, run, terms)
    starts = clock.after or tuple(step.key for step in mechanism.every_step if step.to in clock.during)
    meets = clock.met_by or tuple(
        step.key
        for step in mechanism.steps
        if step.to is not None
        and step.to not in clock.during
        and set(mechanism.sources_of(step)) & set(clock.during)
    )
    return TimetableRow(
        clock=clock.key,
        title=clock.title,
        kind=clock.kind.value,
        on=clock.on.key,
        starts_with=list(starts),
        met_by=list(meets),
        length=LengthView(amount=length.amount, unit=length.unit.value) if length else None,
        due_on=due.on if due else None,
        due_at=due.at.astimezone(SHANGHAI).isoformat() if due else None,
        provisional=bool(due and due.provisional),
        earliest=due.earliest if due else None,
        latest=due.latest if due else None,
        cites=cites(clock.cite),
    )
