"""What the properties of counting are tried on: moments, rules, intervals, calendars, and arrangements to come."""

from datetime import date, datetime, time, timedelta
from random import Random

from hypothesis import strategies as st

from shared.clocks.calendar import SHANGHAI, Arrangement, Calendar, statutory
from shared.clocks.counting import Interval, Length, Rule, Unit, start_of

ONE = timedelta(days=1)
MOST = {
    Unit.MINUTES: 24_000,
    Unit.HOURS: 400,
    Unit.DAYS: 120,
    Unit.WORKDAYS: 60,
    Unit.HALF_MONTHS: 6,
    Unit.MONTHS: 26,
    Unit.YEARS: 3,
}
LONG = (Unit.MONTHS, Unit.YEARS)


def days(first: date = date(2023, 1, 1), last: date = date(2026, 12, 31)) -> st.SearchStrategy[date]:
    return st.dates(first, last)


def moments(day: st.SearchStrategy[date]) -> st.SearchStrategy[datetime]:
    """Any minute of those days, the first and the last of a day more often."""
    clock = st.one_of(st.sampled_from([time(0, 0), time(23, 59, 59)]), st.times())
    return st.builds(lambda at, on: datetime.combine(on, at, SHANGHAI), clock, day)


@st.composite
def rules(draw: st.DrawFn, units: tuple[Unit, ...] = tuple(Unit), *, backward: bool | None = None) -> Rule:
    unit = draw(st.sampled_from(units))
    return Rule(
        Length(draw(st.integers(1, MOST[unit])), unit),
        backward=draw(st.booleans()) if backward is None else backward,
        roll=draw(st.booleans()),
        common=draw(st.booleans()),
    )


@st.composite
def intervals(draw: st.DrawFn, near: date, most: int = 3) -> list[Interval]:
    """Whole local days out, first in and last out, up to `most` times within some months of a day."""
    found = []
    for _ in range(draw(st.integers(0, most))):
        begin = near + timedelta(days=draw(st.integers(-60, 60)))
        found.append((start_of(begin), start_of(begin + timedelta(days=draw(st.integers(0, 30))))))
    return found


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """A calendar that knows every year, with days off and weekend days worked anywhere in 2024 to 2026."""
    span = days(date(2024, 1, 1), date(2026, 12, 31))
    off = draw(st.sets(span, max_size=8))
    off |= {day + ONE * more for day in off for more in range(draw(st.integers(0, 5)))}
    worked = {day for day in draw(st.sets(span, max_size=8)) if day.isoweekday() > 5} - off
    return Calendar(
        1,
        {
            year: Arrangement(
                year,
                f"made up for {year}",
                None,
                {day: "a feast" for day in off if day.year == year},
                {day: "a feast" for day in worked if day.year == year},
            )
            for year in range(2015, 2036)
        },
    )


def arrangements() -> st.SearchStrategy[Arrangement]:
    """2027 as the State Council may arrange it: the law's feasts, days joined to them, weekends worked for those."""
    return st.integers(0, 2**32).map(_arranged)


def _arranged(seed: int) -> Arrangement:
    chance = Random(seed)
    feasts = sorted(statutory(2027))
    off, worked = set(feasts), set()
    for first in (day for day in feasts if day - ONE not in feasts):
        last = max(day for day in feasts if (day - first).days < 4)
        off |= {first - ONE * more for more in range(chance.randint(0, 2) + 1)}
        off |= {last + ONE * more for more in range(chance.randint(0, 5) + 1)}
        near = [first - ONE * more for more in range(15)] + [last + ONE * more for more in range(15)]
        worked |= set(chance.sample([day for day in near if day.isoweekday() > 5], chance.randint(0, 3)))
    # What the notice says of the last days of December is all that it says of the year before.
    worked = {day for day in worked - off if day >= date(2026, 12, 29)}
    return Arrangement(
        2027, "made up for 2027", None, dict.fromkeys(off, "a feast"), dict.fromkeys(worked, "a feast")
    )
