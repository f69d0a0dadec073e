"""Logs as JSON lines on stderr, each with its trace; of an exception types and places, never the message."""

import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from opentelemetry.trace import get_current_span
from pythonjsonlogger.json import JsonFormatter

_OURS = ("shared", "services", "deploy", "uvicorn")


def setup(service: str, level: str = "INFO") -> None:
    """Send everything this process logs to stderr, ours from `level` on, of others warnings only.

    Libraries speak of addresses and commands below a warning, and those may carry what callers gave us.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)


class _Lines(JsonFormatter):
    def __init__(self, service: str) -> None:
        super().__init__(json_ensure_ascii=False)
        self._service = service

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        log_data["service"] = self._service
        span = get_current_span().get_span_context()
        if span.is_valid:
            log_data["trace_id"] = f"{span.trace_id:032x}"
            log_data["span_id"] = f"{span.span_id:016x}"
        super().add_fields(log_data, record, message_dict)
        log_data.pop("color_message", None)  # uvicorn's, for terminals

    def formatException(  # noqa: N802  # the name is the logging library's
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return anatomy(ei[1]) if ei[1] is not None else ""


def anatomy(error: BaseException) -> str:
    """Tell where an exception and its causes come from: types, files, lines; the messages may quote input."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        places = " < ".join(
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in reversed(traceback.extract_tb(current.__traceback__))
        )
        kind = f"{type(current).__module__}.{type(current).__qualname__}"
        parts.append(f"{kind} at {places}" if places else kind)
        if isinstance(current, BaseExceptionGroup):
            parts.extend(anatomy(each) for each in current.exceptions)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "; from ".join(parts)
