"""What a service says: one CloudEvents 1.0 envelope, as kept in an outbox and as it travels."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

PREFIX: Final = "cloudEvents:"
CONTENT_TYPE: Final = "application/json"

# The type is also the routing key: two or more dotted words, within AMQP's 255 bytes.
_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_TYPE_LIMIT: Final = 255
# Far above what an event needs, far below what makes a broker close the channel on everybody.
_TEXT_LIMIT: Final = 512
_BODY_LIMIT: Final = 65536
_JSON: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Event:
    """One fact a service states: ids, states, unit codes and times, never people.

    `time` is kept in UTC and whole milliseconds, as MongoDB keeps it. `correlation` is the id of the first
    cause, `causation` that of the event that led here. `units` and `divisions` say who may read the event in
    the feed; they stay in the outbox and the feed and never travel. Raises ValueError naming the attribute.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Mapping[str, Any]
    version: int
    correlation: str
    causation: str | None = None
    traceparent: str | None = None
    units: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("id", "source", "subject", "correlation"):
            if not _is_text(getattr(self, name)):
                raise ValueError(f"{name}: a text of 1 to 512 characters is needed")
        for name in ("causation", "traceparent"):
            if getattr(self, name) is not None and not _is_text(getattr(self, name)):
                raise ValueError(f"{name}: a text of 1 to 512 characters, or nothing, is needed")
        if not _is_text(self.type) or not _TYPE.fullmatch(self.type) or len(self.type) > _TYPE_LIMIT:
            raise ValueError("type: two or more lower-case words joined by dots are needed")
        if not _is_a(self.time, datetime) or self.time.tzinfo is None:
            raise ValueError("time: a moment with its zone is needed")
        if not _is_a(self.version, int) or _is_a(self.version, bool) or not 0 <= self.version < 2**31:
            raise ValueError("version: a whole number from 0 to 2^31 is needed")
        if not _is_a(self.data, Mapping):
            raise ValueError("data: a JSON object is needed")
        moment = self.time.astimezone(UTC)
        whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        object.__setattr__(self, "time", whole)

    def document(self) -> dict[str, Any]:
        """Give the event as an outbox and the feed keep it; ValueError when the data could never be sent."""
        self.body()
        return {
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "data": dict(self.data),
            "version": self.version,
            "correlation": self.correlation,
            "causation": self.causation,
            "traceparent": self.traceparent,
            "units": list(self.units),
            "divisions": list(self.divisions),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `document()` gave, whatever else stands beside it."""
        try:
            return cls(
                id=document["id"],
                source=document["source"],
                type=document["type"],
                subject=document["subject"],
                time=document["time"],
                data=document["data"],
                version=document["version"],
                correlation=document["correlation"],
                causation=document.get("causation"),
                traceparent=document.get("traceparent"),
                units=tuple(document.get("units", ())),
                divisions=tuple(document.get("divisions", ())),
            )
        except KeyError as error:
            raise ValueError(f"{error.args[0]}: missing") from None

    def headers(self) -> dict[str, str | int]:
        """Give the attributes as AMQP headers of the binary mode."""
        attributes: dict[str, str | int | None] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "version": self.version,
            "correlation": self.correlation,
            "causation": self.causation,
            "traceparent": self.traceparent,
        }
        return {PREFIX + name: value for name, value in attributes.items() if value is not None}

    def body(self) -> bytes:
        """Give the data as JSON in UTF-8; ValueError when it has no JSON form or is too large."""
        try:
            body = _JSON.encode(dict(self.data)).encode()
        except (TypeError, ValueError):
            raise ValueError("data: only what JSON can carry may be said") from None
        if len(body) > _BODY_LIMIT:
            raise ValueError("data: more than 64 kB is not an event")
        return body

    @classmethod
    def from_message(cls, headers: Mapping[str, Any], body: bytes) -> Self:
        """Read a message of the binary mode, ignoring headers we do not know.

        Raises ValueError naming the attribute that is missing or malformed, and never its value.
        """
        given = {key.removeprefix(PREFIX): value for key, value in headers.items() if key.startswith(PREFIX)}
        if given.get("specversion") != "1.0":
            raise ValueError("specversion: 1.0 is needed")
        for name in ("id", "source", "type", "subject", "time", "version", "correlation"):
            if name not in given:
                raise ValueError(f"{name}: missing")
        try:
            time = datetime.fromisoformat(given["time"])
        except (TypeError, ValueError):
            raise ValueError("time: not a moment of RFC 3339") from None
        version = given["version"]
        if isinstance(version, str) and version.isdecimal() and version.isascii():
            version = int(version)  # an integer attribute may travel in its text form
        try:
            data = json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise ValueError("data: not JSON in UTF-8") from None
        return cls(
            id=given["id"],
            source=given["source"],
            type=given["type"],
            subject=given["subject"],
            time=time,
            data=data,
            version=version,
            correlation=given["correlation"],
            causation=given.get("causation"),
            traceparent=given.get("traceparent"),
        )


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_LIMIT


def _is_a(value: object, kind: type) -> bool:
    """Tell of what came from outside, where annotations promise nothing."""
    return isinstance(value, kind)
