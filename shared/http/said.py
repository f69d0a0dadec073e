"""The feed of what a service has said, by cursor, for departments behind firewalls and for reconciliation."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from shared.feed import Entry, Feed
from shared.http.paging import Limit
from shared.http.problems import FieldError, invalid
from shared.identity import Caller, Identity

READ_ALL = "events:read-all"

After = Annotated[str, Query(pattern=r"^(0|[1-9][0-9]{0,15}|[0-9a-f-]{36})$")]
Scope = Callable[[str], Awaitable[tuple[str, ...]]]


class SaidEvent(BaseModel):
    """One event. Its number, which grows by one over all that the service said, is for who may read all of it."""

    number: int | None
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
    after: str = Field(description="The `after` of the next request.")


def build_router(feed: Feed, identity: Identity, divisions_of: Scope) -> APIRouter:
    """Return `GET /v1/events`. `divisions_of` gives the divisions that a unit oversees in this service."""
    router = APIRouter(tags=["events"])
    reads = Depends(identity.requires("events:read"))

    @router.get("/v1/events", name="events_read", summary="Events by cursor")
    async def read_events(after: After = "0", limit: Limit = 50, caller: Caller = reads) -> SaidPage:
        """What the service said, as far as it concerns your unit, behind the event with the id `after`.

        Whom else an event was told to, and how much else was said, does not show. With the scope `events:read-all`
        everything is read, and `after` is a number.
        """
        everything = READ_ALL in caller.scopes
        unit = None if everything else caller.unit
        divisions = () if everything else await divisions_of(caller.unit)
        if everything or after == "0":
            number = int(after) if after.isdecimal() else None
        else:
            number = await feed.number(after, unit, divisions)
        if number is None:
            unknown = "No such event was told to your unit"
            raise invalid(FieldError(field="after", code="event-unknown", message=unknown))
        entries = await feed.read(number, limit, unit, divisions)
        items = [_item(entry, None if everything else caller.unit) for entry in entries]
        last = entries[-1] if entries else None
        following = after if last is None else str(last.number) if everything else last.event.id
        return SaidPage(items=items, after=following)

    return router


def _item(entry: Entry, unit: str | None) -> SaidEvent:
    """Return the event as this unit, or who reads everything (None), is shown it."""
    event = entry.event
    data = dict(event.data)
    if unit is not None and "tell" in data:
        data["tell"] = [told for told in data["tell"] if told == unit]
    return SaidEvent(
        number=entry.number if unit is None else None,
        id=event.id,
        type=event.type,
        subject=event.subject,
        time=event.time,
        version=event.version,
        correlation=event.correlation,
        causation=event.causation,
        data=data,
    )
