"""The passport of a clock: which law, from which proof, by which counting, day by day, and what moved its end."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel, Field

from shared.clocks.calendar import SHANGHAI, Calendar
from shared.clocks.counting import MOMENTARY, DayNote, count, explain
from shared.matters.views import CiteView, LengthView, PaperView, cites
from shared.mechanism.amend import acted_at
from shared.mechanism.clockwork import state_when_over
from shared.mechanism.grammar import Clock, Kind, Mechanism
from shared.mechanism.matter import LATE, OVERDUE, PAUSED, RUNNING, Matter, Ticking
from shared.mechanism.reckoning import Leg, Terms, reckon

_EFFECTS = {
    Kind.DUTY: "the act stays owed and is overdue",
    Kind.CYCLE: "the act stays owed and is overdue; a new run has begun",
    Kind.RIGHT: "the right is lost; the steps it closes are closed",
    Kind.MINIMUM: "the steps it holds back are open",
    Kind.VALIDITY: "what was granted has expired",
    Kind.SOFT: "a reminder only",
}


class DayView(BaseModel):
    """A day on the way to the end: whether it was counted, and why."""

    date: date
    counted: bool
    why: str


class StartView(BaseModel):
    """What started a clock, and the proof of it."""

    version: int = Field(description="Of the history entry.")
    step: str
    at: datetime = Field(description="The moment it counts from: the act, or the date on the receipt.")
    recorded_at: datetime
    late: bool
    method: str | None = Field(description="How it was served, where the step is a service.")
    received_by: str | None
    papers: list[PaperView]


class RuleView(BaseModel):
    length: LengthView
    backward: bool
    roll: bool = Field(description="A last day off is moved to the next working day.")
    closes_at: str | None = Field(description="The office's hour on the last day; null for 24:00.")
    common: bool = Field(description="Counted backward by the common reading.")


class PauseView(BaseModel):
    since: datetime
    until: datetime | None


class ExtensionView(BaseModel):
    step: str
    version: int
    length: LengthView
    added: bool = Field(description="Added to the old limit; else counted from the start.")
    cites: list[CiteView]


class LateView(BaseModel):
    """By how much, in hours or begun days."""

    amount: int
    unit: str


class Passport(BaseModel):
    """One run of a clock."""

    key: str
    number: int
    item: int | None = Field(description="Which item of a list it runs for.")
    title: str
    kind: str
    party: str
    unit: str | None
    state: str
    late_by: LateView | None
    started: StartView
    rule: RuleView | None = Field(description="Null while no number is set (立即, 及时).")
    due_on: date | None = Field(description="The last day itself; null for hours.")
    due_at: datetime | None = Field(description="The moment the time is over, exclusive, in UTC.")
    due_at_local: str | None
    provisional: bool = Field(description="It rests on a day whose year is not published.")
    earliest: date | None
    latest: date | None
    calendar: int | None = Field(description="The edition of the calendar it was counted by.")
    not_counted: list[DayView]
    moved_by: str | None = Field(description="What moved the last day from where counting ended.")
    pauses: list[PauseView]
    extensions: list[ExtensionView]
    ended_at: datetime | None
    ended_by: int | None
    effect: str
    cites: list[CiteView]


def passport(mechanism: Mechanism, matter: Matter, run: Ticking, terms: Terms, now: datetime) -> Passport:
    """Return the passport of a run; `terms` carry the edition of the calendar it was counted by."""
    clock = mechanism.clock_by_key[run.key]
    over = run.state == RUNNING and run.due_at is not None and run.due_at <= now
    # What the worker has not marked yet is shown as it is.
    state = state_when_over(clock) if over else run.state
    due, legs = reckon(clock, run, terms) if run.length and run.state != PAUSED else (None, [])
    notes = [note for leg in legs for note in explain(leg.rule, leg.start, terms.calendar, leg.excluded)]
    return Passport(
        key=run.key,
        number=run.number,
        item=run.item,
        title=clock.title,
        kind=clock.kind.value,
        party=clock.on.key,
        unit=matter.parties.get(clock.on.recorded_by or clock.on.key),
        state=state,
        late_by=_late_by(run, state, now),
        started=_started(matter, run),
        rule=_rule(clock, run, terms, legs),
        due_on=run.due_on,
        due_at=run.due_at.astimezone(UTC) if run.due_at else None,
        due_at_local=run.due_at.astimezone(SHANGHAI).isoformat() if run.due_at else None,
        provisional=run.provisional,
        earliest=due.earliest if due else None,
        latest=due.latest if due else None,
        calendar=run.calendar,
        not_counted=[day_view(note) for note in notes if not note.counted],
        moved_by=_moved_by(legs, terms.calendar),
        pauses=[PauseView(since=begin, until=end) for begin, end in run.pauses],
        extensions=[
            ExtensionView(
                step=more.step,
                version=more.version,
                length=LengthView(amount=more.length.amount, unit=more.length.unit.value),
                added=more.added,
                cites=[c for e in clock.extensions if e.step == more.step for c in cites(e.cite)],
            )
            for more in run.extensions
        ],
        ended_at=run.ended_at,
        ended_by=run.ended_by,
        effect=_EFFECTS[clock.kind],
        cites=cites(clock.cite),
    )


def day_view(note: DayNote) -> DayView:
    return DayView(date=note.day, counted=note.counted, why=note.why)


def _started(matter: Matter, run: Ticking) -> StartView:
    entry = matter.history[run.started_by - 1]
    corrections = [
        each
        for each in matter.history
        if each.kind == "correction" and each.form.get("corrects") == entry.version
    ]
    form: Mapping[str, Any] = entry.form
    return StartView(
        version=entry.version,
        step=entry.step,
        at=run.started_at,
        recorded_at=entry.recorded_at,
        late=entry.late or acted_at(matter, entry.version) != entry.acted_at,
        method=form.get("method"),
        received_by=form.get("received_by"),
        papers=[
            PaperView(id=paper.id, sha256=paper.sha256)
            for proof in (entry, *corrections)
            for papers in proof.papers.values()
            for paper in papers
        ],
    )


def _rule(clock: Clock, run: Ticking, terms: Terms, legs: list[Leg]) -> RuleView | None:
    if run.length is None:
        return None
    length = legs[-1].rule.length if legs else run.length
    return RuleView(
        length=LengthView(amount=length.amount, unit=length.unit.value),
        backward=clock.backward,
        roll=run.roll and length.unit not in MOMENTARY,
        closes_at=clock.closes_at.isoformat() if clock.closes_at else None,
        common=clock.backward and terms.common,
    )


def _moved_by(legs: list[Leg], calendar: Calendar) -> str | None:
    """Return why the end is not where counting ended; of several legs only the last one's end is shown."""
    if not legs:
        return None
    leg = legs[-1]
    rolled_from = count(leg.rule, leg.start, calendar, leg.excluded).rolled_from
    return f"{rolled_from.isoformat()}: {calendar.day(rolled_from).why}" if rolled_from else None


def _late_by(run: Ticking, state: str, now: datetime) -> LateView | None:
    if run.due_at is None or state not in (LATE, OVERDUE):
        return None
    until = run.ended_at if state == LATE and run.ended_at else now
    if run.due_on is None:
        return LateView(amount=-(-int((until - run.due_at).total_seconds()) // 3600), unit="hours")
    return LateView(amount=(until.astimezone(SHANGHAI).date() - run.due_on).days, unit="days")
