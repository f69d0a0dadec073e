"""In which year class hours count: the calendar's, as 52号 words it, or the school's own; pure."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

SCHOOL_YEAR_BEGINS: Final = 9  # September
_WARNED_FROM: Final = 10  # the month of the year


class YearKind(StrEnum):
    """Which year a deployment counts by (52号: 每年; 上海市未成年人保护条例 73: 学年)."""

    CALENDAR = "calendar"
    SCHOOL = "school"


def year_of(kind: YearKind, day: date) -> int:
    """Return the year of a day; a school year is called by the calendar year in which it begins."""
    return day.year if _first_month(kind) <= day.month else day.year - 1


def first_day(kind: YearKind, year: int) -> date:
    return date(year, _first_month(kind), 1)


def last_day(kind: YearKind, year: int) -> date:
    return first_day(kind, year + 1) - timedelta(days=1)


def is_late(kind: YearKind, day: date) -> bool:
    """Return whether it is the tenth month of the year, or a later one."""
    return (day.month - _first_month(kind)) % 12 + 1 >= _WARNED_FROM


def first_owed(kind: YearKind, starts_on: date) -> int:
    """Return the first year of which class hours are owed: not the last months of one, if a post begins in them."""
    return year_of(kind, starts_on) + is_late(kind, starts_on)


def _first_month(kind: YearKind) -> int:
    return 1 if kind is YearKind.CALENDAR else SCHOOL_YEAR_BEGINS
