"""From a start and a rule to the moment a period ends: hours, days, workdays, months, years; forward or backward."""

import calendar as gregorian
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from shared.clocks.calendar import SHANGHAI, Calendar

Interval = tuple[datetime, datetime]


class Unit(StrEnum):
    """What a period is counted in; "day" is a natural day unless the law itself says working day."""

    HOURS = "hours"
    DAYS = "days"
    WORKDAYS = "workdays"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class Length:
    amount: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount} {self.unit.value}"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one period is counted. `roll`: a last day off moves to the next workday; backward, to the one before."""

    length: Length
    backward: bool = False
    roll: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """The end of a period: `at` is exclusive (the midnight after `on`); `on` is None for hours."""

    at: datetime
    on: date | None
    provisional: bool
    rolled_from: date | None = None


def count(rule: Rule, start: datetime, calendar: Calendar, excluded: Sequence[Interval] = ()) -> Due:
    """Return when a period that starts at `start` (aware) ends.

    The starting day is not counted and hours run from the moment itself, without rolling. Time inside `excluded`
    ([from, to), aware) is not counted; what remains goes on in the period's own unit.
    """
    if rule.length.unit is Unit.HOURS:
        return Due(_count_hours(rule, start, excluded), None, provisional=False)
    first = start.astimezone(SHANGHAI).date()
    days_off = _local_days(excluded)
    last = _count_dates(rule, first, calendar, days_off)
    rolled = calendar.workday_from(last, step=-1 if rule.backward else 1) if rule.roll else last
    looked_at_calendar = rule.roll or rule.length.unit is Unit.WORKDAYS
    provisional = looked_at_calendar and not (calendar.knows(rolled) and calendar.knows(last))
    return Due(end_of(rolled), rolled, provisional=provisional, rolled_from=last if rolled != last else None)


def end_of(day: date) -> datetime:
    """Return 24:00 of `day` in Shanghai, given as the next midnight."""
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI)


def _count_hours(rule: Rule, start: datetime, excluded: Sequence[Interval]) -> datetime:
    span = timedelta(hours=rule.length.amount)
    if rule.backward:
        return start - span
    due = start + span
    for begin, end in sorted(excluded):
        if begin < due and end > start:
            due += end - max(begin, start)
    return due


def _local_days(excluded: Sequence[Interval]) -> frozenset[date]:
    """Return the local days inside the intervals: the first day is in, the day on which time goes on is not."""
    days: set[date] = set()
    for begin, end in excluded:
        day, stop = begin.astimezone(SHANGHAI).date(), end.astimezone(SHANGHAI).date()
        while day < stop:
            days.add(day)
            day += timedelta(days=1)
    return frozenset(days)


def _count_dates(rule: Rule, first: date, calendar: Calendar, days_off: frozenset[date]) -> date:
    amount, unit = rule.length.amount, rule.length.unit
    if unit is Unit.WORKDAYS:
        return _walk(
            first, amount, rule.backward, lambda day: calendar.is_workday(day) and day not in days_off
        )
    if unit is Unit.DAYS:
        # Backward takes the safe reading: so many full days lie between the last day and the event's own day.
        whole = amount + 1 if rule.backward else amount
        return _walk(first, whole, rule.backward, lambda day: day not in days_off)
    months = amount * 12 if unit is Unit.YEARS else amount
    last = _corresponding_day(first, -months if rule.backward else months)
    inside = sum(1 for day in days_off if first < day <= last)
    return _walk(last, inside, rule.backward, lambda day: day not in days_off) if inside else last


def _walk(day: date, steps: int, backward: bool, counts: Callable[[date], bool]) -> date:
    stride = timedelta(days=-1 if backward else 1)
    while steps:
        day += stride
        if counts(day):
            steps -= 1
    return day


def _corresponding_day(day: date, months: int) -> date:
    """Return the same day number so many months on, or that month's last day (民法典 202)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, gregorian.monthrange(year, month)[1]))
