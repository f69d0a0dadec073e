"""What a step, or the passing of time, does to a matter's clocks: pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.clocks.counting import MOMENTARY, Length, Unit
from shared.mechanism.grammar import Clock, Condition, Extension, Kind, LengthSource, Mechanism, Reminder
from shared.mechanism.matter import (
    DROPPED,
    ELAPSED,
    LAPSED,
    LATE,
    MET,
    OVERDUE,
    PAUSED,
    RUNNING,
    UNFINISHED,
    ClockChange,
    Entry,
    Extended,
    Ticking,
)
from shared.mechanism.reckoning import LAST_MOMENT, Terms, length_of, moment_of, reckon


@dataclass(frozen=True, slots=True)
class Move:
    """A step as the clocks see it."""

    step: str
    source: str | None
    to: str
    acted_at: datetime
    version: int
    form: Mapping[str, Any]
    fields: Mapping[str, Any]


class Clockwork:
    """The clocks of one matter while one change is worked out; `changes` collects what happened to them."""

    def __init__(self, mechanism: Mechanism, runs: Iterable[Ticking], terms: Terms) -> None:
        self._mechanism = mechanism
        self._terms = terms
        self.runs = list(runs)
        self.changes: list[ClockChange] = []

    def step(self, move: Move, holds: Callable[[tuple[Condition, ...]], bool]) -> None:
        """Let one step end, extend, pause, resume and start clocks, in this order."""
        for place, run in enumerate(self.runs):
            named = move.form.get(self._declared(run).item or "")
            if named is not None and run.item is not None and run.item != named:
                continue
            if run.open:
                self._end(place, self._declared(run), move)
            elif run.state == LAPSED and move.step in self._declared(run).met_by:
                # Used in time but recorded afterwards, or used late where lateness closes nothing.
                self._finish(place, move)
        for place, run in enumerate(self.runs):
            if run.open:
                self._extend(place, self._declared(run), move)
                self._pause(place, self._declared(run), move)
        for clock in self._mechanism.clocks:
            if _starts(clock, move) and holds(clock.when):
                unrolled = bool(clock.unrolled_when) and holds(clock.unrolled_when)
                self._start(clock, move, roll=clock.roll and not unrolled)
        self._follow(move)

    def tell_time(self, now: datetime, version: int) -> list[tuple[Ticking, Reminder | None]]:
        """Mark what is over at `now`; return each run with the reminder to say, or None where its time is over."""
        said: list[tuple[Ticking, Reminder | None]] = []
        for place, run in enumerate(self.runs):
            clock = self._declared(run)
            passed = [reminder for moment, reminder in _agenda(clock, run) if moment <= now]
            lapses = clock.kind is Kind.RIGHT and None in passed  # nobody is urged to use what is lost
            for position, reminder in enumerate(passed, start=1):
                if reminder is not None:
                    run = replace(run, reminded=run.reminded + 1)  # noqa: PLW2901
                    self.runs[place] = run
                    if lapses or (reminder.merges and position < len(passed)):
                        continue
                else:
                    run = self._set(place, run, state=state_when_over(clock))  # noqa: PLW2901
                    if clock.kind is Kind.CYCLE and run.due_at is not None:
                        self._run(clock, run.due_at - LAST_MOMENT, version, run.length, roll=run.roll)
                said.append((run, reminder))
        return said

    def recount(self, now: datetime) -> None:
        """Count every unfinished run again by the present calendar; what moved stands in `changes`."""
        for place in self._leads_first():
            run = self.runs[place]
            if run.state in UNFINISHED and run.due_at is not None:
                self._put(place, self._begun(run), now)

    def correct(self, entry: Entry, was: datetime, acted_at: datetime, now: datetime) -> None:
        """Take the act of an entry, done as it `was`, for done at `acted_at`: what it started, paused, ended moves."""
        for place in self._leads_first():
            run = self.runs[place]
            clock = self._declared(run)
            if run.started_by == entry.version and clock.counts_from is None and clock.follows is None:
                run = replace(run, started_at=acted_at)
            if run.ended_by == entry.version:
                run = replace(run, ended_at=acted_at)
            pauses = tuple(
                (
                    acted_at if begin == was and entry.to in clock.paused_during else begin,
                    acted_at if end == was and entry.source in clock.paused_during else end,
                )
                for begin, end in run.pauses
            )
            run = self._begun(replace(run, pauses=pauses))
            if run != self.runs[place]:
                self._put(place, run, now)

    def attention_at(self) -> datetime | None:
        """Return when a clock next needs attention."""
        return min((at for run in self.runs for at, _ in _agenda(self._declared(run), run)), default=None)

    def owed_by(self) -> datetime | None:
        """Return the earliest end of a duty that is still owed, whether it is past or to come."""
        duties = (Kind.DUTY, Kind.CYCLE)
        owed = (run.due_at for run in self.runs if run.open and self._declared(run).kind in duties)
        return min((at for at in owed if at is not None), default=None)

    def _declared(self, run: Ticking) -> Clock:
        return self._mechanism.clock_by_key[run.key]

    def _put(self, place: int, run: Ticking, now: datetime) -> None:
        """Count a run again in the place of the old one, with the state that now follows."""
        was, clock = self.runs[place], self._declared(run)
        if run.state != PAUSED:
            run = self._due(clock, run)
        if run.state in (MET, LATE) and run.ended_at is not None:
            late = run.due_at is not None and run.ended_at >= run.due_at
            run = replace(run, state=LATE if late else MET)
        elif run.due_at is not None and run.due_at != was.due_at:
            # What is said before the new end counts as said if its moment has passed. What was over and still is
            # stays so, and is not said again.
            passed = sum(1 for r in clock.reminders if _offset(run.due_at, r) <= now)
            again = run.state in (OVERDUE, LAPSED, ELAPSED) and run.due_at > now
            run = replace(run, state=RUNNING if again else run.state, reminded=passed)
        self.runs[place] = run
        if run.state != DROPPED and (run.due_at, run.state) != (was.due_at, was.state):
            self.changes.append(ClockChange(run.key, run.number, "moved", run.due_at, was.due_at))

    def _leads_first(self) -> list[int]:
        """Return the places of the runs, those that begin where another one ends behind the others."""
        follows = [self._declared(run).follows is not None for run in self.runs]
        return sorted(range(len(self.runs)), key=follows.__getitem__)

    def _begun(self, run: Ticking) -> Ticking:
        """Return the run with its beginning where the clock that it follows ends now."""
        follows = self._declared(run).follows
        lead = next((each for each in reversed(self.runs) if each.key == follows), None)
        latest = next(each for each in reversed(self.runs) if each.key == run.key)
        if lead is None or lead.due_at is None or latest.number != run.number:
            return run
        return replace(run, started_at=lead.due_at - LAST_MOMENT)

    def _set(self, place: int, run: Ticking, **changes: Any) -> Ticking:
        self.runs[place] = run = replace(run, **changes)
        self.changes.append(ClockChange(run.key, run.number, run.state, run.due_at))
        return run

    def _end(self, place: int, clock: Clock, move: Move) -> None:
        run = self.runs[place]
        left = move.source in clock.during and move.to not in clock.during
        if move.step in clock.dropped_by:
            self._set(place, run, state=DROPPED, ended_at=move.acted_at, ended_by=move.version)
        elif move.step in clock.met_by or (left and not clock.met_by):
            self._finish(place, move)
        elif left:
            self._set(place, run, state=DROPPED, ended_at=move.acted_at, ended_by=move.version)

    def _finish(self, place: int, move: Move) -> None:
        run = self.runs[place]
        late = run.due_at is not None and move.acted_at >= run.due_at
        self._set(place, run, state=LATE if late else MET, ended_at=move.acted_at, ended_by=move.version)

    def _extend(self, place: int, clock: Clock, move: Move) -> None:
        for extension in clock.extensions:
            length = self._length(extension.length, move.fields)
            if extension.step == move.step and length is not None:
                run = self.runs[place]
                more = Extended(move.step, move.version, length, extension.added)
                run = self._due(
                    clock, replace(run, extensions=(*run.extensions, more), state=RUNNING, reminded=0)
                )
                self.runs[place] = run
                self.changes.append(ClockChange(run.key, run.number, "extended", run.due_at))

    def _pause(self, place: int, clock: Clock, move: Move) -> None:
        run = self.runs[place]
        if move.to in clock.paused_during and run.state == RUNNING:
            pauses = (*run.pauses, (move.acted_at, None))
            self._set(place, run, state=PAUSED, pauses=pauses, due_at=None, due_on=None)
        elif run.state == PAUSED and move.to not in clock.paused_during:
            begun = run.pauses[-1][0]
            run = replace(run, state=RUNNING, pauses=(*run.pauses[:-1], (begun, move.acted_at)))
            self.runs[place] = run = self._due(clock, run)
            self.changes.append(ClockChange(run.key, run.number, "resumed", run.due_at))

    def _start(self, clock: Clock, move: Move, *, roll: bool) -> None:
        item = move.form.get(clock.item) if clock.item is not None else None
        for place, run in enumerate(self.runs):
            if run.key == clock.key and run.item == item and run.open:
                self._set(place, run, state=DROPPED, ended_at=move.acted_at, ended_by=move.version)
        started_at = move.acted_at
        if clock.counts_from is not None:
            started_at = moment_of(move.form.get(clock.counts_from)) or started_at
        self._run(
            clock, started_at, move.version, self._length(clock.length, move.fields), roll=roll, item=item
        )

    def _run(
        self,
        clock: Clock,
        started_at: datetime,
        version: int,
        length: Length | None,
        *,
        roll: bool,
        item: int | None = None,
    ) -> None:
        number = 1 + sum(1 for run in self.runs if run.key == clock.key)
        run = self._due(
            clock, Ticking(clock.key, number, RUNNING, started_at, version, length, roll=roll, item=item)
        )
        self.runs.append(run)
        self.changes.append(ClockChange(run.key, run.number, "started", run.due_at))

    def _follow(self, move: Move) -> None:
        """Start or move the clocks that begin where another clock ends."""
        for clock in self._mechanism.clocks:
            lead = next((run for run in reversed(self.runs) if run.key == clock.follows), None)
            if lead is None or lead.due_at is None:
                continue
            # The lead's limit is the midnight after its last day; that last day is the one not counted.
            begins = lead.due_at - LAST_MOMENT
            mine = next((p for p, run in enumerate(self.runs) if run.key == clock.key and run.open), None)
            if mine is not None and self.runs[mine].started_at != begins:
                self._set(mine, self._due(clock, replace(self.runs[mine], started_at=begins)))
            elif mine is None and lead.started_by == move.version:
                length = self._length(clock.length, move.fields)
                self._run(clock, begins, move.version, length, roll=clock.roll)

    def _due(self, clock: Clock, run: Ticking) -> Ticking:
        if run.length is None:
            return run
        due, _ = reckon(clock, run, self._terms)
        return replace(
            run,
            due_at=due.at,
            due_on=due.on,
            provisional=due.provisional,
            calendar=self._terms.calendar.edition,
        )

    def _length(self, source: LengthSource, fields: Mapping[str, Any]) -> Length | None:
        return length_of(source, fields, self._terms.lengths)


def extension_of(clock: Clock, step: str) -> Extension | None:
    return next((extension for extension in clock.extensions if extension.step == step), None)


def _starts(clock: Clock, move: Move) -> bool:
    if clock.during:
        return move.to in clock.during and move.source not in clock.during
    return move.step in clock.after


def state_when_over(clock: Clock) -> str:
    if clock.kind in (Kind.DUTY, Kind.CYCLE):
        return OVERDUE
    return LAPSED if clock.kind is Kind.RIGHT else ELAPSED


def _agenda(clock: Clock, run: Ticking) -> list[tuple[datetime, Reminder | None]]:
    """Return what is still to be said of a run, in order: its reminders and the end of its time (None)."""
    if run.due_at is None or run.state not in (RUNNING, OVERDUE):
        return []
    rungs = sorted(
        ((_offset(run.due_at, reminder), reminder) for reminder in clock.reminders), key=lambda rung: rung[0]
    )
    agenda: list[tuple[datetime, Reminder | None]] = list(rungs[run.reminded :])
    if run.state == RUNNING:
        agenda.append((run.due_at, None))
    return sorted(agenda, key=lambda item: item[0])


def _offset(due_at: datetime, reminder: Reminder) -> datetime:
    unit = reminder.offset.unit if reminder.offset.unit in MOMENTARY else Unit.DAYS
    span = timedelta(**{unit.value: reminder.offset.amount})
    return due_at + span if reminder.after else due_at - span
