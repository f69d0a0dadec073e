"""The few numbers every service shows at /metrics."""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

registry: Final = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)

requests: Final = Counter(
    "liandong_http_requests", "Requests answered.", ("route", "method", "status"), registry=registry
)
request_seconds: Final = Histogram(
    "liandong_http_request_seconds", "Time to the last byte.", ("route", "method"), registry=registry
)
published: Final = Counter(
    "liandong_events_published", "Events the broker confirmed.", ("type",), registry=registry
)
publish_failed: Final = Counter(
    "liandong_events_publish_failed", "Attempts to publish that failed.", registry=registry
)
handled: Final = Counter(
    "liandong_events_handled", "Events a handler finished.", ("queue", "type"), registry=registry
)
retried: Final = Counter(
    "liandong_events_retried", "Events put back with a delay.", ("queue",), registry=registry
)
parked: Final = Counter(
    "liandong_events_parked", "Events given up and kept for an operator.", ("queue",), registry=registry
)
loops: Final = Gauge("liandong_loops_running", "1 while the loop runs.", ("loop",), registry=registry)

calendar_missing: Final = Gauge(
    "liandong_calendar_missing_year",
    "The year whose arrangement of holidays is due and not loaded, else 0.",
    registry=registry,
)


def exposition() -> bytes:
    """Give all metrics in Prometheus's text format (`CONTENT_TYPE`)."""
    return generate_latest(registry)
