"""Every event that a service's declarations let it say, as an AsyncAPI 3 document."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from shared.events import CONTENT_TYPE, PREFIX
from shared.mechanism.grammar import Kind, Mechanism, Proposal, Step

Schema = dict[str, Any]

_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
_UNIT: Final[Schema] = {"type": "string", "description": "Code of a unit of the directory."}
_NO_UNIT: Final[Schema] = {"type": ["string", "null"]}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 1}
GLASS_BROKEN: Final = "glass_broken"
_MAYBE: Final = "?"  # before the name of a property that can be absent
_NEEDED: Final = ("specversion", "id", "source", "type", "subject", "time", "version", "correlation")
_FURTHER: Final = ("causation", "traceparent")


def catalogue(
    service: str, exchange: str, mechanisms: Iterable[Mechanism], others: Mapping[str, str]
) -> dict[str, Any]:
    """Return the document; `others` are events without data that no mechanism declares, with what they mean."""
    messages = {
        f"{service}.{mechanism.key}.{participle}": message
        for mechanism in mechanisms
        for participle, message in _messages(mechanism)
    }
    messages |= {name: _message(meaning, _object({})) for name, meaning in others.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Events of the {service} service",
            "version": "1",
            "description": "CloudEvents 1.0 over AMQP, binary mode. The address is the routing key. Of one subject "
            "they are said in the order of their version, each at least once and always with the same id. "
            "Readers ignore what they do not know.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {name: _channel(name, exchange) for name in messages},
        "operations": {
            f"say {name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in messages
        },
        "components": {"messages": messages, "schemas": {"attributes": _attributes()}},
    }


def _channel(name: str, exchange: str) -> dict[str, Any]:
    bound = {"is": "routingKey", "exchange": {"name": exchange, "type": "topic", "durable": True}}
    return {
        "address": name,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"amqp": bound},
    }


def _attributes() -> Schema:
    names: Schema = {f"{PREFIX}{name}": {"type": "string"} for name in (*_NEEDED, *_FURTHER)}
    names[f"{PREFIX}version"] = {"type": "integer", "minimum": 0}
    return {"type": "object", "properties": names, "required": [f"{PREFIX}{name}" for name in _NEEDED]}


def _message(title: str, payload: Schema) -> dict[str, Any]:
    return {"title": title, "headers": {"$ref": "#/components/schemas/attributes"}, "payload": payload}


def _messages(mechanism: Mechanism) -> Iterator[tuple[str, dict[str, Any]]]:
    """One message for each past participle that a step or a clock of the mechanism says."""
    steps: dict[str, list[Step]] = {}
    for step in mechanism.every_step:
        steps.setdefault(step.said, []).append(step)
    for said, saying in steps.items():
        yield said, _message("; ".join(step.title for step in saying), _step_payload(mechanism, saying))
    for said, title, further in _of_clocks(mechanism):
        yield said, _message(title, _payload(mechanism, further))
    if mechanism.secrets:
        yield GLASS_BROKEN, _message("紧急查阅", _glass(mechanism))


def _of_clocks(mechanism: Mechanism) -> Iterator[tuple[str, str, Schema]]:
    kinds = {clock.kind for clock in mechanism.clocks}
    keys: Schema = {"enum": [clock.key for clock in mechanism.clocks]}
    run = {"key": keys, "number": _NUMBER}
    told: Schema = {
        "clock": _object({**run, "kind": {"enum": sorted(kinds)}, "due_at": _MOMENT}),
        "on": _object({"party": _parties(mechanism), "unit": _NO_UNIT}),
    }
    if any(clock.reminders for clock in mechanism.clocks):
        yield "deadline_reminded", "期限提醒", told
    if kinds & {Kind.DUTY, Kind.CYCLE}:
        yield "duty_missed", "期限已过", told | _proposals(mechanism)
    if Kind.RIGHT in kinds:
        yield "right_lapsed", "权利期间届满", told
    if kinds & {Kind.SOFT, Kind.MINIMUM, Kind.VALIDITY}:
        yield "time_elapsed", "期间届满", told
    if kinds:
        ends = {"was_due_at": {"anyOf": [_MOMENT, {"type": "null"}]}, "due_at": _MOMENT}
        moved = _object({**run, "unit": _NO_UNIT, "state": {"type": "string"}, **ends})
        yield "deadline_moved", "期限变动", {"moved": _list(moved), "because": {"type": "object"}}


def _proposals(mechanism: Mechanism) -> Schema:
    """What may follow a missed duty, where a clock declares it."""
    return _proposed(mechanism, [each for clock in mechanism.clocks for each in clock.proposes])


def _proposed(mechanism: Mechanism, proposed: list[Proposal]) -> Schema:
    if not proposed:
        return {}
    instruments = sorted({each.instrument for each in proposed})
    cites = _list({"type": "string"})
    one = _object({"instrument": {"enum": instruments}, "party": _parties(mechanism), "cites": cites})
    return {_MAYBE + "proposes": _list(one)}


def _step_payload(mechanism: Mechanism, steps: list[Step]) -> Schema:
    doing = [party for step in steps for party in step.parties]
    unit = _MAYBE + "unit" if any(party.shown_to is not None for party in doing) else "unit"
    by = _object({"party": {"enum": sorted({party.key for party in doing})}, unit: _UNIT})
    opens = sorted({key for step in steps for key in step.opens})
    asked: Schema = {"type": "array", "items": {"enum": opens}} if opens else {"type": "array", "maxItems": 0}
    proposed = _proposed(mechanism, [each for step in steps for each in step.proposes])
    named = {"step": {"enum": [step.key for step in steps]}, "by": by, "opens": asked}
    return _payload(mechanism, named | proposed)


def _glass(mechanism: Mechanism) -> Schema:
    """A secret was opened to somebody whom the declaration does not name among its readers."""
    return _object(
        {
            "mechanism": {"const": mechanism.key},
            "edition": {"const": mechanism.edition},
            "state": {"enum": [state.key for state in mechanism.states]},
            "division": {"type": "string", "description": "GB/T 2260"},
            "secret": {"enum": [secret.key for secret in mechanism.secrets]},
            "grant": {"type": "string"},
            "unit": _UNIT,
            "until": _MOMENT,
            "tell": _list(_UNIT),
        }
    )


def _payload(mechanism: Mechanism, further: Schema) -> Schema:
    """What every event of a matter tells, and what this one tells further."""
    clock = {
        "key": {"enum": [clock.key for clock in mechanism.clocks]},
        "on": _parties(mechanism),
        "unit": _NO_UNIT,
        "kind": {"enum": sorted({clock.kind for clock in mechanism.clocks})},
        "due_at": _MOMENT,
    }
    return _object(
        {
            "mechanism": {"const": mechanism.key},
            "edition": {"const": mechanism.edition},
            "state": {"enum": [state.key for state in mechanism.states]},
            "version": _NUMBER,
            "acted_at": _MOMENT,
            "recorded_at": _MOMENT,
            "parties": {
                "type": "object",
                "propertyNames": _parties(mechanism),
                "additionalProperties": _UNIT,
            },
            "division": {"type": "string", "description": "GB/T 2260"},
            "tell": _list(_UNIT),
            "clocks": _list(_object(clock)) if mechanism.clocks else {"type": "array", "maxItems": 0},
            **further,
        }
    )


def _parties(mechanism: Mechanism) -> Schema:
    return {"enum": [party.key for party in mechanism.parties]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(properties: Schema) -> Schema:
    """Return an object with these properties, all of them required but those marked."""
    return {
        "type": "object",
        "properties": {name.removeprefix(_MAYBE): schema for name, schema in properties.items()},
        "required": [name for name in properties if not name.startswith(_MAYBE)],
    }
