"""Units' own HTTP endpoints on loopback, which take nothing without a right signature."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver:
    """Each unit's endpoint is `{url}/{unit}`. Keeps a message by the event it tells of and the unit it is for."""

    def __init__(self) -> None:
        self.url = ""
        self.secrets: dict[str, str] = {}
        self.verified: dict[tuple[str, str], bytes] = {}
        self.repeated: Counter[tuple[str, str]] = Counter()
        self.refused = 0
        self._lock = threading.Lock()

    def take(self, unit: str, headers: Mapping[str, str], body: bytes) -> int:
        """The HTTP status for one message: 204 when it is kept, 401 when its signature does not hold."""
        try:
            message: dict[str, Any] = Webhook(self.secrets[unit]).verify(body, dict(headers))
            told = (message["data"]["event"], unit)
        except (KeyError, ValueError, WebhookVerificationError):
            with self._lock:
                self.refused += 1
            return 401
        with self._lock:
            if told in self.verified:
                self.repeated[told] += 1
            self.verified[told] = body
        return 204

    @contextlib.contextmanager
    def serve(self) -> Iterator[None]:
        """Answer from threads of its own until the block ends."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                unit = self.path.removeprefix("/")
                self.send_response(receiver.take(unit, dict(self.headers.items()), body))
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing on stderr."""

        server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 256  # the notifier delivers to many units at once
