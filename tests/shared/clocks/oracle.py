"""Counting once more, day by day and in the plainest way, to hold the real one against."""

from collections.abc import Callable
from datetime import date, timedelta

ONE = timedelta(days=1)


def last_day(
    start: date,
    amount: int,
    unit: str,
    works: Callable[[date], bool],
    *,
    backward: bool = False,
    roll: bool = True,
    common: bool = False,
    out: frozenset[date] = frozenset(),
) -> date:
    """Return the last day of a period; `out` are days that are not counted."""
    step = -ONE if backward else ONE
    if unit in ("months", "years"):
        day = _months_away(start, amount * (12 if unit == "years" else 1) * (-1 if backward else 1))
        left, passed = 0, start
        while passed != day:
            passed += step
            left += passed in out
    else:
        day, left = start, amount * 15 if unit == "half_months" else amount
        if backward and not common and unit != "workdays":
            left += 1
    while left > 0:
        day += step
        if day in out or (unit == "workdays" and not works(day)):
            continue
        left -= 1
    while roll and (not works(day) or day in out):
        day += step
    return day


def _months_away(start: date, months: int) -> date:
    """Walk month by month; take the day number, or the nearest smaller one that the month has."""
    year, month = start.year, start.month
    for _ in range(abs(months)):
        month += 1 if months > 0 else -1
        if month == 13:
            year, month = year + 1, 1
        if month == 0:
            year, month = year - 1, 12
    number = start.day
    while True:
        try:
            return date(year, month, number)
        except ValueError:
            number -= 1
