"""Spans of one trace through HTTP, outbox, RabbitMQ and webhooks, with an allow-list of what they may say."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace import export as sdk
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracerProvider,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import TracerProvider as AnyTracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue

# What a span of ours may say: ids, names of our own, counts. The key is the keyword of `span()`.
ATTRIBUTES: Final[Mapping[str, str]] = {
    "attempt": "liandong.attempt",
    "count": "liandong.count",
    "delivery": "liandong.delivery.id",
    "event": "cloudevents.event_id",
    "event_type": "cloudevents.event_type",
    "matter": "liandong.matter.id",
    "mechanism": "liandong.mechanism",
    "outcome": "liandong.outcome",
    "queue": "messaging.destination.name",
    "status": "http.response.status_code",
    "step": "liandong.step",
    "unit": "liandong.unit",
    "version": "liandong.version",
}
# What FastAPI's own span keeps: no path, query, host or anything else that a caller can write.
_SERVER_ATTRIBUTES: Final = frozenset(
    {
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "network.protocol.version",
        "url.scheme",
    }
)
_PROPAGATOR: Final = TraceContextTextMapPropagator()

_provider: AnyTracerProvider = NoOpTracerProvider()


class Tracing:
    """What `setup` started; `close` sends what is left."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def close(self) -> None:
        """Export what is still held, for at most some seconds, and trace no more."""
        global _provider  # noqa: PLW0603  # one tracer for the process, like its log
        self._provider.shutdown()
        _provider = NoOpTracerProvider()


def setup(service: str, *, endpoint: str | None = None, file: str | None = None) -> Tracing:
    """Trace this process: to an OTLP/HTTP endpoint, to a file of JSON lines, to both, or with ids only."""
    global _provider  # noqa: PLW0603  # one tracer for the process, like its log
    # Our own sampling decision: a caller's traceparent joins the traces, and cannot switch ours off.
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource({"service.name": service}), shutdown_on_exit=False
    )
    if endpoint:
        provider.add_span_processor(sdk.BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=5)))
    if file:
        provider.add_span_processor(sdk.SimpleSpanProcessor(_JsonLines(file)))
    _provider = provider
    return Tracing(provider)


@contextmanager
def span(
    name: str, *, parent: str | None = None, kind: SpanKind = SpanKind.INTERNAL, **attributes: AttributeValue
) -> Iterator[Span]:
    """Run the block inside a span, under the traceparent given or else under the current span.

    Attributes are keywords of `ATTRIBUTES`; any other raises ValueError. Of an exception only its type is
    kept, since its message may quote what was given to us.
    """
    unknown = attributes.keys() - ATTRIBUTES.keys()
    if unknown:
        raise ValueError(f"not allowed on a span: {', '.join(sorted(unknown))}")
    context = _PROPAGATOR.extract({"traceparent": parent}, context=Context()) if parent else None
    with _tracer().start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes={ATTRIBUTES[key]: value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_attribute("error.type", type(error).__qualname__)
            current.set_status(StatusCode.ERROR)
            raise


def current_traceparent() -> str | None:
    """Give the W3C traceparent of the current span, to be saved with an outbox entry or sent on."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """Give the current trace's id as 32 hex digits."""
    context = get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def _tracer() -> Tracer:
    return _provider.get_tracer("liandong")


def server_provider() -> AnyTracerProvider:
    """Give FastAPI the process's tracer with everything a caller can write taken off its span."""
    return _CarefulProvider()


class _CarefulProvider(AnyTracerProvider):
    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return _CarefulTracer()


class _CarefulTracer(Tracer):
    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        *args: Any,
        **kwargs: Any,
    ) -> Span:
        caller = get_current_span(context).get_span_context()
        if caller.trace_state:  # free text of the caller, which would travel on every span below
            bare = SpanContext(caller.trace_id, caller.span_id, caller.is_remote, caller.trace_flags)
            context = set_span_in_context(NonRecordingSpan(bare), context)
        kept = {key: value for key, value in (attributes or {}).items() if key in _SERVER_ATTRIBUTES}
        return _tracer().start_span(name, context, kind, kept, *args, **kwargs)

    def start_as_current_span(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("FastAPI starts the server's span and makes it current itself")


class _JsonLines(sdk.SpanExporter):
    """One line per span, written at once, so that a killed process loses none that had ended."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def export(self, spans: Sequence[ReadableSpan]) -> sdk.SpanExportResult:
        for each in spans:
            os.write(self._file, json.dumps(_line(each), ensure_ascii=False).encode() + b"\n")
        return sdk.SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        os.close(self._file)


def _line(each: ReadableSpan) -> dict[str, Any]:
    context = each.get_span_context()
    if context is None:
        raise ValueError("a span that ended has a context")
    return {
        "name": each.name,
        "service": each.resource.attributes.get("service.name"),
        "kind": each.kind.name.lower(),
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{each.parent.span_id:016x}" if each.parent else None,
        "start": each.start_time,
        "end": each.end_time,
        "attributes": dict(each.attributes or {}),
        "status": each.status.status_code.name.lower(),
    }
