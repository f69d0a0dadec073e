"""HTTP of the notifier: the directory, each unit's webhooks, and what it was told."""

from fastapi import FastAPI

from services.notifier.api import feed, units, webhooks
from services.notifier.commands.directory import Directory
from services.notifier.commands.telling import Teller
from services.notifier.commands.webhooks import Keeper
from services.notifier.store import Store
from shared.http import said
from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.identity import Identity

_DESCRIPTION = """\
通知: the directory of units, and what each of them is told of its matters.

A notice carries ids, keys, moments and neutral words. It reaches a unit by its webhooks (Standard Webhooks), and always
by the feed that it can fetch."""


def build(
    store: Store,
    directory: Directory,
    keeper: Keeper,
    teller: Teller,
    identity: Identity,
    readiness: Readiness,
    *,
    body_limit: int,
    import_limit: int,
) -> FastAPI:
    """Return the application."""

    async def oversees_nothing(_: str) -> tuple[str, ...]:
        return ()

    return create_app(
        title="Notifier",
        description=_DESCRIPTION,
        version="1",
        routers=[
            units.build_router(directory, store, identity, import_limit),
            webhooks.build_router(keeper, teller, store, identity),
            feed.build_router(store, identity),
            said.build_router(store.said, identity, oversees_nothing),
        ],
        readiness=readiness,
        body_limit=body_limit,
    )
