"""A declaration as JSON, from which a client can be built, and as a Mermaid state diagram."""

from collections.abc import Mapping
from typing import Any

from shared.clocks.counting import Length
from shared.mechanism.grammar import (
    AnyOf,
    ByChoice,
    Cites,
    Clock,
    Condition,
    Each,
    FieldIs,
    FromForm,
    FromSetting,
    ItemLast,
    LengthSource,
    Mechanism,
    NotTaken,
    Past,
    Secret,
    Step,
    Taken,
    cites_of,
)


def declaration(mechanism: Mechanism) -> dict[str, Any]:
    """Return everything a client needs to draw and fill in the mechanism."""
    return {
        "key": mechanism.key,
        "path": f"/v1/{mechanism.path}",
        "title": mechanism.title,
        "title_en": mechanism.title_en,
        "edition": mechanism.edition,
        "basis": {
            "law": mechanism.basis.title,
            "number": mechanism.basis.number,
            "edition": mechanism.basis.edition,
        },
        "parties": [
            {
                "key": party.key,
                "title": party.title,
                "kinds": list(party.kinds),
                "by_division": party.by_division,
                "recorded_by": party.recorded_by,
                "fits": {"field": party.fits.field, "kinds": _plain(party.fits.kinds)}
                if party.fits
                else None,
                "near": {"unless": party.near.unless} if party.near else None,
                "shown_to": list(party.shown_to) if party.shown_to is not None else None,
                "oversees": party in mechanism.overseers,
            }
            for party in mechanism.parties
        ],
        "states": [{"key": s.key, "title": s.title, "ends": s.ends} for s in mechanism.states],
        "opening": _step(mechanism, mechanism.opening),
        "entrances": [_step(mechanism, step) for step in mechanism.entrances],
        "steps": [_step(mechanism, step) for step in mechanism.steps],
        "clocks": [_clock(clock) for clock in mechanism.clocks],
        "secrets": [_secret(secret) for secret in mechanism.secrets],
        "diagram": diagram(mechanism),
    }


def diagram(mechanism: Mechanism) -> str:
    """Return the states and the steps between them as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state.title}" as {state.key}' for state in mechanism.states]
    lines += [f"    [*] --> {step.to}: {step.title}" for step in mechanism.openings]
    for step in mechanism.steps:
        if step.to is not None:
            lines += [f"    {source} --> {step.to}: {step.title}" for source in mechanism.sources_of(step)]
    lines += [f"    {state.key} --> [*]" for state in mechanism.states if state.ends]
    return "\n".join(lines)


def citation(cite: Cites) -> str:
    """Return the citations as one line of text."""
    return "; ".join(f"{each} [{each.mark.value}]" for each in cites_of(cite))


def length_text(source: LengthSource) -> str:
    match source:
        case Length():
            return str(source)
        case ByChoice(field, lengths):
            return "; ".join(f"{length_text(each)} if {field} is {value}" for value, each in lengths.items())
        case FromForm(field, unit, otherwise):
            return f"as many {unit.value} as {field} says" + (f", else {otherwise}" if otherwise else "")
        case FromSetting(setting, default):
            return f"set locally ({setting}); {default or 'no number'} by default"


def _step(mechanism: Mechanism, step: Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "title": step.title,
        "by": [party.key for party in step.parties],
        "post": step.post,
        "source": list(mechanism.sources_of(step)),
        "to": step.to,
        "said": step.said,
        "form": step.form.model_json_schema(),
        "papers": [{"key": p.key, "title": p.title, "required": p.required} for p in step.papers],
        "binds": [party.key for party in step.binds],
        "when": [_condition(condition) for condition in step.when],
        "tells": [party.key for party in step.tells] if step.tells is not None else None,
        "opens": list(step.opens),
        "proposes": [{"instrument": each.instrument, "title": each.title} for each in step.proposes],
        "shown_to": [party.key for party in step.shown_to] if step.shown_to is not None else None,
        "copies": step.copies,
        "links": step.links,
        "erases": step.erases,
        "cites": _cites(step.cite),
    }


def _secret(secret: Secret) -> dict[str, Any]:
    return {
        "key": secret.key,
        "title": secret.title,
        "prefix": secret.prefix,
        "readers": {name: [party.key for party in parties] for name, parties in secret.readers.items()},
        "papers": [party.key for party in secret.papers],
        "purposes": [
            {
                "key": each.key,
                "title": each.title,
                "basis": each.basis.value,
                "cites": _cites(each.cite),
            }
            for each in secret.purposes
        ],
        "found_by": secret.found_by,
        "guarded_by": secret.guarded_by,
        "cites": _cites(secret.cite),
    }


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "key": clock.key,
        "title": clock.title,
        "on": clock.on.key,
        "kind": clock.kind.value,
        "length": _length(clock.length),
        "during": list(clock.during),
        "after": list(clock.after),
        "follows": clock.follows,
        "met_by": list(clock.met_by),
        "dropped_by": list(clock.dropped_by),
        "item": clock.item,
        "counts_from": clock.counts_from or "acted_at",
        "backward": clock.backward,
        "roll": clock.roll,
        "unrolled_when": [_condition(condition) for condition in clock.unrolled_when],
        "closes_at": clock.closes_at.isoformat() if clock.closes_at else None,
        "paused_during": list(clock.paused_during),
        "closes": list(clock.closes),
        "opens": list(clock.opens),
        "extensions": [
            {
                "step": more.step,
                "length": _length(more.length),
                "added": more.added,
                "at_most": more.at_most,
                "cites": _cites(more.cite),
            }
            for more in clock.extensions
        ],
        "reminders": [{"offset": str(r.offset), "after": r.after, "to": list(r.to)} for r in clock.reminders],
        "cites": _cites(clock.cite),
    }


def _length(source: LengthSource) -> dict[str, Any]:
    match source:
        case Length(amount, unit):
            return {"amount": amount, "unit": unit.value}
        case ByChoice(field, lengths):
            return {"field": field, "choices": {value: _length(length) for value, length in lengths.items()}}
        case FromForm(field, unit, otherwise):
            return {
                "field": field,
                "unit": unit.value,
                "otherwise": _length(otherwise) if otherwise else None,
            }
        case FromSetting(setting, default):
            return {"setting": setting, "default": _length(default) if default else None}


def _plain(kinds: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {value: list(fitting) for value, fitting in kinds.items()}


def _condition(condition: Condition) -> dict[str, Any]:
    match condition:
        case FieldIs(field, values):
            return {"field": field, "is": list(values)}
        case Taken(step, since_entry):
            return {"taken": step, "since_entry": since_entry}
        case NotTaken(step, since_entry):
            return {"not_taken": step, "since_entry": since_entry}
        case Each(items, item, done, undone):
            return {"each": items, "item": item, "done": list(done), "undone": list(undone)}
        case ItemLast(items, item, among, steps):
            return {"of": items, "item": item, "among": list(among), "last": list(steps)}
        case Past(clock):
            return {"past": clock}
        case AnyOf(conditions):
            return {"any_of": [_condition(each) for each in conditions]}


def _cites(cite: Cites) -> list[dict[str, str]]:
    return [
        {
            "law": each.law.title,
            "number": each.law.number,
            "edition": each.law.edition,
            "article": each.article,
            "mark": each.mark.value,
        }
        for each in cites_of(cite)
    ]
