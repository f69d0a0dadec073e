"""Administrative divisions (GB/T 2260): Henan down to its cities, Luoyang down to its districts and counties.

Abolished codes stay, since old records and ID numbers carry them. Moments before 2021 are known to the year
only and stand as 1 January. Left out: headings that are no places (410301 市辖区) and the statistics bureau's
own codes (410371).
"""

import csv
import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Division:
    """One life of one code: from `valid_from` (None: since before the register) until before `valid_to`."""

    code: str
    name: str
    parent: str | None
    valid_from: dt.date | None
    valid_to: dt.date | None
    successor: str | None

    def holds(self, on: dt.date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (
            self.valid_to is None or on < self.valid_to
        )


def every() -> tuple[Division, ...]:
    """The whole register, by code and then by time."""
    return tuple(division for lives in _register().values() for division in lives)


def find(code: str, on: dt.date | None = None) -> Division | None:
    """What `code` stood for on that day (without a day: lastly), or None if it stood for nothing."""
    lives = _register().get(code, ())
    return next((life for life in reversed(lives) if on is None or life.holds(on)), None)


def live(code: str, on: dt.date) -> bool:
    """Whether a record made on that day may carry `code`."""
    return find(code, on) is not None


def ancestors(code: str) -> tuple[str, ...]:
    """The codes above `code`, nearest first; empty for a province or an unknown code."""
    division = find(code)
    if division is None or division.parent is None:
        return ()
    return (division.parent, *ancestors(division.parent))


def successor(code: str, on: dt.date) -> str | None:
    """The code that names on that day what `code` once named: itself while live, None if it was divided."""
    if live(code, on):
        return code
    division = find(code)
    if division is None or division.successor in (None, code):
        return None
    return successor(division.successor or "", on)


@functools.cache
def _register() -> Mapping[str, tuple[Division, ...]]:
    register: dict[str, tuple[Division, ...]] = {}
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            division = Division(
                code=row["code"],
                name=row["name"],
                parent=row["parent"] or None,
                valid_from=_day(row["valid_from"]),
                valid_to=_day(row["valid_to"]),
                successor=row["successor"] or None,
            )
            register[division.code] = (*register.get(division.code, ()), division)
    return dict(sorted(register.items()))


def _day(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
