"""What must hold before a declaration is loaded; every fault is reported at once."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from shared.mechanism.grammar import (
    ANY_OPEN_STATE,
    AnyOf,
    ByChoice,
    Clock,
    Condition,
    Each,
    FieldIs,
    FromForm,
    ItemLast,
    Kind,
    LengthSource,
    Mechanism,
    NotTaken,
    Past,
    Secret,
    Step,
    Taken,
    cites_of,
)

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")


class Faulty(Exception):
    """A declaration that does not load; `faults` says everything that is wrong with it."""

    def __init__(self, mechanism: str, faults: list[str]) -> None:
        super().__init__(f"mechanism {mechanism} does not load:\n  " + "\n  ".join(faults))
        self.faults = faults


def check(mechanism: Mechanism) -> Mechanism:
    """Return the mechanism itself, or raise `Faulty` with every fault found."""
    faults = [
        *_keys(mechanism),
        *_flow(mechanism),
        *_bindings(mechanism),
        *(fault for step in mechanism.every_step for fault in _step(mechanism, step)),
        *(fault for clock in mechanism.clocks for fault in _clock(mechanism, clock)),
        *(fault for secret in mechanism.secrets for fault in _secret(mechanism, secret)),
        *_free_text(mechanism),
        *_follow(mechanism),
    ]
    if faults:
        raise Faulty(mechanism.key, faults)
    return mechanism


def _keys(m: Mechanism) -> Iterator[str]:
    named = {
        "party": [party.key for party in m.parties],
        "state": [state.key for state in m.states],
        "step": [step.key for step in m.every_step],
        "clock": [clock.key for clock in m.clocks],
        "secret": [secret.key for secret in m.secrets],
    }
    for word, keys in named.items():
        yield from (f"{word} {key} is declared {n} times" for key, n in Counter(keys).items() if n > 1)
        yield from (f"{word} key {key!r} is not lower_case" for key in keys if not _KEY.match(key))


def _flow(m: Mechanism) -> Iterator[str]:
    states = m.state_by_key
    for step in m.openings:
        if step.source or step.to is None:
            yield f"opening {step.key} must lead from nowhere to a state"
    for step in m.steps:
        if not step.source:
            yield f"step {step.key} is open in no state"
        for key in m.sources_of(step):
            if key in states and states[key].ends and step.to is not None:
                yield f"step {step.key} leaves the end state {key}"
    reached = _reached(m)
    for key, state in states.items():
        if key not in reached:
            yield f"state {key} cannot be reached"
        leaves = any(step.to not in (None, key) for step in m.steps if key in m.sources_of(step))
        if not state.ends and not leaves:
            yield f"state {key} is a dead end: no step leaves it and it does not end the matter"


def _reached(m: Mechanism) -> set[str]:
    reached: set[str] = set()
    frontier = [step.to for step in m.openings]
    while frontier:
        key = frontier.pop()
        if key is not None and key not in reached:
            reached.add(key)
            frontier += [step.to for step in m.steps if key in m.sources_of(step)]
    return reached


def _bindings(m: Mechanism) -> Iterator[str]:
    bound = {party.key for step in m.every_step for party in step.binds}
    bound |= {party.key for step in m.openings for party in step.parties}
    for party in m.parties:
        if party.recorded_by is not None:
            if party.recorded_by not in m.party_by_key:
                yield f"party {party.key} is recorded by the unknown party {party.recorded_by}"
        elif not party.kinds:
            yield f"party {party.key} has neither kinds of unit nor a party that records it"
        elif party.key not in bound and not party.by_division:
            yield f"party {party.key} is never filled by a unit"
        for name in (party.fits.field if party.fits else None, party.near.unless if party.near else None):
            if name is not None:
                yield from _unknown(f"party {party.key}", "field", (name,), _fields(m))
        yield from _unknown(f"party {party.key}", "party", party.shown_to or (), m.party_by_key)
    yield from _unknown("the mechanism is overseen by", "party", (p.key for p in m.overseers), m.party_by_key)
    if m.only_one is not None:
        where = "the rule of the only one"
        yield from _unknown(where, "party", (party.key for party in m.only_one.parties), m.party_by_key)
        yield from _unknown(where, "field", m.only_one.fields, _fields(m))
        yield from _unknown(where, "state", m.only_one.during, m.state_by_key)
        yield from _uncited(where, m.only_one)


def _step(m: Mechanism, step: Step) -> Iterator[str]:
    where = f"step {step.key}"
    proposed_to = (proposal.by for proposal in step.proposes)
    parties = (*step.parties, *step.binds, *(step.tells or ()), *(step.shown_to or ()), *proposed_to)
    yield from _unknown(where, "party", (party.key for party in parties), m.party_by_key)
    if step.source != ANY_OPEN_STATE:
        yield from _unknown(where, "state", step.source, m.state_by_key)
    if step.to is not None:
        yield from _unknown(where, "state", (step.to,), m.state_by_key)
    yield from _uncited(where, step)
    yield from (fault for proposal in step.proposes for fault in _uncited(where, proposal))
    yield from _conditions(m, where, step.when)
    named = (name for name in (step.copies, step.links) if name is not None)
    yield from _unknown(where, "field", named, step.form.model_fields)
    if step.shown_to is not None:
        shown_to = {party.key for party in step.shown_to}
        if not {party.recorded_by or party.key for party in step.parties} <= shown_to:
            yield f"{where} is not shown to those who take it"
        if step.tells is None or not {party.key for party in step.tells} <= shown_to:
            yield f"{where} is told to parties that it is not shown to"
    if not _KEY.match(step.said):
        yield f"{where} says {step.said!r}, which is not lower_case"
    for name, info in step.form.model_fields.items():
        if info.is_required() and not info.examples:
            yield f"{where} has no example for its field {name}"
    yield from (f"{where} asks twice for paper {key}" for key, n in _counts(step) if n > 1)


def _counts(step: Step) -> Iterable[tuple[str, int]]:
    return Counter(paper.key for paper in step.papers).items()


def _clock(m: Mechanism, clock: Clock) -> Iterator[str]:
    where = f"clock {clock.key}"
    named_parties = (clock.on.key, *(proposal.by.key for proposal in clock.proposes))
    yield from _unknown(where, "party", named_parties, m.party_by_key)
    yield from _unknown(where, "state", (*clock.during, *clock.paused_during), m.state_by_key)
    if clock.on.shown_to is not None:
        yield f"{where} is on a party that not everybody is told of, though everybody is told of the clock"
    named = (*clock.after, *clock.met_by, *clock.dropped_by, *clock.closes, *clock.opens)
    yield from _unknown(where, "step", (*named, *(e.step for e in clock.extensions)), m.step_by_key)
    yield from _uncited(where, clock)
    yield from (fault for extension in clock.extensions for fault in _uncited(where, extension))
    yield from (fault for proposal in clock.proposes for fault in _uncited(where, proposal))
    yield from _conditions(m, where, (*clock.when, *clock.unrolled_when))
    if sum(map(bool, (clock.during, clock.after, clock.follows))) != 1:
        yield f"{where} must run during states, after steps, or follow a clock: one of the three"
    if clock.follows is not None:
        yield from _unknown(where, "clock", (clock.follows,), m.clock_by_key)
    ends = clock.met_by or clock.dropped_by or clock.kind not in (Kind.DUTY, Kind.RIGHT, Kind.SOFT)
    if not clock.during and not ends:
        yield f"{where} never ends: no step meets or drops it"
    if clock.closes and clock.kind is not Kind.RIGHT:
        yield f"{where} closes steps but is no right"
    if bool(clock.opens) != (clock.kind is Kind.MINIMUM):
        yield f"{where}: a minimum opens steps, and only a minimum does"
    for source in (clock.length, *(extension.length for extension in clock.extensions)):
        yield from _length(m, where, source)
    if clock.counts_from is not None:
        starters = [m.step_by_key[key] for key in clock.after if key in m.step_by_key]
        if clock.during:
            every_step = m.every_step
            starters = [step for step in every_step if step.to in clock.during]
        for step in starters:
            if clock.counts_from not in step.form.model_fields:
                yield f"{where} counts from {clock.counts_from}, which the form of {step.key} lacks"
    yield from _unknown(
        where,
        "party",
        (key for reminder in clock.reminders for key in reminder.to if key != "superior"),
        m.party_by_key,
    )


def _secret(m: Mechanism, secret: Secret) -> Iterator[str]:
    where = f"secret {secret.key}"
    holding = [step.form.model_fields[secret.key] for step in m.every_step if _asks(step, secret)]
    if not holding:
        yield f"{where} is given in no form"
    if any(secret.form not in (info.annotation, *get_args(info.annotation)) for info in holding):
        yield f"{where} has another form than the field of its name"
    fields = secret.form.model_fields
    if secret.readers.keys() != fields.keys():
        yield f"{where} must say of each of its fields, and of no other, who may read it"
    named = (secret.found_by, secret.born)
    yield from _unknown(where, "field", (name for name in named if name is not None), fields)
    parties = (*secret.owners, *secret.papers, *(p for readers in secret.readers.values() for p in readers))
    yield from _unknown(where, "party", (party.key for party in parties), m.party_by_key)
    if not secret.purposes:
        yield f"{where} is read for no purpose"
    yield from _uncited(where, secret)
    yield from (fault for purpose in secret.purposes for fault in _uncited(where, purpose))


def _asks(step: Step, secret: Secret) -> bool:
    return secret.key in step.form.model_fields


def _free_text(m: Mechanism) -> Iterator[str]:
    """Where something is secret, no form has a place in which it could be told in the clear."""
    if not m.secrets:
        return
    sealed = {secret.key for secret in m.secrets}
    for step in m.every_step:
        schema = step.form.model_json_schema()
        for name, field in schema.get("properties", {}).items():
            if name not in sealed and _holds_text(field, schema.get("$defs", {})):
                yield f"step {step.key} takes free text in {name}, outside of every secret"


def _holds_text(schema: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    if "$ref" in schema:
        return _holds_text(known[schema["$ref"].rpartition("/")[2]], known)
    if schema.get("type") == "string":
        return not {"pattern", "enum", "const", "format"} & schema.keys()
    inner = [*schema.get("anyOf", ()), *schema.get("properties", {}).values()]
    inner += [
        schema[name] for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)
    ]
    return any(_holds_text(each, known) for each in inner)


def _follow(m: Mechanism) -> Iterator[str]:
    if m.follow is None:
        return
    where = "who follows"
    if m.follow.states.keys() != m.state_by_key.keys():
        yield f"{where} must be told something of every state"
    yield from _unknown(where, "step", m.follow.steps, m.step_by_key)
    yield from _unknown(where, "clock", (*m.follow.clocks, *m.follow.marks), m.clock_by_key)
    yield from _uncited(where, m.follow)


def _length(m: Mechanism, where: str, source: LengthSource) -> Iterator[str]:
    if isinstance(source, ByChoice | FromForm) and source.field not in _fields(m):
        yield f"{where} takes its length from the field {source.field}, which no form has"
    if isinstance(source, ByChoice):
        if not source.lengths:
            yield f"{where} has no length for any choice"
        for chosen in source.lengths.values():
            yield from _length(m, where, chosen)


def _conditions(m: Mechanism, where: str, conditions: tuple[Condition, ...]) -> Iterator[str]:
    for condition in conditions:
        match condition:
            case FieldIs(field, _):
                if field not in _fields(m):
                    yield f"{where} looks at the field {field}, which no form has"
            case Taken(step) | NotTaken(step):
                yield from _unknown(where, "step", (step,), m.step_by_key)
            case Each(items, item, done, undone):
                yield from _unknown(where, "field", (items, item), _fields(m))
                yield from _unknown(where, "step", (*done, *undone), m.step_by_key)
            case ItemLast(items, item, among, steps):
                yield from _unknown(where, "field", (items, item), _fields(m))
                yield from _unknown(where, "step", (*among, *steps), m.step_by_key)
            case Past(clock):
                yield from _unknown(where, "clock", (clock,), m.clock_by_key)
            case AnyOf(alternatives):
                yield from _conditions(m, where, alternatives)


def _fields(m: Mechanism) -> set[str]:
    return {name for step in m.every_step for name in step.form.model_fields}


def _unknown(where: str, word: str, keys: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    yield from (f"{where} names the unknown {word} {key}" for key in keys if key not in known)


def _uncited(where: str, cited: object) -> Iterator[str]:
    cites = cites_of(getattr(cited, "cite", ()))
    if not cites or any(not cite.article.strip() for cite in cites):
        yield f"{where} cites no article"
