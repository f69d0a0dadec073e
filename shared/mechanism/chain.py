"""The hash chain of a matter's history: RFC 8785 canonical JSON, SHA-256, each entry over the one before it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import rfc8785

from shared.mechanism.matter import Entry

_OUTSIDE_THE_HASH = frozenset({"hash", "form"})


@dataclass(frozen=True, slots=True)
class Misfit:
    """The first entry that does not fit, and why."""

    version: int
    reason: str


def digest(value: Any) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of `value`; moments count as UTC text to the millisecond."""
    return hashlib.sha256(rfc8785.dumps(plain(value))).hexdigest()


def plain(value: Any) -> Any:
    """Return `value` as JSON values only."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    return value


def seal(matter: str, history: Sequence[Entry], entry: Entry) -> Entry:
    """Return `entry` linked to the end of `history`; the first link of a matter is its id."""
    previous = history[-1].hash if history else digest({"matter": matter})
    entry = replace(entry, previous=previous, form_digest=digest(entry.form))
    return replace(entry, hash=_hash(entry))


def verify(matter: str, history: Sequence[Entry]) -> Misfit | None:
    """Return the first entry whose content, place or predecessor is not what its hash says; None when all fit."""
    previous = digest({"matter": matter})
    for position, entry in enumerate(history, start=1):
        if entry.version != position:
            return Misfit(position, "an entry is missing before it or stands in the wrong place")
        if entry.previous != previous:
            return Misfit(entry.version, "it does not continue the entry before it")
        if entry.form_digest != digest(entry.form):
            return Misfit(entry.version, "its form is not the one that was recorded")
        if entry.hash != _hash(entry):
            return Misfit(entry.version, "its content is not the one that was recorded")
        previous = entry.hash
    return None


def _hash(entry: Entry) -> str:
    return digest({f.name: getattr(entry, f.name) for f in fields(entry) if f.name not in _OUTSIDE_THE_HASH})
