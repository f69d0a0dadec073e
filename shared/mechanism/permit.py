"""Whether a step may be taken: by whom, in which state, under which conditions and clocks; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.mechanism.clockwork import extension_of
from shared.mechanism.grammar import (
    AnyOf,
    Condition,
    Each,
    FieldIs,
    ItemLast,
    Mechanism,
    NotTaken,
    Party,
    Past,
    Step,
    Taken,
)
from shared.mechanism.matter import LAPSED, Matter


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


def permit(
    mechanism: Mechanism,
    matter: Matter,
    step_key: str,
    unit: str,
    posts: frozenset[str],
    at: datetime,
    form: Mapping[str, Any],
) -> Step:
    """Return the step if this unit may take it at `at`; else raise `Refused` with the reason and what is open."""
    step = mechanism.step_by_key.get(step_key)
    if step is None or step in mechanism.openings:
        raise Refused("unknown-step", f"{mechanism.key} has no step {step_key}")
    if acting_party(matter, step, unit) is None:
        who = " or ".join(party.key for party in step.parties)
        raise Refused("not-your-step", f"{step.key} is taken by {who}", state=matter.state)
    if matter.state not in mechanism.sources_of(step):
        raise closed(mechanism, matter, at, f"{step.key} is not open in state {matter.state}")
    if _tells_secrets(mechanism, form) and _is_erased(mechanism, matter):
        raise Refused("secrets-erased", "what was secret here was destroyed, and nothing is added to it")
    if step.post is not None and step.post not in posts:
        raise Refused("post-required", f"the law reserves {step.key} to the {step.post}", state=matter.state)
    for condition in step.when:
        for about in _about_items(condition):
            if form.get(about.item) not in _numbers(about.items, matter):
                detail = f"there is no such one in {about.items}"
                raise Refused("item-unknown", detail, fields=[f"form.{about.item}"])
        if not holds(condition, matter, at, form):
            raise closed(mechanism, matter, at, f"{step.key} is not open: {explain(condition)}")
    against = _clock_against(mechanism, matter, step, at) or _no_extension(mechanism, matter, step, at)
    if against is not None:
        raise closed(mechanism, matter, at, against)
    return step


def _tells_secrets(mechanism: Mechanism, form: Mapping[str, Any]) -> bool:
    return any(form.get(secret.key) for secret in mechanism.secrets)


def _is_erased(mechanism: Mechanism, matter: Matter) -> bool:
    return any(matter.taken(step.key) for step in mechanism.steps if step.erases)


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


def holds(condition: Condition, matter: Matter, at: datetime, form: Mapping[str, Any] | None = None) -> bool:
    """Return whether the condition holds; without a form, whether it could for some item."""
    match condition:
        case FieldIs(name, values):
            return str(matter.fields().get(name)) in values
        case Taken(step, since_entry):
            return matter.taken(step, since_entry=since_entry)
        case NotTaken(step, since_entry):
            return not matter.taken(step, since_entry=since_entry)
        case Each(items, item, done, undone):
            among = (*done, *undone)
            last = (matter.last_about(items, item, number, among) for number in _numbers(items, matter))
            return all(step in done for step in last)
        case ItemLast(items, item, among, steps):
            numbers = [form[item]] if form and item in form else _numbers(items, matter)
            found = (matter.last_about(items, item, number, among) for number in numbers)
            return any(step in steps if steps else step is None for step in found)
        case Past(clock):
            run = matter.ticking(clock)
            return run is not None and run.open and run.due_at is not None and at >= run.due_at
        case AnyOf(conditions):
            return any(holds(each, matter, at, form) for each in conditions)


def explain(condition: Condition) -> str:
    match condition:
        case FieldIs(name, values):
            return f"{name} must be {' or '.join(values)}"
        case Taken(step, since_entry):
            return f"{step} must be taken first" + (" in this state" if since_entry else "")
        case NotTaken(step, since_entry):
            return f"{step} was already taken" + (" in this state" if since_entry else "")
        case Each(items, _, done, _):
            return f"not every one of {items} has its {' or '.join(done)}"
        case ItemLast(_, item, _, steps):
            wanted = f"must come right after {' or '.join(steps)}" if steps else "was already dealt with"
            return f"for this {item} it {wanted}"
        case Past(clock):
            return f"the time of {clock} is not over"
        case AnyOf(conditions):
            return " or ".join(map(explain, conditions))


def _about_items(condition: Condition) -> Iterator[ItemLast]:
    if isinstance(condition, ItemLast):
        yield condition
    elif isinstance(condition, AnyOf):
        for each in condition.conditions:
            yield from _about_items(each)


def _numbers(items: str, matter: Matter) -> range:
    return range(1, len(matter.fields().get(items) or ()) + 1)


def closed(mechanism: Mechanism, matter: Matter, at: datetime, detail: str) -> Refused:
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
        if step.key in clock.closes and over and (run.open or run.state == LAPSED):
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
