"""Builds the notifier from its settings: `python -m services.notifier.main api|worker|migrate`."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from services.notifier import api, events, worker
from services.notifier.channels import Channel
from services.notifier.channels.email import EmailChannel
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.commands.delivering import Deliverer, Pace
from services.notifier.commands.directory import Directory
from services.notifier.commands.telling import Teller
from services.notifier.commands.webhooks import Keeper
from services.notifier.domain.deliveries import ChannelName
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
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class _Parts:
    mongo: Mongo
    store: Store
    webhooks: WebhookChannel
    channels: Mapping[ChannelName, Channel[Any]]
    seal: Seal
    directory: Directory
    teller: Teller


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[_Parts]:
    mongo = await connect(settings.mongo_url, settings.mongo_database)
    webhooks = WebhookChannel(
        allowed=settings.webhook_networks,
        refused=settings.webhook_refused,
        connections=settings.delivery_concurrency,
        ca_file=settings.webhook_ca_file,
    )
    channels: dict[ChannelName, Channel[Any]] = {ChannelName.WEBHOOK: webhooks}
    if (email := _email(settings)) is not None:
        channels[ChannelName.EMAIL] = email
    store = Store(mongo)
    directory = Directory(store)
    teller = Teller(store, directory, settings.mail_roles if email else ())
    try:
        yield _Parts(mongo, store, webhooks, channels, Seal(settings.secret_key), directory, teller)
    finally:
        for channel in channels.values():
            await channel.close()
        await mongo.close()


def _email(settings: Settings) -> EmailChannel | None:
    if settings.smtp_host is None or settings.mail_from is None:
        return None
    return EmailChannel(
        host=settings.smtp_host,
        port=settings.smtp_port or _PORTS[settings.smtp_security],
        security=settings.smtp_security,
        sender=settings.mail_from,
        username=settings.smtp_username,
        password=settings.smtp_password,
        ca_file=settings.smtp_ca_file,
    )


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
            Keeper(parts.store, parts.webhooks, parts.seal),
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
            {
                ChannelName.WEBHOOK: settings.delivery_concurrency,
                ChannelName.EMAIL: settings.smtp_connections,
            },
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
                    Deliverer(parts.store, parts.channels, parts.seal, pace, parts.teller),
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
