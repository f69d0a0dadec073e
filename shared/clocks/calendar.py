"""Which days are working days in China: the State Council's yearly arrangements, make-up workdays included."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from functools import cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

import holidays
from chinese_calendar.constants import holidays as _published_off
from chinese_calendar.constants import workdays as _published_working

SHANGHAI = ZoneInfo("Asia/Shanghai")

# How far from a feast arrangements have moved days, 2008 to 2026: a weekday is off from two days before it (2012-04-02)
# to five after (2020-10-08); a weekend is worked up to ten days from it (2024-05-11), for which two weeks are taken.
_OFF_BEFORE, _OFF_AFTER = timedelta(days=2), timedelta(days=5)
_WORKED_WITHIN = timedelta(days=14)
# From this day of December on, the arrangement of the year to come has a say (30 and 31 December 2018).
_DECEMBER_OPEN = 29
# Words of days off that the library lists too and that are an arrangement's, not the law's: days in exchange for a
# make-up workday, the longer Spring Festival of 2020.
_ARRANGED = ("observed", "substituted", "Extended")
_NOTICES: dict[int, tuple[str, str | None]] = {
    2024: ("国办发明电〔2023〕7号", "https://www.gov.cn/zhengce/content/202310/content_6911527.htm"),
    2025: ("国办发明电〔2024〕12号", "https://www.gov.cn/zhengce/content/202411/content_6986382.htm"),
    2026: ("国办发明电〔2025〕7号", "https://www.gov.cn/zhengce/zhengceku/202511/content_7047091.htm"),
}


class Guess(Enum):
    """What to take an unpublished day for: most likely, or so that a period ends as early or as late as it can."""

    LIKELY = "likely"
    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """One year as arranged: days off beside plain weekends, and weekend days worked, each with its feast."""

    year: int
    notice: str
    address: str | None
    off: Mapping[date, str]
    working: Mapping[date, str]


@dataclass(frozen=True, slots=True)
class Day:
    """Whether offices work on a day, and why; `certain` is false while its year is not published."""

    works: bool
    why: str
    certain: bool


@dataclass(frozen=True)
class Calendar:
    """Working days by the arrangements of an edition; a guess, marked as such, where a year is not published."""

    edition: int
    years: Mapping[int, Arrangement]
    _days: dict[date, tuple[bool, str] | None] = field(default_factory=dict, repr=False, compare=False)

    def knows(self, day: date) -> bool:
        """Whether nothing that is still to be published can change this day."""
        if day.month == 12 and day.day >= _DECEMBER_OPEN and day.year + 1 not in self.years:
            return False
        return day.year in self.years

    def works(self, day: date, guess: Guess = Guess.LIKELY) -> bool:
        arranged = self._arranged(day)
        if arranged is not None:
            return arranged[0]
        plain = day.weekday() < 5
        if self.knows(day):
            return plain
        if day in statutory(day.year):
            return False
        if guess is Guess.EARLIEST:
            return plain or _may_be_worked(day)
        if guess is Guess.LATEST:
            return plain and not _may_be_off(day)
        return plain

    def day(self, day: date) -> Day:
        """Return the day with the reason, as a passport shows it."""
        arranged, certain = self._arranged(day), self.knows(day)
        if arranged is not None:
            return Day(*arranged, certain)
        if not certain and (feast := statutory(day.year).get(day)):
            return Day(works=False, why=f"{feast}; arrangement of {day.year} not published", certain=False)
        plain = day.weekday() < 5
        why = "working day" if plain else "weekend"
        return Day(plain, why if certain else f"{why}; arrangement not published", certain)

    def workday_from(self, day: date, *, step: int = 1, guess: Guess = Guess.LIKELY) -> date:
        """Return `day` itself when it is a working day, else the next (or, with step -1, the previous) one."""
        while not self.works(day, guess):
            day += timedelta(days=step)
        return day

    def missing(self, on: date) -> int | None:
        """Return next year when, from 15 November on, it is not published yet; this year when that is missing."""
        if on.year not in self.years:
            return on.year
        due = (on.month, on.day) >= (11, 15)
        return on.year + 1 if due and on.year + 1 not in self.years else None

    def with_year(self, arrangement: Arrangement, edition: int) -> "Calendar":
        """Return the next edition, in which one year is arranged like this."""
        return Calendar(edition, {**self.years, arrangement.year: arrangement})

    def first_difference(self, other: "Calendar") -> date | None:
        """Return the first day on which the two differ, in what they say or in whether they know it."""
        years = sorted(set(self.years) | set(other.years))
        day = date(years[0], 1, 1)
        while day.year <= years[-1]:
            if self.works(day) != other.works(day) or self.knows(day) != other.knows(day):
                return day
            day += timedelta(days=1)
        return None

    def _arranged(self, day: date) -> tuple[bool, str] | None:
        if day not in self._days:
            self._days[day] = self._look_up(day)
        return self._days[day]

    def _look_up(self, day: date) -> tuple[bool, str] | None:
        # Late days of December can stand in the arrangement of the year to come, which then has the last word.
        for year in (day.year + 1, day.year):
            found = self.years.get(year)
            if found is not None and day in found.working:
                return True, f"make-up workday, {found.working[day]} ({found.notice})"
            if found is not None and day in found.off:
                return False, f"{found.off[day]} ({found.notice})"
        return None


@cache
def statutory(year: int) -> Mapping[date, str]:
    """Return the feasts that the law itself fixes for a year, published or not (全国年节及纪念日放假办法)."""
    named = holidays.country_holidays("CN", years=year, language="en_US")
    return {day: name for day, name in named.items() if not any(word in name for word in _ARRANGED)}


def published_calendar(edition: int = 1) -> Calendar:
    """Return the calendar of the years for which the library carries the State Council's arrangement."""
    source = f"chinesecalendar {version('chinesecalendar')}"
    years = sorted({day.year for day in _published_off})
    return Calendar(
        edition,
        {
            year: Arrangement(
                year,
                *_NOTICES.get(year, (f"arrangement of {year}, {source}", None)),
                {day: name for day, name in _published_off.items() if day.year == year},
                {day: name for day, name in _published_working.items() if day.year == year},
            )
            for year in years
        },
    )


@cache
def _may_be_off(day: date) -> bool:
    return any(feast - _OFF_BEFORE <= day <= feast + _OFF_AFTER for feast in _feasts_around(day))


@cache
def _may_be_worked(day: date) -> bool:
    return any(abs(day - feast) <= _WORKED_WITHIN for feast in _feasts_around(day))


def _feasts_around(day: date) -> list[date]:
    return [feast for year in (day.year, day.year + 1) for feast in statutory(year)]
