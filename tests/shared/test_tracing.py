"""Spans join one trace across processes and say only what the allow-list holds."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracerProvider, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared import tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def file(tmp_path: Path):
    path = tmp_path / "spans"
    started = tracing.setup("referral", file=str(path))
    yield path
    started.close()


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_span_is_one_line_as_soon_as_it_ends(file):
    with tracing.span("relay.publish", kind=SpanKind.PRODUCER, event="e1", attempt=2):
        assert _lines(file) == []
    (line,) = _lines(file)
    assert line["name"] == "relay.publish"
    assert (line["service"], line["kind"], line["status"]) == ("referral", "producer", "unset")
    assert line["attributes"] == {"cloudevents.event_id": "e1", "liandong.attempt": 2}
    assert line["parent_id"] is None
    assert line["start"] <= line["end"]


def test_a_saved_traceparent_goes_on_in_another_process(file):
    with tracing.span("consume", parent=PARENT):
        with tracing.span("deliver"):
            inner = tracing.current_traceparent()
        assert tracing.trace_id() == "0af7651916cd43dd8448eb211c80319c"
    deliver, consume = _lines(file)
    assert consume["parent_id"] == "b7ad6b7169203331"
    assert deliver["parent_id"] == consume["span_id"]
    assert deliver["trace_id"] == consume["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert inner == f"00-{deliver['trace_id']}-{deliver['span_id']}-01"
    assert tracing.current_traceparent() is None


def test_a_parent_given_wins_over_the_current_span(file):
    with tracing.span("batch"), tracing.span("one", parent=PARENT):
        pass
    one, batch = _lines(file)
    assert one["parent_id"] == "b7ad6b7169203331"
    assert one["trace_id"] != batch["trace_id"]


def test_a_trace_that_came_unsampled_is_kept_all_the_same(file):
    with tracing.span("consume", parent=PARENT[:-2] + "00"):
        pass
    assert len(_lines(file)) == 1


@pytest.mark.parametrize("parent", ["", "nonsense", "00-zz-zz-01"])
def test_a_broken_traceparent_begins_a_new_trace(file, parent):
    with tracing.span("consume", parent=parent):
        pass
    assert _lines(file)[0]["parent_id"] is None


def test_an_attribute_that_is_not_on_the_list_is_refused(file):
    with pytest.raises(ValueError, match="name"), tracing.span("step", name_of_person="x"):
        pass


def test_of_an_exception_only_the_type_is_kept(file):
    with pytest.raises(LookupError), tracing.span("step"):
        raise LookupError("canary")
    (line,) = _lines(file)
    assert (line["status"], line["attributes"]) == ("error", {"error.type": "LookupError"})
    assert "canary" not in file.read_text()


def test_without_any_set_up_a_trace_is_passed_on(monkeypatch):
    monkeypatch.setattr(tracing, "_provider", NoOpTracerProvider())
    with tracing.span("consume", parent=PARENT):
        assert tracing.current_traceparent() == PARENT


def test_spans_go_to_an_otlp_endpoint_without_what_an_exception_says():
    sent: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    started = tracing.setup("referral", endpoint=f"http://127.0.0.1:{server.server_port}/v1/traces")
    with pytest.raises(LookupError), tracing.span("step"):
        raise LookupError("canary")
    started.close()
    server.shutdown()
    server.server_close()
    ((path, body),) = sent
    assert path == "/v1/traces"
    assert b"LookupError" in body
    assert b"canary" not in body


def test_the_callers_tracestate_goes_no_further(file):
    headers = {"traceparent": PARENT, "tracestate": "who=canary"}
    context = TraceContextTextMapPropagator().extract(headers)
    server = tracing.server_provider().get_tracer("fastapi").start_span("GET", context=context)
    assert not server.get_span_context().trace_state
    server.end()
    assert _lines(file)[0]["parent_id"] == "b7ad6b7169203331"
