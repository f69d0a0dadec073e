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
        begin = _limit(due) if more.added else run.started_at
        leg = Leg(replace(rule, length=more.length), begin, excluded, more.step)
        legs = [*legs, leg] if more.added else [leg]
        then = count(leg.rule, leg.start, terms.calendar, excluded)
        due = _as_unsure(then, due, leg, terms) if more.added and due.provisional else then
    return due, legs


def _limit(due: Due) -> datetime:
    """Return the moment from which more is counted: on the last day, whose own day is not counted; an hour's end."""
    return due.at - LAST_MOMENT if due.on is not None else due.at


def _as_unsure(due: Due, before: Due, leg: Leg, terms: Terms) -> Due:
    """Return the end of a leg that begins where another provisionally ends: it can move with that."""
    ends = [
        count(leg.rule, start_of(day), terms.calendar, leg.excluded)
        for day in (before.earliest, before.latest)
        if day is not None
    ]
    return replace(due, provisional=True, earliest=ends[0].earliest, latest=ends[-1].latest)


def length_of(
    source: LengthSource, fields: Mapping[str, Any], lengths: Mapping[str, Length]
) -> Length | None:
    """Return the length by the form fields and the local settings; None where no number is set."""
    match source:
        case Length():
            return source
        case ByChoice(field, choices):
            chosen = choices.get(str(fields.get(field)))
            return length_of(chosen, fields, lengths) if chosen is not None else None
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
