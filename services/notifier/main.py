"""Builds the notifier from its settings: `python -m services.notifier.main api|worker|migrate`."""

import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.notifier import api, events, worker
from services.notifier.channels import Channel
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.commands.delivering import Deliverer, Pace
from services.notifier.commands.directory import Directory
from services.notifier.commands.telling import Teller
from services.notifier.commands.webhooks import Keeper
from services.notifier.domain.endpoints import Seal
from services.notifier.settings import Settings
from services.notifier.store import Store
from shared import bus, process
from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.http.ratelimit import RateLimiter
from shared.identity import Identity
from shared.mongo import Mongo, connect
from shared.relay import Relay

SERVICE = "notifier"
_LEASE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Parts:
    mongo: Mongo
    store: Store
    channel: Channel
    seal: Seal
    directory: Directory
    teller: Teller


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[_Parts]:
    mongo = await connect(settings.mongo_url, settings.mongo_database)
    channel = WebhookChannel(
        allowed=settings.webhook_networks,
        refused=settings.webhook_refused,
        connections=settings.delivery_concurrency,
        ca_file=settings.webhook_ca_file,
    )
    store = Store(mongo)
    directory = Directory(store)
    try:
        yield _Parts(mongo, store, channel, Seal(settings.secret_key), directory, Teller(store, directory))
    finally:
        await channel.close()
        await mongo.close()


async def run_api(settings: Settings) -> None:
    """Serve HTTP until cancelled."""
    async with _parts(settings) as parts:
        identity = Identity(
            jwks_url=settings.jwks_url,
            issuer=settings.issuer,
            audience=settings.audience,
            limiter=RateLimiter(settings.rate_limit),
        )
        app = api.build(
            parts.store,
            parts.directory,
            Keeper(parts.store, parts.channel, parts.seal),
            parts.teller,
            identity,
            Readiness({"mongo": parts.mongo.alive}),
            body_limit=settings.body_limit,
            import_limit=settings.import_limit,
        )
        await process.serve(app, host=settings.host, port=settings.port)


async def run_worker(settings: Settings) -> None:
    """Hear, relay, number and deliver until cancelled."""
    async with _parts(settings) as parts:
        broker = bus.Bus(settings.rabbit_urls, SERVICE)
        holder = f"{socket.gethostname()}:{os.getpid()}"
        lease = parts.store.lease("relay", holder, _LEASE_SECONDS)
        relay = Relay(parts.store.speaking, broker, parts.store.said, lease, parts.store.clock)
        pace = Pace(
            settings.delivery_schedule,
            settings.delivery_timeout,
            settings.delivery_lease,
            settings.delivery_concurrency,
            settings.webhook_concurrency,
        )

        async def consuming() -> bool:
            return broker.is_consuming(events.QUEUE)

        health = create_app(
            title="Notifier worker",
            description="Health and metrics.",
            version="1",
            routers=[],
            readiness=Readiness({"mongo": parts.mongo.alive, "consumer": consuming}),
            body_limit=settings.body_limit,
        )
        try:
            await process.serve(
                health,
                host=settings.host,
                port=settings.worker_port,
                loops=worker.loops(
                    broker,
                    relay,
                    parts.teller,
                    Deliverer(parts.store, parts.channel, parts.seal, pace),
                    parts.store.lease("numbering", holder, _LEASE_SECONDS),
                ),
            )
        finally:
            await broker.close()


async def migrate(settings: Settings) -> None:
    """Make collections, indexes and queues; run before the others, as often as one likes."""
    async with _parts(settings) as parts:
        await parts.store.ensure_indexes()
    await bus.declare(settings.rabbit_urls, queue=events.QUEUE, binds=events.BINDS)


def main() -> int:
    """Run the command of the command line, and give the exit code."""
    commands = {"api": run_api, "worker": run_worker, "migrate": migrate}
    return process.main(SERVICE, Settings.load, commands)


if __name__ == "__main__":
    sys.exit(main())
