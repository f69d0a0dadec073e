"""The notifier as processes on real servers, what it hears from others, and units that call it."""

import asyncio
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.local.process import Process
from deploy.local.server import free_port
from deploy.local.servers import Servers
from deploy.local.suite import Suite, running_suite
from shared.bus import Bus, declare
from shared.events import Event
from shared.mongo import Mongo, connect
from tests.services.notifier.receiver import Receiver, receiving

SCOPES = ["directory:read", "webhooks:manage", "feed:read", "events:read"]
KEEPER = "LY-ZF-000"
FAST = {
    "NOTIFIER_DELIVERY_SCHEDULE": "0.2,0.4,0.8",
    "NOTIFIER_DELIVERY_TIMEOUT": "2",
    "NOTIFIER_DELIVERY_LEASE": "7",
    "NOTIFIER_RATE_LIMIT": "1000000/minute",
}
_numbers = itertools.count(1)


def new_unit() -> str:
    """A unit code that no other test uses."""
    return f"LY-T-{next(_numbers):04}"


@dataclass
class House:
    """Everything a test needs to be a department, another service, or an operator."""

    suite: Suite
    client: httpx.AsyncClient
    receiver: Receiver
    bus: Bus
    mongo: Mongo
    folder: Path
    said: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tokens: dict[tuple[str, str], str] = {}

    @property
    def worker(self) -> Process:
        return self.suite.services["notifier"].worker

    def headers(self, unit: str, *scopes: str) -> dict[str, str]:
        key = unit, " ".join(scopes)
        if key not in self._tokens:
            self._tokens[key] = self.suite.issuer.token(unit, scopes=[*SCOPES, *scopes])
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    async def call(self, unit: str, method: str, path: str, *scopes: str, **more: Any) -> httpx.Response:
        headers = {**self.headers(unit, *scopes), **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)

    async def keep(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Call as who keeps the directory."""
        return await self.call(KEEPER, method, path, "directory:write", **more)

    async def webhook(self, unit: str, path: str, **body: Any) -> tuple[str, str]:
        """Add a webhook of the unit that leads to the receiver; its id and secret."""
        answer = await self.call(unit, "POST", "/v1/webhooks", json={"url": self.receiver.url + path, **body})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], answer.json()["secret"]

    async def log(self, unit: str, webhook: str) -> list[dict[str, Any]]:
        answer = await self.call(unit, "GET", f"/v1/webhooks/{webhook}/deliveries")
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def feed(self, unit: str, after: str = "0", limit: int = 200) -> list[dict[str, Any]]:
        answer = await self.call(unit, "GET", "/v1/feed", params={"after": after, "limit": limit})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def say(self, *units: str, traceparent: str | None = None, **changes: Any) -> Event:
        """Say, as the referral service would, that a matter has moved on."""
        event = step_event(*units, traceparent=traceparent, **changes)
        await self.bus.publish(event)
        return event

    def logs(self) -> str:
        return "".join(file.read_text() for file in (self.folder / "logs").iterdir())

    def spans(self) -> list[dict[str, Any]]:
        files = (self.folder / "traces").iterdir()
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    async def another_worker(self) -> Process:
        """Start one more worker; returns once it is ready."""
        first, port = self.worker, free_port()
        env = {**first._env, "NOTIFIER_WORKER_PORT": str(port)}
        output = first.output.with_name(f"notifier-worker-{uuid.uuid4().hex[:6]}.log")
        second = Process("another worker", first.argv, output=output, env=env, cwd=first._cwd)
        await second.start()

        async def ready() -> bool:
            with suppress(httpx.HTTPError):
                return (await self.client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
            return False

        await eventually(ready, 30)
        return second


def step_event(
    *units: str,
    traceparent: str | None = None,
    said: str = "filed",
    subject: str | None = None,
    **changes: Any,
) -> Event:
    matter = subject or str(uuid.uuid4())
    data: dict[str, Any] = {
        "mechanism": "forward_transfer",
        "edition": "2020-08-07",
        "state": "filed",
        "step": "file",
        "version": 7,
        "division": "410303",
        "tell": list(units),
        "clocks": [
            {
                "key": "handover",
                "on": "organ",
                "unit": units[0] if units else None,
                "kind": "duty",
                "due_at": "2026-12-01T16:00:00Z",
            }
        ],
    }
    return Event(
        id=str(uuid.uuid4()),
        source="/referral",
        type=f"referral.forward_transfer.{said}",
        subject=matter,
        time=datetime.now(UTC),
        data=data | changes,
        version=7,
        correlation=matter,
        traceparent=traceparent,
    )


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 15) -> Any:
    """What `check` gives, once it gives something true."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await check():
                return found
            await asyncio.sleep(0.05)


@asynccontextmanager
async def house_on(servers: Servers, folder: Path, **settings: str) -> AsyncIterator[House]:
    """Run the notifier's processes on a database and a virtual host of their own."""
    async with servers.database() as database, servers.vhost() as urls, receiving() as receiver:
        prefix = f"{database}_"
        # Somebody must listen to what the directory says, or the broker could not route it.
        await declare(urls, queue="listener.events", binds=("notifier.#",))
        mongo = await connect(servers.mongo_url, f"{prefix}notifier")
        bus = Bus(urls, "tests")
        try:
            async with (
                running_suite(
                    folder,
                    servers.mongo_url,
                    urls,
                    names=["notifier"],
                    prefix=prefix,
                    settings=FAST | settings,
                ) as suite,
                httpx.AsyncClient(base_url=suite.services["notifier"].url, timeout=20) as client,
            ):
                house = House(suite, client, receiver, bus, mongo, folder)
                listening = asyncio.create_task(_listen(bus, house.said))
                yield house
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening
        finally:
            await bus.close()
            await mongo.close()
            await servers.mongo.drop(f"{prefix}notifier")


async def _listen(bus: Bus, said: list[Event]) -> None:
    async def hear(event: Event) -> None:
        said.append(event)

    await bus.consume("listener.events", hear)


def unit_body(**changes: Any) -> Mapping[str, Any]:
    return {"name": "西工公安分局", "kind": "public_security", "division": "410303"} | changes
