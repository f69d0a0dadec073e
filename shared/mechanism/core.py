"""The pure core: matter + act + time in; the next matter and what to say out, or `Refused` with the reason."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.mechanism.chain import seal
from shared.mechanism.clockwork import Clockwork, Move
from shared.mechanism.grammar import Kind, Mechanism, Proposal, Reminder, Step, cites_of
from shared.mechanism.matter import Entry, Link, Matter, PaperRef, Ticking
from shared.mechanism.permit import Refused, acting_party, holds, permit
from shared.mechanism.reckoning import Terms, moment_of

MAX_ENTRIES = 1000
TAKEN_UP = "takes_up"  # the link from a matter to one of those it was made of
# A department's clock may be a little ahead of ours.
_AHEAD = timedelta(minutes=5)
# Nothing this suite records was done before the decree's own procedures existed in their present form.
PREHISTORY = timedelta(days=3660)
# An act recorded within this time of being done is not called a late entry.
_PROMPT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Act:
    """A step as a unit declares it, or (`automatic`) the service in its name; `key` and `digest` tell a repeat."""

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
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Something to be told as an event: its past participle, whom it concerns, and ids.

    `units`: who may read it, where those are not all the readers of the matter.
    """

    participle: str
    tell: tuple[str, ...]
    data: Mapping[str, Any]
    units: tuple[str, ...] | None = None


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
    step = mechanism.step_by_key[act.step]
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


def take_step(mechanism: Mechanism, matter: Matter, act: Act, terms: Terms) -> Change:
    """Return the matter after the step, or raise `Refused` with the reason and what is open."""
    step = permit(mechanism, matter, act.step, act.unit, act.posts, act.acted_at, act.form)
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
    return changed(matter, matter, entry, clockwork, said)


def _check_act(matter: Matter, step: Step, act: Act) -> None:
    missing = [f"papers.{p.key}" for p in step.papers if p.required and not act.papers.get(p.key)]
    if missing:
        raise Refused("papers-missing", "the law asks for these papers", fields=missing, state=matter.state)
    asked = {paper.key for paper in step.papers}
    unasked = [f"papers.{key}" for key in act.papers if key not in asked]
    if unasked:
        raise Refused("papers-unknown", f"{step.key} asks for no such paper", fields=unasked)
    earliest = matter.entered_at if matter.history else act.recorded_at - PREHISTORY
    check_moment("acted_at", act.acted_at, earliest, act.recorded_at)


def check_moment(name: str, moment: datetime, earliest: datetime, now: datetime) -> None:
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
    copied = _named(act.form, step.copies)
    taken_up = tuple(Link(TAKEN_UP, other, act.unit) for other in _named(act.form, step.links))
    moved = to != matter.state
    # Conditions and lengths look at the matter as this very step leaves it.
    after = replace(
        matter,
        state=to,
        version=version,
        parties=parties,
        readers=tuple(dict.fromkeys((*matter.readers, *parties.values(), *copied))),
        links=tuple(dict.fromkeys((*matter.links, *taken_up))),
        updated_at=act.recorded_at,
        entered_at=act.acted_at if moved else matter.entered_at,
        history=(*matter.history, entry),
    )
    _check_dates(mechanism, matter, step, act)
    clockwork = Clockwork(mechanism, matter.clocks, terms)
    move = Move(step.key, entry.source, to, act.acted_at, version, act.form, after.fields())
    clockwork.step(move, lambda conditions: all(holds(each, after, act.acted_at) for each in conditions))
    entry = replace(entry, clocks=tuple(clockwork.changes))
    tell = tuple(dict.fromkeys((*_told(step, parties, None if act.automatic else act.unit), *copied)))
    data: dict[str, Any] = {
        "step": step.key,
        "opens": list(step.opens),
        "by": {"party": entry.party, "unit": act.unit},
    }
    if step.proposes:
        data["proposes"] = _proposed(step.proposes)
    readers = None
    if step.shown_to is not None:
        allowed = [parties[party.key] for party in step.shown_to if party.key in parties]
        readers = tuple(dict.fromkeys((act.unit, *allowed)))
    said = Said(step.said, tell, data, readers)
    return changed(matter, replace(after, only=_only(mechanism, after)), entry, clockwork, (said,))


def _check_dates(mechanism: Mechanism, matter: Matter, step: Step, act: Act) -> None:
    """Check the dates from which clocks count: like the act itself, neither to come nor before the history."""
    for clock in mechanism.clocks:
        name = clock.counts_from
        if name is None or clock.backward or step.key not in _starters(mechanism, clock.key):
            continue
        begun = moment_of(act.form.get(name))
        if begun is not None:
            since = matter.entered_at if matter.history else act.recorded_at - PREHISTORY
            # A date without an hour stands for the first moment of its day.
            check_moment(f"form.{name}", begun, since - timedelta(days=1), act.recorded_at)


def _starters(mechanism: Mechanism, clock_key: str) -> set[str]:
    clock = mechanism.clock_by_key[clock_key]
    if clock.during:
        return {s.key for s in mechanism.every_step if s.to in clock.during}
    return set(clock.after)


def changed(
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


def _only(mechanism: Mechanism, matter: Matter) -> str | None:
    """Return what no other matter may have in common with this one now."""
    rule = mechanism.only_one
    if rule is None or matter.state not in rule.during:
        return None
    fields = matter.fields()
    same = [matter.parties.get(party.key) for party in rule.parties] + [
        fields.get(name) for name in rule.fields
    ]
    return json.dumps([mechanism.key, *same], ensure_ascii=False)


def _named(form: Mapping[str, Any], name: str | None) -> Sequence[str]:
    return (form.get(name) or ()) if name is not None else ()


def _told(step: Step, parties: Mapping[str, str], actor: str | None) -> tuple[str, ...]:
    keys = [party.key for party in step.tells] if step.tells is not None else list(parties)
    return tuple(dict.fromkeys(parties[key] for key in keys if key in parties and parties[key] != actor))


def _proposed(proposals: Iterable[Proposal]) -> list[dict[str, Any]]:
    return [
        {"instrument": each.instrument, "party": each.by.key, "cites": [str(c) for c in cites_of(each.cite)]}
        for each in proposals
    ]


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
    if participle == "duty_missed" and clock.proposes:
        data["proposes"] = _proposed(clock.proposes)
    if superior_of is not None:
        data["superior_of"] = superior_of
    return Said(participle, tuple(tell), data)
