"""The pure core: matter + act + time in; the next matter and what to say out, or `Refused` with the reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.mechanism.chain import seal
from shared.mechanism.clockwork import Clockwork, Move, Terms, extension_of, moment_of
from shared.mechanism.grammar import (
    Condition,
    FieldIs,
    Kind,
    Mechanism,
    NotTaken,
    Party,
    Past,
    Reminder,
    Step,
    Taken,
)
from shared.mechanism.matter import Entry, Link, Matter, PaperRef, Ticking

MAX_ENTRIES = 1000
# A department's clock may be a little ahead of ours.
_AHEAD = timedelta(minutes=5)
# Nothing this suite records was done before the decree's own procedures existed in their present form.
_PREHISTORY = timedelta(days=3660)
# An act recorded within this time of being done is not called a late entry.
_PROMPT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Open:
    """A step that could be taken now, and by whom."""

    step: str
    by: tuple[str, ...]


class Refused(Exception):
    """A step that may not be taken. `code` is stable; `field` names the input at fault, `open` what is open instead."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        fields: Sequence[str] = (),
        state: str | None = None,
        is_open: Sequence[Open] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fields = tuple(fields)
        self.state = state
        self.open = tuple(is_open)


@dataclass(frozen=True, slots=True)
class Act:
    """A step as a unit declares it. `key` and `digest` make a repeat recognisable."""

    step: str
    unit: str
    person: str
    posts: frozenset[str]
    acted_at: datetime
    recorded_at: datetime
    key: str
    digest: str
    form: Mapping[str, Any] = field(default_factory=dict)
    papers: Mapping[str, tuple[PaperRef, ...]] = field(default_factory=dict)
    parties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """Something to be told as an event: its past participle, whom it concerns, and ids."""

    participle: str
    tell: tuple[str, ...]
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    matter: Matter
    entry: Entry
    said: tuple[Said, ...]
    attention_at: datetime | None
    owed_by: datetime | None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a new matter stands: its id, who opens it as which party, its division with those above, its cause."""

    id: str
    opener: str
    division: str
    divisions: tuple[str, ...]
    correlation: str
    links: tuple[Link, ...] = ()


def open_matter(mechanism: Mechanism, place: Whereabouts, act: Act, terms: Terms) -> Change:
    """Return the new matter after its opening step, or raise `Refused`."""
    step = mechanism.opening
    blank = Matter(
        id=place.id,
        mechanism=mechanism.key,
        edition=mechanism.edition,
        state="",
        version=0,
        division=place.division,
        divisions=place.divisions,
        parties={place.opener: act.unit},
        readers=(),
        correlation=place.correlation,
        opened_at=act.recorded_at,
        updated_at=act.recorded_at,
        entered_at=act.acted_at,
        history=(),
        clocks=(),
        links=place.links,
    )
    _check_act(blank, step, act)
    return _advance(mechanism, blank, step, act, terms)


def permit(
    mechanism: Mechanism, matter: Matter, step_key: str, unit: str, posts: frozenset[str], at: datetime
) -> Step:
    """Return the step if this unit may take it at `at`; else raise `Refused` with the reason and what is open."""
    step = mechanism.step_by_key.get(step_key)
    if step is None or step is mechanism.opening:
        raise Refused("unknown-step", f"{mechanism.key} has no step {step_key}")
    if acting_party(matter, step, unit) is None:
        who = " or ".join(party.key for party in step.parties)
        raise Refused("not-your-step", f"{step.key} is taken by {who}", state=matter.state)
    if matter.state not in mechanism.sources_of(step):
        raise _closed(mechanism, matter, at, f"{step.key} is not open in state {matter.state}")
    if step.post is not None and step.post not in posts:
        raise Refused("post-required", f"the law reserves {step.key} to the {step.post}", state=matter.state)
    for condition in step.when:
        if not holds(condition, matter, at):
            raise _closed(mechanism, matter, at, f"{step.key} is not open: {explain(condition)}")
    against = _clock_against(mechanism, matter, step, at) or _no_extension(mechanism, matter, step, at)
    if against is not None:
        raise _closed(mechanism, matter, at, against)
    return step


def take_step(mechanism: Mechanism, matter: Matter, act: Act, terms: Terms) -> Change:
    """Return the matter after the step, or raise `Refused` with the reason and what is open."""
    step = permit(mechanism, matter, act.step, act.unit, act.posts, act.acted_at)
    _check_act(matter, step, act)
    if len(matter.history) >= MAX_ENTRIES:
        raise Refused("matter-full", f"a matter holds at most {MAX_ENTRIES} entries")
    return _advance(mechanism, matter, step, act, terms)


def tell_time(mechanism: Mechanism, matter: Matter, now: datetime, terms: Terms) -> Change | None:
    """Return the matter after marking what is over at `now` (a moment of the database's clock); None if nothing is."""
    clockwork = Clockwork(mechanism, matter.clocks, terms)
    version = matter.version + 1
    told = clockwork.tell_time(now, version)
    if not told:
        return None
    entry = Entry(
        version=version,
        kind="clock",
        step="tell_time",
        source=matter.state,
        to=matter.state,
        acted_at=now,
        recorded_at=now,
        clocks=tuple(clockwork.changes),
    )
    said = tuple(_time_said(mechanism, matter, run, reminder) for run, reminder in told)
    return _change(matter, matter, entry, clockwork, said)


def acting_party(matter: Matter, step: Step, unit: str) -> Party | None:
    """Return as which of the step's parties the unit may take it."""
    for party in step.parties:
        if matter.parties.get(party.recorded_by or party.key) == unit:
            return party
    return None


def open_steps(mechanism: Mechanism, matter: Matter, at: datetime) -> list[Step]:
    """Return the steps that could be taken at that moment, by whichever party."""
    return [
        step
        for step in mechanism.steps
        if matter.state in mechanism.sources_of(step)
        and all(holds(condition, matter, at) for condition in step.when)
        and _clock_against(mechanism, matter, step, at) is None
        and _no_extension(mechanism, matter, step, at) is None
    ]


def holds(condition: Condition, matter: Matter, at: datetime) -> bool:
    match condition:
        case FieldIs(name, values):
            return str(matter.fields().get(name)) in values
        case Taken(step, since_entry):
            return matter.taken(step, since_entry=since_entry)
        case NotTaken(step, since_entry):
            return not matter.taken(step, since_entry=since_entry)
        case Past(clock):
            run = matter.ticking(clock)
            return run is not None and run.open and run.due_at is not None and at >= run.due_at


def explain(condition: Condition) -> str:
    match condition:
        case FieldIs(name, values):
            return f"{name} must be {' or '.join(values)}"
        case Taken(step, since_entry):
            return f"{step} must be taken first" + (" in this state" if since_entry else "")
        case NotTaken(step, since_entry):
            return f"{step} was already taken" + (" in this state" if since_entry else "")
        case Past(clock):
            return f"the time of {clock} is not over"


def _closed(mechanism: Mechanism, matter: Matter, at: datetime, detail: str) -> Refused:
    is_open = [
        Open(step.key, tuple(p.key for p in step.parties)) for step in open_steps(mechanism, matter, at)
    ]
    return Refused("step-not-open", detail, state=matter.state, is_open=is_open)


def _clock_against(mechanism: Mechanism, matter: Matter, step: Step, at: datetime) -> str | None:
    for clock in mechanism.clocks:
        run = matter.ticking(clock.key)
        if run is None or run.due_at is None:
            continue
        over = at >= run.due_at
        if step.key in clock.closes and over and (run.open or run.state == "lapsed"):
            return f"the time of {clock.key} ended at {run.due_at.isoformat()}"
        if step.key in clock.opens and not over and run.open:
            return f"{step.key} opens after {clock.key}, at {run.due_at.isoformat()}"
    return None


def _no_extension(mechanism: Mechanism, matter: Matter, step: Step, at: datetime) -> str | None:
    for clock in mechanism.clocks:
        extension = extension_of(clock, step.key)
        if extension is None:
            continue
        run = matter.ticking(clock.key)
        if run is None or not run.open:
            return f"{clock.key} is not running"
        if run.due_at is not None and at >= run.due_at:
            return f"the time of {clock.key} is already over"
        if sum(1 for more in run.extensions if more.step == step.key) >= extension.at_most:
            return f"{clock.key} was already extended by {step.key}"
    return None


def _check_act(matter: Matter, step: Step, act: Act) -> None:
    missing = [f"papers.{p.key}" for p in step.papers if p.required and not act.papers.get(p.key)]
    if missing:
        raise Refused("papers-missing", "the law asks for these papers", fields=missing, state=matter.state)
    asked = {paper.key for paper in step.papers}
    unasked = [f"papers.{key}" for key in act.papers if key not in asked]
    if unasked:
        raise Refused("papers-unknown", f"{step.key} asks for no such paper", fields=unasked)
    earliest = matter.entered_at if matter.history else act.recorded_at - _PREHISTORY
    _check_moment("acted_at", act.acted_at, earliest, act.recorded_at)


def _check_moment(name: str, moment: datetime, earliest: datetime, now: datetime) -> None:
    if moment > now + _AHEAD:
        raise Refused("act-in-future", "an act is recorded after it was done", fields=[name])
    if moment < earliest:
        detail = "the act would lie before the one that brought the matter here"
        raise Refused("act-before-history", detail, fields=[name])


def _advance(mechanism: Mechanism, matter: Matter, step: Step, act: Act, terms: Terms) -> Change:
    to = step.to if step.to is not None else matter.state
    acting_key = (acting_party(matter, step, act.unit) or step.parties[0]).key
    version = matter.version + 1
    entry = Entry(
        version=version,
        kind="step",
        step=step.key,
        source=matter.state or None,
        to=to,
        acted_at=act.acted_at,
        recorded_at=act.recorded_at,
        late=act.recorded_at - act.acted_at > _PROMPT,
        party=acting_key,
        unit=act.unit,
        person=act.person,
        key=act.key,
        digest=act.digest,
        form=act.form,
        papers=act.papers,
        bound=act.parties,
    )
    parties = {**matter.parties, **act.parties}
    moved = to != matter.state
    # Conditions and lengths look at the matter as this very step leaves it.
    after = replace(
        matter,
        state=to,
        version=version,
        parties=parties,
        readers=tuple(dict.fromkeys((*matter.readers, *parties.values()))),
        updated_at=act.recorded_at,
        entered_at=act.acted_at if moved else matter.entered_at,
        history=(*matter.history, entry),
    )
    _check_dates(mechanism, matter, step, act)
    clockwork = Clockwork(mechanism, matter.clocks, terms)
    move = Move(step.key, entry.source, to, act.acted_at, version, act.form, after.fields())
    applies = {c.key: all(holds(w, after, act.acted_at) for w in c.when) for c in mechanism.clocks if c.when}
    clockwork.step(move, applies)
    entry = replace(entry, clocks=tuple(clockwork.changes))
    tell = _told(step, parties, act.unit)
    said = Said(
        step.said,
        tell,
        {"step": step.key, "opens": list(step.opens), "by": {"party": entry.party, "unit": act.unit}},
    )
    return _change(matter, after, entry, clockwork, (said,))


def _check_dates(mechanism: Mechanism, matter: Matter, step: Step, act: Act) -> None:
    """Check the dates from which clocks count: like the act itself, neither to come nor before the history."""
    for clock in mechanism.clocks:
        name = clock.counts_from
        if name is None or clock.backward or step.key not in _starters(mechanism, clock.key):
            continue
        begun = moment_of(act.form.get(name))
        if begun is not None:
            since = matter.entered_at if matter.history else act.recorded_at - _PREHISTORY
            # A date without an hour stands for the first moment of its day.
            _check_moment(f"form.{name}", begun, since - timedelta(days=1), act.recorded_at)


def _starters(mechanism: Mechanism, clock_key: str) -> set[str]:
    clock = mechanism.clock_by_key[clock_key]
    if clock.during:
        return {s.key for s in (mechanism.opening, *mechanism.steps) if s.to in clock.during}
    return set(clock.after)


def _change(
    before: Matter, after: Matter, entry: Entry, clockwork: Clockwork, said: Iterable[Said]
) -> Change:
    entry = seal(before.id, before.history, entry)
    matter = replace(
        after,
        version=entry.version,
        updated_at=entry.recorded_at,
        history=(*before.history, entry),
        clocks=tuple(clockwork.runs),
    )
    return Change(matter, entry, tuple(said), clockwork.attention_at(), clockwork.owed_by())


def _told(step: Step, parties: Mapping[str, str], actor: str) -> tuple[str, ...]:
    keys = [party.key for party in step.tells] if step.tells is not None else list(parties)
    return tuple(dict.fromkeys(parties[key] for key in keys if key in parties and parties[key] != actor))


Over = Literal["duty_missed", "right_lapsed", "deadline_reminded", "time_elapsed"]


def _time_said(mechanism: Mechanism, matter: Matter, run: Ticking, reminder: Reminder | None) -> Said:
    clock = mechanism.clock_by_key[run.key]
    debtor = clock.on.recorded_by or clock.on.key
    participle: Over
    if reminder is not None:
        participle, to = "deadline_reminded", (reminder.to or (debtor,))
    elif clock.kind in (Kind.DUTY, Kind.CYCLE):
        # A missed duty is told to the debtor and to those who oversee the procedure.
        participle, to = "duty_missed", (debtor, *(party.key for party in mechanism.overseers))
    else:
        participle, to = ("right_lapsed" if clock.kind is Kind.RIGHT else "time_elapsed"), (debtor,)
    tell = dict.fromkeys(matter.parties[key] for key in to if key in matter.parties)
    fact = {"key": run.key, "number": run.number, "kind": clock.kind.value, "due_at": run.due_at}
    superior_of = matter.parties.get(debtor) if "superior" in to else None
    data: dict[str, Any] = {"clock": fact, "on": {"party": clock.on.key, "unit": matter.parties.get(debtor)}}
    if superior_of is not None:
        data["superior_of"] = superior_of
    return Said(participle, tuple(tell), data)
