"""The outermost layer of every request: body limit, safe headers, measures, the last word on our faults."""

import logging
import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics
from shared.http import problems
from shared.tracing import trace_id

BODY_LIMIT: Final = "liandong.body_limit"  # a route that streams puts its own limit into the scope

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_CLIENT_GONE: Final = 499

_log = logging.getLogger(__name__)


class Edge:
    """Pure ASGI, so that nothing runs after the connection and nothing is cancelled oddly."""

    def __init__(self, app: ASGIApp, body_limit: int) -> None:
        self._app = app
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, self._limited(scope, receive), send_on)
        except ClientDisconnect:
            status = status or _CLIENT_GONE
        except Exception:  # noqa: BLE001  # the last one to catch anything
            # Not raised further: the server would log the message, which may quote what we were given.
            # An answer that had begun stays unfinished, and the server then cuts the connection.
            _log.exception("a request failed")
            if not status:
                await problems.internal(trace_id()).response()(scope, receive, send_on)
        finally:
            _measure(scope, status, time.perf_counter() - began)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        declared = Headers(scope=scope).get("content-length", "")
        size = 0

        async def receive_within() -> Message:
            nonlocal size
            limit: int = scope.get(BODY_LIMIT, self._body_limit)
            if declared.isdecimal() and int(declared) > limit:
                raise problems.too_large(limit)
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise problems.too_large(limit)
            return message

        return receive_within


def _measure(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path_format", "unmatched")
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    metrics.requests.labels(route, method, str(status)).inc()
    metrics.request_seconds.labels(route, method).observe(seconds)
