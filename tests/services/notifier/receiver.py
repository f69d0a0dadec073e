"""A department's receiver of webhooks: a real HTTP server that answers as told and verifies what it got."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from standardwebhooks.webhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """The message, if the signature holds."""
        message: dict[str, Any] = Webhook(secret).verify(self.body, dict(self.headers))
        return message


@dataclass
class Receiver:
    """Answers each path as `answers` says (a status, or a function), 204 by default; `received` has everything."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: dict[str, int | Callable[[Request], Response | int]] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        now = asyncio.get_running_loop().time()
        self.received.append(Received(request.url.path, dict(request.headers), body, now))
        answer = self.answers.get(request.url.path, 204)
        await asyncio.sleep(self.delays.get(request.url.path, 0))
        result = answer(request) if callable(answer) else answer
        response = Response(status_code=result) if isinstance(result, int) else result
        await response(scope, receive, send)

    def at(self, path: str) -> list[Received]:
        return [each for each in self.received if each.path == path]

    async def wait(self, path: str, count: int = 1, seconds: float = 15) -> list[Received]:
        """The requests to a path, once there are so many."""
        async with asyncio.timeout(seconds):
            while True:
                if len(found := self.at(path)) >= count:
                    return found
                await asyncio.sleep(0.02)


def endless(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 16_384
            await asyncio.sleep(0.001)

    return StreamingResponse(chunks())


@contextlib.asynccontextmanager
async def receiving(certificate: Path | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver on loopback, with TLS when it is given a key and certificate in one file."""
    receiver = Receiver()
    config = uvicorn.Config(
        receiver,
        port=0,
        log_config=None,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells it by a flag
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    receiver.url = f"http{'s' if certificate else ''}://127.0.0.1:{port}"
    try:
        yield receiver
    finally:
        server.should_exit = server.force_exit = True
        await task


def payload(received: Received) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(received.body)
    return content
