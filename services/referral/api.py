"""HTTP of the referral service: the routes of its mechanisms, papers, declarations and events."""

from collections.abc import Callable

from fastapi import FastAPI

from services.referral.mechanisms import MECHANISMS
from services.referral.store import Store
from shared import papers
from shared.http import said
from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.identity import Identity
from shared.matters import calendar_api, declared, routes, simulator
from shared.matters.commands import Clock, Commands
from shared.mechanism.reckoning import Terms

_DESCRIPTION = """\
行刑衔接: matters handed from one organ to another, answered in time.

Each step of a procedure is one request; what it asks for, who may take it and by which article stands with it.
Times are ISO 8601 with an offset; deadlines are exclusive moments."""


def build(
    store: Store,
    commands: Commands,
    identity: Identity,
    clock: Clock,
    terms: Callable[[], Terms],
    readiness: Readiness,
    *,
    body_limit: int,
) -> FastAPI:
    """Return the application."""
    overseers = {kind for m in MECHANISMS.values() for party in m.overseers for kind in party.kinds}

    async def divisions_of(code: str) -> tuple[str, ...]:
        unit = await store.directory.find(code)
        return (unit.division,) if unit and unit.active and unit.kind in overseers else ()

    parts = routes.Parts(commands, store.matters, identity, clock, store.papers, store.calendars, terms)
    return create_app(
        title="Referral",
        description=_DESCRIPTION,
        version="1",
        routers=[
            *(routes.build_router(mechanism, parts) for mechanism in MECHANISMS.values()),
            declared.build_router(MECHANISMS, identity),
            simulator.build_router(MECHANISMS, identity, terms),
            calendar_api.build_router(MECHANISMS, identity, store.calendars, store.matters, terms),
            papers.build_router(store.papers, identity),
            said.build_router(store.feed, identity, divisions_of),
        ],
        readiness=readiness,
        body_limit=body_limit,
    )
