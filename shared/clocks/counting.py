"""From a start and a rule to the moment a period ends, forward or backward, with the reason for every day."""

import calendar as gregorian
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from shared.clocks.calendar import SHANGHAI, Calendar, Guess

Interval = tuple[datetime, datetime]
_ONE_DAY = timedelta(days=1)
_EXCLUDED = "time that is not counted"


class Unit(StrEnum):
    """What a period is counted in; "day" is a natural day unless the law itself says working day."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WORKDAYS = "workdays"
    HALF_MONTHS = "half_months"  # fifteen days each
    MONTHS = "months"
    YEARS = "years"


# Counted from moment to moment, on whatever day.
MOMENTARY = (Unit.MINUTES, Unit.HOURS)


@dataclass(frozen=True, slots=True)
class Length:
    amount: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount} {self.unit.value}"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one period is counted.

    `roll`: a last day off moves to the next workday; backward, to the one before. `common`: the common reading of
    "three days before" instead of the safe one. `closes_at`: the office's hour on the last day instead of 24:00.
    """

    length: Length
    backward: bool = False
    roll: bool = True
    common: bool = False
    closes_at: time | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """The end of a period: `at` is exclusive (the midnight after `on`); `on` is None for hours.

    While a day it rests on is not published, it is `provisional`, and ends between `earliest` and `latest`.
    """

    at: datetime
    on: date | None
    provisional: bool
    earliest: date | None
    latest: date | None
    rolled_from: date | None = None


@dataclass(frozen=True, slots=True)
class DayNote:
    """One day on the way to the end of a period: whether it was counted, and why."""

    day: date
    counted: bool
    why: str


def count(rule: Rule, start: datetime, calendar: Calendar, excluded: Sequence[Interval] = ()) -> Due:
    """Return when a period that starts at `start` (aware) ends.

    The starting day is not counted; hours and minutes run from the moment itself, without rolling. Time inside
    `excluded` ([from, to), aware) is not counted; what remains goes on in the period's own unit.
    """
    if rule.length.unit in MOMENTARY:
        return Due(_count_moments(rule, start, excluded), None, provisional=False, earliest=None, latest=None)
    first, days_off = start.astimezone(SHANGHAI).date(), _local_days(excluded)
    last, on = _last_day(rule, first, calendar, days_off, Guess.LIKELY)
    uncertain = _rests_on_unpublished(rule, first, last, on, calendar)
    bounds = [on]
    if uncertain:
        bounds = [_last_day(rule, first, calendar, days_off, guess)[1] for guess in Guess]
    return Due(
        at=end_of(on, rule.closes_at),
        on=on,
        provisional=uncertain,
        earliest=min(bounds),
        latest=max(bounds),
        rolled_from=last if on != last else None,
    )


def explain(
    rule: Rule, start: datetime, calendar: Calendar, excluded: Sequence[Interval] = ()
) -> list[DayNote]:
    """Return the days from start to end in the order of counting, each once, the last day last; none for hours.

    Days and workdays are all there. Of months and years, whose days are not counted one by one, there are the start,
    the days excluded, the corresponding day, and what moved the end from it.
    """
    if rule.length.unit in MOMENTARY:
        return []
    first, days_off = start.astimezone(SHANGHAI).date(), _local_days(excluded)
    notes = [DayNote(first, counted=False, why="the day of the event is not counted")]
    last = _count_dates(rule, first, calendar, days_off, Guess.LIKELY, notes)
    if not rule.roll or calendar.works(last):
        return notes
    # The count ends on a rest day: that day stays counted, and the end moves on from it.
    notes[-1] = DayNote(
        last, notes[-1].counted, f"{notes[-1].why}; the end moves on: {calendar.day(last).why}"
    )
    while True:
        last += -_ONE_DAY if rule.backward else _ONE_DAY
        excluded_too = last in days_off
        if calendar.works(last) and not excluded_too:
            return [*notes, DayNote(last, counted=False, why=f"the last day: {calendar.day(last).why}")]
        notes.append(DayNote(last, counted=False, why=_EXCLUDED if excluded_too else calendar.day(last).why))


def end_of(day: date, closes_at: time | None = None) -> datetime:
    """Return the moment `day` is over in Shanghai: the next midnight, or the office's hour."""
    if closes_at is not None:
        return datetime.combine(day, closes_at, SHANGHAI)
    return datetime.combine(day + _ONE_DAY, time.min, SHANGHAI)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI)


