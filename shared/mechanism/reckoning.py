"""Where a run of a clock ends, and by which counting: its length, extensions and time not counted; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from shared.clocks.calendar import Calendar
from shared.clocks.counting import Due, Interval, Length, Rule, count, start_of
from shared.mechanism.grammar import ByChoice, Clock, FromForm, FromSetting, LengthSource
from shared.mechanism.matter import Ticking

# A limit is the midnight after the last day; a moment before it lies on that day. Storage keeps milliseconds.
LAST_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What counting needs from outside the declaration: the calendar and the deployment's own choices.

    `common`: count backward by the common reading instead of the safe one.
    """

    calendar: Calendar
    lengths: Mapping[str, Length]
    common: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a run's counting: its first length, or an extension by the step named."""

    rule: Rule
    start: datetime
    excluded: Sequence[Interval]
    extended_by: str | None = None


def reckon(clock: Clock, run: Ticking, terms: Terms) -> tuple[Due, list[Leg]]:
    """Return when a run with a length ends, and the legs by which it was counted."""
    if run.length is None:
        raise ValueError(f"{clock.key} has no length here")
    excluded = [(begin, end) for begin, end in run.pauses if end is not None]
    rule = Rule(run.length, clock.backward, run.roll, terms.common, clock.closes_at)
    legs = [Leg(rule, run.started_at, excluded)]
    due = count(rule, run.started_at, terms.calendar, excluded)
    for more in run.extensions:
        # "Extended by" adds to the old limit; "extended to" counts the new length from the start.
        begin = due.at - LAST_MOMENT if more.added else run.started_at
        leg = Leg(replace(rule, length=more.length), begin, [] if more.added else excluded, more.step)
        legs = [*legs, leg] if more.added else [leg]
        due = count(leg.rule, leg.start, terms.calendar, leg.excluded)
    return due, legs


def length_of(
    source: LengthSource, fields: Mapping[str, Any], lengths: Mapping[str, Length]
) -> Length | None:
    """Return the length by the form fields and the local settings; None where no number is set."""
    match source:
        case Length():
            return source
        case ByChoice(field, choices):
            return choices.get(str(fields.get(field)))
        case FromForm(field, unit, otherwise):
            amount = fields.get(field)
            return Length(int(amount), unit) if amount is not None else otherwise
        case FromSetting(setting, default):
            return lengths.get(setting, default)


def moment_of(value: Any) -> datetime | None:
    """Return the moment a form field stands for: a date is its first moment in Shanghai."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return datetime.fromisoformat(value) if "T" in value else start_of(date.fromisoformat(value))
    return start_of(value)
