"""Which days are working days in China: the State Council's yearly arrangement, make-up workdays included."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

import chinese_calendar
from chinese_calendar.constants import holidays as _published_holidays

SHANGHAI = ZoneInfo("Asia/Shanghai")

# Feasts whose date does not depend on the moon (全国年节及纪念日放假办法, 2024 edition).
_FIXED_FEASTS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days of the years whose arrangement is published; a guess, marked as such, for the others."""

    edition: str
    first_year: int
    last_year: int

    def knows(self, day: date) -> bool:
        return self.first_year <= day.year <= self.last_year

    def is_workday(self, day: date) -> bool:
        """Whether offices work on `day`; for a year that is not published, weekends and fixed feasts are off."""
        if self.knows(day):
            return _is_published_workday(day)
        return day.weekday() < 5 and (day.month, day.day) not in _FIXED_FEASTS

    def workday_from(self, day: date, *, step: int = 1) -> date:
        """Return `day` itself when it is a working day, else the next (or, with step -1, the previous) one."""
        while not self.is_workday(day):
            day += timedelta(days=step)
        return day


@lru_cache(maxsize=4096)
def _is_published_workday(day: date) -> bool:
    return bool(chinese_calendar.is_workday(day))


def published_calendar() -> Calendar:
    """Return the calendar of the years for which the library carries the State Council's arrangement."""
    years = {day.year for day in _published_holidays}
    return Calendar(f"chinesecalendar {version('chinesecalendar')}", min(years), max(years))
