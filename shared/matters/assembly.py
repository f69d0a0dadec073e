"""A service with procedures, put together: its settings, its mechanisms, and what is its own."""

import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from fastapi import APIRouter, FastAPI

from shared import bus, papers, process
from shared.events import Event
from shared.http import said
from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.http.ratelimit import RateLimiter
from shared.identity import Identity
from shared.matters import calendar_api, declared, routes, simulator
from shared.matters.commands import Commands, Rule
from shared.matters.keeping import Keeping
from shared.matters.secrecy import audit, following
from shared.matters.secrecy import routes as secret_routes
from shared.matters.secrecy.erasure import Erasure
from shared.matters.secrecy.following import Following
from shared.matters.secrecy.glass import Glass
from shared.matters.secrecy.reading import Reading
from shared.matters.secrecy.sealing import Sealing
from shared.matters.settings import MatterSettings, SealedSettings
from shared.matters.timekeeper import Recounter, Timekeeper
from shared.mechanism.load import Mechanisms
from shared.mechanism.reckoning import Terms
from shared.mongo import Mongo, connect
from shared.process import Loop
from shared.relay import Relay
from shared.vault import Vault

UNIT_CHANGED = "notifier.unit.changed"
_LEASE_SECONDS = 10.0

Handler = Callable[[Event], Awaitable[None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The running parts that a service's own routes and handlers are built over."""

    settings: MatterSettings
    mongo: Mongo
    keeping: Keeping
    terms: Callable[[], Terms]
    commands: Commands
    identity: Identity


@dataclass(frozen=True, slots=True)
class Service:
    """What makes one service: `routers` and `heard` are its own beside those every such service has.

    `rules`: what its declarations cannot say, asked before each step is kept.
    """

    name: str
    title: str
    description: str
    settings: type[MatterSettings]
    mechanisms: Mechanisms
    routers: Callable[[Parts], Sequence[APIRouter]] = lambda _: ()
    heard: Callable[[Parts], Mapping[str, Handler]] = lambda _: {}
    keeping: type[Keeping] = Keeping
    rules: Callable[[MatterSettings, Keeping, Mongo], Rule] | None = None

    @property
    def queue(self) -> str:
        return f"{self.name}.events"

    def main(self) -> int:
        """Run one of the commands api, worker, migrate, and give the exit code."""
        commands = {"api": self._api, "worker": self._worker, "migrate": self._migrate}
        if issubclass(self.settings, SealedSettings):
            commands["rewrap"] = self._rewrap
        return process.main(self.name, self.settings.load, commands)

    @asynccontextmanager
    async def parts(self, settings: MatterSettings) -> AsyncIterator[Parts]:
        """Connect, and give the parts; everything is closed at the end."""
        mongo = await connect(settings.mongo_url, settings.mongo_database)
        vault = None
        if isinstance(settings, SealedSettings):
            vault = Vault(mongo, settings.key_database, settings.provider(), settings.hash_key)
        keeping = self.keeping(mongo, paper_limit=settings.paper_limit, vault=vault)
        lengths = settings.local_lengths()

        def terms() -> Terms:
            return Terms(keeping.calendars.current, lengths, common=settings.count_backward == "common")

        identity = Identity(
            jwks_url=settings.jwks_url,
            issuer=settings.issuer,
            audience=settings.audience,
            limiter=RateLimiter(settings.rate_limit),
        )
        rule = self.rules(settings, keeping, mongo) if self.rules is not None else None
        commands = Commands(
            self.name,
            keeping.matters,
            keeping.directory,
            keeping.papers,
            mongo.clock,
            terms,
            Sealing(vault) if vault is not None else None,
            rule,
        )
        try:
            yield Parts(settings, mongo, keeping, terms, commands, identity)
        finally:
            if vault is not None:
                await vault.close()
            await mongo.close()

    def app(self, parts: Parts, readiness: Readiness) -> FastAPI:
        """Return the application: the routes of the mechanisms, and the service's own."""
        keeping, identity = parts.keeping, parts.identity
        over = routes.Parts(
            parts.commands,
            keeping.matters,
            identity,
            parts.mongo.clock,
            keeping.papers,
            keeping.calendars,
            parts.terms,
        )
        return create_app(
            title=self.title,
            description=self.description,
            version="1",
            routers=[
                *(routes.build_router(mechanism, over) for mechanism in self.mechanisms.values()),
                *self._sealed_routers(over, keeping),
                *self.routers(parts),
                declared.build_router(self.name, self.mechanisms, identity),
                simulator.build_router(self.mechanisms, identity, parts.terms),
                calendar_api.build_router(
                    self.mechanisms, identity, keeping.calendars, keeping.matters, parts.terms
                ),
                papers.build_router(keeping.papers, identity),
                said.build_router(keeping.feed, identity, self._overseen(parts)),
            ],
            readiness=readiness,
            body_limit=parts.settings.body_limit,
        )

    def loops(self, parts: Parts, broker: bus.Bus) -> Mapping[str, Loop]:
        """Return the loops of the worker, by name."""
        keeping = parts.keeping
        holder = f"{socket.gethostname()}:{os.getpid()}"
        leases = partial(keeping.lease, holder=holder, seconds=_LEASE_SECONDS)
        relay = Relay(keeping.speaking, broker, keeping.feed, leases("relay"), parts.mongo.clock)
        timekeeper = Timekeeper(parts.commands, keeping.matters, self.mechanisms, leases)
        recounter = Recounter(
            parts.commands, keeping.matters, self.mechanisms, keeping.calendars, leases("recounter")
        )
        heard = self._everything_heard(parts)

        async def hear(event: Event) -> None:
            handler = heard.get(event.type)
            if handler is not None:
                await handler(event)

        return {
            "relay": relay.run,
            "timekeeper": timekeeper.run,
            "recounter": recounter.run,
            "calendar": keeping.calendars.run,
            "consumer": partial(broker.consume, self.queue, hear),
        }

    def _everything_heard(self, parts: Parts) -> Mapping[str, Handler]:
        heard: dict[str, Handler] = {UNIT_CHANGED: parts.keeping.directory.hear, **self.heard(parts)}
        erased = {
            f"{self.name}.{mechanism.key}.{step.said}"
            for mechanism in self.mechanisms.values()
            for step in mechanism.steps
            if step.erases
        }
        return heard | dict.fromkeys(erased, Erasure(parts.keeping).hear)

    def _sealed_routers(self, over: routes.Parts, keeping: Keeping) -> Sequence[APIRouter]:
        """Return the routes of mechanisms with secrets, and of those that a reporter follows."""
        secret = [mechanism for mechanism in self.mechanisms.values() if mechanism.secrets]
        if keeping.vault is None:
            if secret:
                raise LookupError(f"{self.name} declares secrets and has no vault for them")
            return ()
        reading = Reading(over.commands, keeping, keeping.vault)
        glass = Glass(self.name, over.commands, keeping, keeping.vault)
        followed = {key: each for key, each in self.mechanisms.items() if each.follow is not None}
        follow = Following(keeping.followers, keeping.matters, keeping.vault)
        return [
            *(secret_routes.build_router(mechanism, over, reading, glass) for mechanism in secret),
            audit.build_router(keeping.accesses, over.commands, over.identity),
            *([following.build_router(followed, over, follow)] if followed else []),
        ]

    async def _rewrap(self, settings: MatterSettings) -> None:
        """Wrap every data key by the key that the settings name now; nothing sealed is touched."""
        async with self.parts(settings) as parts:
            if parts.keeping.vault is not None:
                _log.info("data keys wrapped anew", extra={"count": await parts.keeping.vault.rewrap()})

    async def _api(self, settings: MatterSettings) -> None:
        """Serve HTTP until cancelled."""
        async with self.parts(settings) as parts:
            await parts.keeping.calendars.refresh()
            app = self.app(parts, Readiness({"mongo": parts.mongo.alive}))
            loops = {"calendar": parts.keeping.calendars.run}
            await process.serve(app, host=settings.host, port=settings.port, loops=loops)

    async def _worker(self, settings: MatterSettings) -> None:
        """Relay, hear and keep the time until cancelled."""
        broker = bus.Bus(settings.rabbit_urls, self.name)
        try:
            async with self.parts(settings) as parts:
                await self._ask_for_directory(parts)
                await parts.keeping.calendars.refresh()

                async def consuming() -> bool:
                    return broker.is_consuming(self.queue)

                health = create_app(
                    title=f"{self.title} worker",
                    description="Health and metrics.",
                    version="1",
                    routers=[],
                    readiness=Readiness({"mongo": parts.mongo.alive, "consumer": consuming}),
                    body_limit=settings.body_limit,
                )
                loops = self.loops(parts, broker)
                await process.serve(health, host=settings.host, port=settings.worker_port, loops=loops)
        finally:
            await broker.close()

    async def _migrate(self, settings: MatterSettings) -> None:
        """Make collections, indexes and queues; run before the others, as often as one likes."""
        async with self.parts(settings) as parts:
            await parts.keeping.migrate()
            binds = tuple(self._everything_heard(parts))
        await bus.declare(settings.rabbit_urls, queue=self.queue, binds=binds)

    async def _ask_for_directory(self, parts: Parts) -> None:
        """Ask for the directory to be said, if nothing of it was ever heard here."""
        if not await parts.keeping.directory.empty():
            return
        _log.info("the directory is empty here; asking for it")
        asked = str(uuid4())
        await parts.keeping.ask(
            Event(
                id=asked,
                source=f"/{self.name}",
                type=f"{self.name}.directory.asked",
                subject="directory",
                time=parts.mongo.clock.now(),
                data={},
                version=0,
                correlation=asked,
            )
        )

    def _overseen(self, parts: Parts) -> Callable[[str], Awaitable[tuple[str, ...]]]:
        overseers = {kind for m in self.mechanisms.values() for party in m.overseers for kind in party.kinds}

        async def divisions_of(code: str) -> tuple[str, ...]:
            unit = await parts.keeping.directory.find(code)
            return (unit.division,) if unit and unit.active and unit.kind in overseers else ()

        return divisions_of
