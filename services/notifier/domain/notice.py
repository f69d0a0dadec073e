"""What a notice holds: ids, keys, moments and neutral words; the same by every channel."""

import datetime as dt
from typing import Any

from services.notifier import events
from services.notifier.domain.wording import Facts, compose
from services.notifier.events import Heard


def of_matter(heard: Heard, unit: str) -> dict[str, Any]:
    """The body of the notice that an event becomes for a unit."""
    due = heard.due(unit)
    moved = [each for each in heard.moved if each.unit == unit]
    facts = Facts(
        kind=heard.kind,
        matter=heard.matter,
        mechanism=heard.mechanism,
        state=heard.state,
        step=heard.step,
        clock=due.key if due else None,
        due_at=due.at if due else None,
        division=heard.division,
        moves=tuple((each.key, each.was, each.at) for each in moved),
        because=heard.because,
    )
    return {
        "id": events.notice_id(heard.id, unit),
        "unit": unit,
        "type": heard.type,
        "time": _moment(heard.time),
        "event": heard.id,
        "matter": heard.matter,
        "mechanism": heard.mechanism,
        "state": heard.state,
        "step": heard.step,
        "clock": facts.clock,
        "due_at": _moment(due.at) if due else None,
        "division": heard.division,
        "moved": [
            {"clock": each.key, "was_due_at": _moment(each.was), "due_at": _moment(each.at)} for each in moved
        ],
        **_words(facts),
    }


def of_test(unit: str, test: str, at: dt.datetime) -> dict[str, Any]:
    """The body of a test message; it concerns no matter."""
    return _of_webhook(events.TESTED, "tested", unit, test, at)


def of_disabled(unit: str, event: str, at: dt.datetime) -> dict[str, Any]:
    """The body of the notice that a webhook of the unit was switched off; it concerns no matter."""
    return _of_webhook(events.DISABLED, "disabled", unit, event, at)


def _of_webhook(event_type: str, kind: str, unit: str, event: str, at: dt.datetime) -> dict[str, Any]:
    return {
        "id": events.notice_id(event, unit),
        "unit": unit,
        "type": event_type,
        "time": _moment(at),
        "event": event,
        "matter": None,
        "mechanism": None,
        "state": None,
        "step": None,
        "clock": None,
        "due_at": None,
        "division": None,
        "moved": [],
        **_words(Facts(kind, "", None, None, None, None, None, None)),
    }


def _words(facts: Facts) -> dict[str, Any]:
    texts = compose(facts)
    return {
        "title": {language: words.title for language, words in texts.items()},
        "text": {language: words.text for language, words in texts.items()},
    }


def _moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