def _last_day(
    rule: Rule, first: date, calendar: Calendar, days_off: Collection[date], guess: Guess
) -> tuple[date, date]:
    """Return the last day before and after the end is moved over rest days."""
    last = _count_dates(rule, first, calendar, days_off, guess, None)
    on = last
    while rule.roll and (on in days_off or not calendar.works(on, guess)):
        on += -_ONE_DAY if rule.backward else _ONE_DAY
    return last, on


def _rests_on_unpublished(rule: Rule, first: date, last: date, on: date, calendar: Calendar) -> bool:
    if rule.length.unit is Unit.WORKDAYS:
        return not (calendar.knows(on) and calendar.knows(first))
    return rule.roll and not (calendar.knows(last) and calendar.knows(on))


def _count_moments(rule: Rule, start: datetime, excluded: Sequence[Interval]) -> datetime:
    span, passed = timedelta(**{rule.length.unit.value: rule.length.amount}), timedelta(0)
    # As distances from the start, so that backward reads like forward; intervals may overlap.
    apart = [
        (start - end, start - begin) if rule.backward else (begin - start, end - start)
        for begin, end in excluded
    ]
    for begin, end in sorted(apart):
        begin = max(begin, passed)  # noqa: PLW2901
        if begin < end and begin < span:
            span += end - begin
            passed = end
    return start - span if rule.backward else start + span


def _local_days(excluded: Sequence[Interval]) -> frozenset[date]:
    """Return the local days inside the intervals: the first day is in, the day on which time goes on is not."""
    days: set[date] = set()
    for begin, end in excluded:
        day, stop = begin.astimezone(SHANGHAI).date(), end.astimezone(SHANGHAI).date()
        while day < stop:
            days.add(day)
            day += _ONE_DAY
    return frozenset(days)


def _count_dates(
    rule: Rule,
    first: date,
    calendar: Calendar,
    days_off: Collection[date],
    guess: Guess,
    notes: list[DayNote] | None,
) -> date:
    amount, unit = rule.length.amount, rule.length.unit

    def counts(day: date) -> str | None:
        """Return why a day is not counted, None if it is."""
        if day in days_off:
            return _EXCLUDED
        if unit is Unit.WORKDAYS and not calendar.works(day, guess):
            return calendar.day(day).why
        return None

    if unit is Unit.HALF_MONTHS:
        amount *= 15
    if unit in (Unit.DAYS, Unit.HALF_MONTHS, Unit.WORKDAYS):
        # Backward takes the safe reading: so many full days lie between the last day and the event's own day.
        safe = rule.backward and not rule.common and unit is not Unit.WORKDAYS
        return _walk(first, amount + 1 if safe else amount, rule.backward, counts, notes)
    months = amount * 12 if unit is Unit.YEARS else amount
    last, month_end = _corresponding_day(first, -months if rule.backward else months)
    low, high = (last, first - _ONE_DAY) if rule.backward else (first + _ONE_DAY, last)
    inside = sorted((day for day in days_off if low <= day <= high), reverse=rule.backward)
    if notes is not None:
        notes += [DayNote(day, counted=False, why=_EXCLUDED) for day in inside if day != last]
        why = "the month has no such day: its last day" if month_end else "the corresponding day"
        notes.append(DayNote(last, counted=True, why=f"{why}; {_EXCLUDED}" if last in days_off else why))
    # As many days are added as were not counted on the way.
    return _walk(last, len(inside), rule.backward, counts, notes)


def _walk(
    day: date,
    steps: int,
    backward: bool,
    not_counted: Callable[[date], str | None],
    notes: list[DayNote] | None,
) -> date:
    stride = -_ONE_DAY if backward else _ONE_DAY
    while steps:
        day += stride
        why = not_counted(day)
        if why is None:
            steps -= 1
        if notes is not None:
            notes.append(DayNote(day, counted=why is None, why=why or "counted"))
    return day


def _corresponding_day(day: date, months: int) -> tuple[date, bool]:
    """Return the same day number so many months on, or that month's last day (民法典 202), and whether it is that."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    length = gregorian.monthrange(year, month)[1]
    return date(year, month, min(day.day, length)), day.day > length
