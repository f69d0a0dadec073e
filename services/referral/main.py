"""Builds the referral service from its settings: `python -m services.referral.main api|worker|migrate`."""

import argparse
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from services.referral import api, events, worker
from services.referral.mechanisms import MECHANISMS
from services.referral.settings import Settings
from services.referral.store import Store
from shared import bus, logs, process, tracing
from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.http.ratelimit import RateLimiter
from shared.identity import Identity
from shared.matters.commands import Commands
from shared.matters.timekeeper import Leases, Recounter, Timekeeper
from shared.mechanism.reckoning import Terms
from shared.mongo import Mongo, connect
from shared.relay import Relay
from shared.settings import SettingsError

SERVICE = "referral"
_LEASE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Parts:
    settings: Settings
    mongo: Mongo
    store: Store
    terms: Callable[[], Terms]
    commands: Commands
    bus: bus.Bus
    relay: Relay
    leases: Leases


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[_Parts]:
    mongo = await connect(settings.mongo_url, settings.mongo_database)
    store = Store(mongo, paper_limit=settings.paper_limit)
    lengths = settings.local_lengths()

    def terms() -> Terms:
        return Terms(store.calendars.current, lengths, common=settings.count_backward == "common")

    commands = Commands(SERVICE, store.matters, store.directory, store.papers, mongo.clock, terms)
    broker = bus.Bus(settings.rabbit_urls, SERVICE)
    holder = f"{socket.gethostname()}:{os.getpid()}"
    leases = partial(store.lease, holder=holder, seconds=_LEASE_SECONDS)
    relay = Relay(store.speaking, broker, store.feed, leases("relay"), mongo.clock)
    try:
        yield _Parts(settings, mongo, store, terms, commands, broker, relay, leases)
    finally:
        await broker.close()
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
        readiness = Readiness({"mongo": parts.mongo.alive})
        app = api.build(
            parts.store,
            parts.commands,
            identity,
            parts.mongo.clock,
            parts.terms,
            readiness,
            body_limit=settings.body_limit,
        )
        await parts.store.calendars.refresh()
        loops = {"calendar": parts.store.calendars.run}
        await process.serve(app, host=settings.host, port=settings.port, loops=loops)


async def run_worker(settings: Settings) -> None:
    """Relay, hear and keep the time until cancelled."""
    async with _parts(settings) as parts:
        await worker.ask_for_directory(parts.store, events.directory_asked(parts.mongo.clock.now()))
        await parts.store.calendars.refresh()
        timekeeper = Timekeeper(parts.commands, parts.store.matters, MECHANISMS, parts.leases)
        recounter = Recounter(
            parts.commands, parts.store.matters, MECHANISMS, parts.store.calendars, parts.leases("recounter")
        )

        async def consuming() -> bool:
            return parts.bus.is_consuming(worker.QUEUE)

        readiness = Readiness({"mongo": parts.mongo.alive, "consumer": consuming})
        health = create_app(
            title="Referral worker",
            description="Health and metrics.",
            version="1",
            routers=[],
            readiness=readiness,
            body_limit=settings.body_limit,
        )
        await process.serve(
            health,
            host=settings.host,
            port=settings.worker_port,
            loops=worker.loops(parts.store, parts.bus, parts.relay, timekeeper, recounter),
        )


async def migrate(settings: Settings) -> None:
    """Make collections, indexes and queues; run before the others, as often as one likes."""
    async with _parts(settings) as parts:
        await parts.store.migrate()
    await bus.declare(settings.rabbit_urls, queue=worker.QUEUE, binds=events.HEARS)


_COMMANDS = {"api": run_api, "worker": run_worker, "migrate": migrate}


def main() -> int:
    parser = argparse.ArgumentParser(prog="services.referral.main", description=__doc__)
    parser.add_argument("command", choices=sorted(_COMMANDS))
    command = parser.parse_args().command
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.setup(SERVICE, settings.log_level)
    trace = tracing.setup(SERVICE, endpoint=settings.trace_endpoint, file=settings.trace_file)
    try:
        return process.run(lambda: _COMMANDS[command](settings))
    finally:
        trace.close()


if __name__ == "__main__":
    sys.exit(main())
