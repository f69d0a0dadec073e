"""The minors service: `python -m services.minors.main api|worker|migrate`."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import cast

from fastapi import APIRouter

from services.minors.api import complaints, imports, register
from services.minors.commands.complaints import Complaints
from services.minors.commands.importing import Importer
from services.minors.commands.protection import ACCEPTED, Protection
from services.minors.commands.rules import Rules
from services.minors.commands.years import Years
from services.minors.domain.posts import Policy
from services.minors.domain.years import YearKind
from services.minors.mechanisms import MECHANISMS
from services.minors.settings import Settings
from services.minors.store.keeping import MinorsKeeping
from services.minors.store.register import heard
from shared import bus
from shared.events import Event
from shared.matters.assembly import UNIT_CHANGED, Handler, Parts, Service
from shared.matters.keeping import Keeping
from shared.matters.secrecy.following import Following
from shared.matters.settings import MatterSettings
from shared.mongo import Mongo
from shared.process import Loop

_LEASE_SECONDS = 30.0


def _rules(settings: MatterSettings, keeping: Keeping, mongo: Mongo) -> Rules:
    own, kept = cast("Settings", settings), cast("MinorsKeeping", keeping)
    policy = Policy(own.vice_principal_years, YearKind(own.vice_principal_year))
    kept.register.kind = policy.year_kind
    return Rules(policy, kept.register, kept.matters, kept.directory, mongo.clock)


def _heard(parts: Parts) -> Mapping[str, Handler]:
    kept = _kept(parts)

    async def hear_unit(event: Event) -> None:
        await kept.directory.hear(event)
        await kept.coverage.hear(event)

    return {
        UNIT_CHANGED: hear_unit,
        ACCEPTED: Protection(parts.commands).begin,
        **dict.fromkeys(heard(), kept.register.hear),
    }


def _routers(parts: Parts) -> Sequence[APIRouter]:
    kept, clock = _kept(parts), parts.mongo.clock
    limit = cast("Settings", parts.settings).import_limit
    if kept.vault is None:
        raise LookupError("the minors service has no vault")
    follow = Following(kept.followers, kept.matters, kept.vault)
    return (
        register.build_router(
            kept.register,
            kept.coverage,
            parts.commands,
            parts.identity,
            clock,
            lambda: parts.terms().calendar,
        ),
        imports.build_router(kept.imports, parts.commands, parts.identity, limit),
        complaints.build_router(Complaints(parts.commands, follow)),
    )


def _kept(parts: Parts) -> MinorsKeeping:
    return cast("MinorsKeeping", parts.keeping)


class MinorsService(Service):
    """Its worker further carries out imports, and opens and closes the years of class hours."""

    __slots__ = ()

    def importer(self, parts: Parts, holder: str) -> Importer:
        """Return what carries out imports."""
        kept = _kept(parts)
        rules = _rules(parts.settings, kept, parts.mongo)
        lease = kept.lease("imports", holder, _LEASE_SECONDS)
        return Importer(kept.imports, parts.commands, kept.register, kept.directory, rules, lease)

    def years(self, parts: Parts, holder: str) -> Years:
        """Return what opens and closes years."""
        kept = _kept(parts)
        lease = kept.lease("years", holder, _LEASE_SECONDS)
        return Years(parts.commands, kept.register, parts.mongo.clock, lease)

    def loops(self, parts: Parts, broker: bus.Bus) -> Mapping[str, Loop]:
        """Return the loops of the worker, by name."""
        holder = f"{socket.gethostname()}:{os.getpid()}"
        own = {"importer": self.importer(parts, holder).run, "years": self.years(parts, holder).run}
        return {**super().loops(parts, broker), **own}


SERVICE = MinorsService(
    name="minors",
    title="Minors",
    description="""\
未成年人保护: mandatory reports (强制报告) and the register of legal vice-principals (法治副校长).

What identifies a child or a reporter is kept sealed: it is read field by field, for a purpose, by the parties of the
very matter, and each reading is written down before anything is answered.
Times are ISO 8601 with an offset; deadlines are exclusive moments.""",
    settings=Settings,
    mechanisms=MECHANISMS,
    routers=_routers,
    heard=_heard,
    keeping=MinorsKeeping,
    rules=_rules,
)

if __name__ == "__main__":
    sys.exit(SERVICE.main())
