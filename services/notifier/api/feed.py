"""What a unit was told, for units that fetch it: the feed by cursor, and one notice with its deliveries."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.notifier.api.webhooks import DeliveryRecord, delivery_record
from services.notifier.store import Store
from shared.http.paging import DEFAULT_LIMIT, Limit
from shared.http.problems import FieldError, invalid, not_found
from shared.identity import Caller, Identity

# An id says nothing of how much others are told, as a number would.
After = Annotated[str, Query(pattern=r"^(0|[0-9a-f-]{36})$")]


class Words(BaseModel):
    """The same in Chinese and English."""

    zh: str
    en: str


class MovedLimit(BaseModel):
    """A limit on the unit whose end is another one now."""

    clock: str
    was_due_at: dt.datetime
    due_at: dt.datetime


class NoticeBody(BaseModel):
    """What a unit is told of a matter; the `data` of a webhook message is the same."""

    id: str = Field(description="Also the webhook-id of every attempt to deliver it.")
    unit: str
    type: str
    time: dt.datetime
    event: str
    matter: str | None
    mechanism: str | None
    state: str | None
    step: str | None
    clock: str | None = Field(description="The limit it is about, or the next one that runs on the unit.")
    due_at: dt.datetime | None
    division: str | None
    moved: list[MovedLimit]
    title: Words
    text: Words


class FeedPage(BaseModel):
    items: list[NoticeBody]
    after: str = Field(description="The `after` of the next request.")


class NoticeRecord(NoticeBody):
    """A notice with its deliveries by webhook."""

    deliveries: list[DeliveryRecord]


def build_router(store: Store, identity: Identity) -> APIRouter:
    """Return the routes of /v1/feed and /v1/notices."""
    router = APIRouter(tags=["feed"])
    reads = Depends(identity.requires("feed:read"))

    @router.get("/v1/feed", name="feed_read", summary="Fetch notices by cursor")
    async def read_feed(after: After = "0", limit: Limit = DEFAULT_LIMIT, caller: Caller = reads) -> FeedPage:
        """The notices of the caller's unit behind the one with the id `after`, in order; from "0" on all of them."""
        number = 0 if after == "0" else await store.told.number(after, caller.unit)
        if number is None:
            unknown = "No such notice was told to your unit"
            raise invalid(FieldError(field="after", code="notice-unknown", message=unknown))
        entries = await store.told.read(number, limit, caller.unit)
        items = [NoticeBody(**event.data) for _, event in entries]
        return FeedPage(items=items, after=items[-1].id if items else after)

    @router.get("/v1/notices/{notice_id}", name="notices_read", summary="Read a notice")
    async def read_notice(notice_id: UUID, caller: Caller = reads) -> NoticeRecord:
        """One notice of the caller's unit."""
        found = await store.notices.find(str(notice_id), caller.unit)
        if found is None:
            raise not_found()
        notice, deliveries = found
        records = [delivery_record(notice, delivery) for delivery in deliveries]
        return NoticeRecord(**notice.body, deliveries=records)

    return router
