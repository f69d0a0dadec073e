"""What the notifier says, and its own slim reading of what the other services say."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.events import Event

SOURCE: Final = "/notifier"
UNIT_CHANGED: Final = "notifier.unit.changed"
TESTED: Final = "notifier.webhook.tested"
DISABLED: Final = "notifier.webhook.disabled"
DIRECTORY_ASKED: Final = ".directory.asked"
QUEUE: Final = "notifier.events"
BINDS: Final = ("referral.#", "suggestion.#", "minors.#")

_IDS: Final = uuid.UUID("3b7c1f52-6f0e-5c1e-9a4e-0e6d5f0c2a11")
_UNIT: Final = re.compile(r"[A-Z0-9-]{2,32}")
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def unit_changed(
    code: str, public: Mapping[str, Any], version: int, at: dt.datetime, trace: str | None
) -> Event:
    """The event of one version of one unit; the same id whenever it is said again."""
    return Event(
        id=str(uuid.uuid5(_IDS, f"{code}:{version}")),
        source=SOURCE,
        type=UNIT_CHANGED,
        subject=code,
        time=at,
        data={"code": code, **public, "version": version},
        version=version,
        correlation=str(uuid.uuid5(_IDS, code)),
        traceparent=trace,
        units=(code,),
    )


def notice_id(event: str, unit: str) -> str:
    """The id of the notice that an event becomes for a unit, however often the event arrives."""
    return str(uuid.uuid5(_IDS, f"{event}:{unit}"))


def disabled_id(webhook: str, since: dt.datetime) -> str:
    """The id under which it is told that a webhook, active since that moment, was switched off: once."""
    return str(uuid.uuid5(_IDS, f"{webhook}:disabled:{since.astimezone(dt.UTC).isoformat()}"))


def delivery_id(notice: str, endpoint: str) -> str:
    return str(uuid.uuid5(_IDS, f"{notice}:{endpoint}"))


@dataclass(frozen=True, slots=True)
class Due:
    """A time limit on a unit, by its key."""

    key: str
    unit: str | None
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A limit whose end is another one now."""

    key: str
    unit: str | None
    was: dt.datetime
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """What another service said of a matter, as far as it concerns us: ids, keys and moments."""

    id: str
    type: str
    kind: str
    matter: str
    time: dt.datetime
    version: int
    correlation: str
    mechanism: str | None
    state: str | None
    step: str | None
    division: str | None
    told: tuple[str, ...]
    clock: Due | None
    clocks: tuple[Due, ...]
    moved: tuple[Moved, ...]
    because: str | None

    def due(self, unit: str) -> Due | None:
        """The limit this is about, or else the next one that runs on the unit."""
        if self.clock:
            return self.clock
        return min((due for due in self.clocks if due.unit == unit), key=lambda due: due.at, default=None)


def read(event: Event) -> Heard:
    """Take what we need out of an event and ignore the rest; ValueError naming what is malformed."""
    data = event.data
    told = data.get("tell", [])
    if not isinstance(told, list) or not all(
        isinstance(unit, str) and _UNIT.fullmatch(unit) for unit in told
    ):
        raise ValueError("tell: a list of unit codes is needed")
    clocks, moved, because = data.get("clocks", []), data.get("moved", []), data.get("because", {})
    return Heard(
        id=event.id,
        type=event.type,
        kind=event.type.rpartition(".")[2],
        matter=event.subject,
        time=event.time,
        version=event.version,
        correlation=event.correlation,
        mechanism=_key(data.get("mechanism")),
        state=_key(data.get("state")),
        step=_key(data.get("step")),
        division=_division(data.get("division")),
        told=tuple(dict.fromkeys(told)),
        clock=_due(data.get("clock")),
        clocks=tuple(filter(None, map(_due, clocks))) if isinstance(clocks, list) else (),
        moved=tuple(filter(None, map(_moved, moved))) if isinstance(moved, list) else (),
        because=_reason(because),
    )


def _key(value: Any) -> str | None:
    return value if isinstance(value, str) and _KEY.fullmatch(value) else None


def _division(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"[0-9]{6}", value) else None


def _reason(value: Any) -> str | None:
    """Which kind of reason; the reason itself is for who may read the matter."""
    if not isinstance(value, dict):
        return None
    return next((kind for kind in ("calendar", "corrected") if kind in value), None)


def _due(value: Any) -> Due | None:
    if not isinstance(value, dict) or (key := _key(value.get("key"))) is None:
        return None
    at, unit = _moment(value.get("due_at")), value.get("unit")
    return Due(key, unit if isinstance(unit, str) else None, at) if at else None


def _moved(value: Any) -> Moved | None:
    due = _due(value)
    was = _moment(value.get("was_due_at")) if due else None
    return Moved(due.key, due.unit, was, due.at) if due and was else None


def _moment(value: Any) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None
