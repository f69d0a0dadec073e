"""The State Council's arrangements of three years, typed from the notices themselves and from nothing else."""

from collections.abc import Iterator
from datetime import date, timedelta

# Year: number of the notice, days off from/to, weekend days worked. Where a feast joins the weekend (与周末连休), the
# feast alone stands here.
NOTICES: dict[int, tuple[str, str, str]] = {
    2024: (
        "国办发明电〔2023〕7号",
        "01-01 02-10/02-17 04-04/04-06 05-01/05-05 06-10 09-15/09-17 10-01/10-07",
        "02-04 02-18 04-07 04-28 05-11 09-14 09-29 10-12",
    ),
    2025: (
        "国办发明电〔2024〕12号",
        "01-01 01-28/02-04 04-04/04-06 05-01/05-05 05-31/06-02 10-01/10-08",
        "01-26 02-08 04-27 09-28 10-11",
    ),
    2026: (
        "国办发明电〔2025〕7号",
        "01-01/01-03 02-15/02-23 04-04/04-06 05-01/05-05 06-19/06-21 09-25/09-27 10-01/10-07",
        "01-04 02-14 02-28 05-09 09-20 10-10",
    ),
}


def off(year: int) -> set[date]:
    return {day for stretch in NOTICES[year][1].split() for day in _days(year, stretch)}


def worked(year: int) -> set[date]:
    return {day for stretch in NOTICES[year][2].split() for day in _days(year, stretch)}


def works(day: date) -> bool:
    """Whether offices work on a day of these years: by the notice, else by the day of the week."""
    return day in worked(day.year) or (day not in off(day.year) and day.isoweekday() <= 5)


def _days(year: int, stretch: str) -> Iterator[date]:
    first, _, last = stretch.partition("/")
    day = date.fromisoformat(f"{year}-{first}")
    while day <= date.fromisoformat(f"{year}-{last or first}"):
        yield day
        day += timedelta(days=1)
