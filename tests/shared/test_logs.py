"""A log line is JSON, carries its trace, and quotes no exception."""

import io
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import logs, tracing


@pytest.fixture
def lines():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.setup("referral", "INFO")
    written = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_line_carries_time_level_service_and_what_was_added(lines):
    logging.getLogger("shared.relay").info("转出 %d", 3, extra={"queue": "notifier.events"})
    (line,) = lines()
    moment = datetime.fromisoformat(line.pop("time"))
    assert moment.utcoffset() == timedelta(0)
    assert line == {
        "level": "info",
        "logger": "shared.relay",
        "service": "referral",
        "message": "转出 3",
        "queue": "notifier.events",
    }


def test_a_line_inside_a_span_carries_its_trace(lines):
    started = tracing.setup("referral")
    with tracing.span("step"):
        logging.getLogger("services.referral").warning("slow")
        assert lines()[0]["trace_id"] == tracing.trace_id()
    assert len(lines()[0]["span_id"]) == 16
    started.close()


def _failing() -> None:
    try:
        int("canary-1")
    except ValueError as error:
        raise RuntimeError("canary-2") from error


def test_of_an_exception_the_types_and_places_are_told_and_no_message(lines):
    try:
        _failing()
    except RuntimeError as error:
        logging.getLogger("shared.bus").exception("a handler failed")
        told = logs.anatomy(error)
    (line,) = lines()
    assert line["exc_info"] == told
    assert "builtins.RuntimeError at " in told
    assert "builtins.ValueError at " in told
    assert "test_logs.py" in told
    assert "_failing" in told
    assert "canary" not in json.dumps(line)


def test_every_exception_of_a_group_is_told():
    group = ExceptionGroup("canary", [KeyError("canary"), OSError("canary")])
    told = logs.anatomy(group)
    assert "builtins.KeyError" in told
    assert "builtins.OSError" in told
    assert "canary" not in told


def test_libraries_are_heard_from_warnings_on(lines):
    logging.getLogger("httpx").info("HTTP Request: GET https://canary")
    logging.getLogger("pymongo.command").debug("canary")
    logging.getLogger("aio_pika").warning("lost")
    logging.getLogger("uvicorn.error").info("started")
    told: list[Any] = [(line["logger"], line["level"]) for line in lines()]
    assert told == [("aio_pika", "warning"), ("uvicorn.error", "info")]
    assert "canary" not in json.dumps(lines())
