"""The feed of what a service has said, by cursor, for departments behind firewalls and for reconciliation."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from shared.feed import Feed
from shared.http.paging import Limit
from shared.identity import Caller, Identity

READ_ALL = "events:read-all"

Scope = Callable[[str], Awaitable[tuple[str, ...]]]


class SaidEvent(BaseModel):
    """One event and its number in the feed; numbers grow by one over all that the service said."""

    number: int
    id: str
    type: str
    subject: str
    time: datetime
    version: int
    correlation: str
    causation: str | None
    data: dict[str, Any]


class SaidPage(BaseModel):
    items: list[SaidEvent]
    after: int = Field(description="The `after` of the next request.")


def build_router(feed: Feed, identity: Identity, divisions_of: Scope) -> APIRouter:
    """Return `GET /v1/events`. `divisions_of` gives the divisions that a unit oversees in this service."""
    router = APIRouter(tags=["events"])
    reads = Depends(identity.requires("events:read"))

    @router.get("/v1/events", name="events_read", summary="Events by cursor")
    async def read_events(
        after: Annotated[int, Query(ge=0, lt=2**53)] = 0, limit: Limit = 50, caller: Caller = reads
    ) -> SaidPage:
        """What the service said after number `after`, as far as it concerns the caller's unit."""
        everything = READ_ALL in caller.scopes
        unit = None if everything else caller.unit
        divisions = () if everything else await divisions_of(caller.unit)
        entries = await feed.read(after, limit, unit, divisions)
        items = [
            SaidEvent(
                number=number,
                id=event.id,
                type=event.type,
                subject=event.subject,
                time=event.time,
                version=event.version,
                correlation=event.correlation,
                causation=event.causation,
                data=dict(event.data),
            )
            for number, event in entries
        ]
        return SaidPage(items=items, after=items[-1].number if items else after)

    return router
