"""A unit's own webhooks over HTTP, with the log of every delivery; those of others do not exist."""

import datetime as dt
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.notifier.commands import recovering
from services.notifier.commands.telling import Teller
from services.notifier.commands.webhooks import Keeper, Taken, Unfit
from services.notifier.domain.deliveries import ChannelName, State
from services.notifier.domain.endpoints import EVENT_TYPE, Signature
from services.notifier.domain.mailboxes import role_of
from services.notifier.store import Store
from services.notifier.store.notices import Delivery, Notice
from services.notifier.store.webhooks import Webhook
from shared.http import paging
from shared.http.paging import CursorText, Limit, Page
from shared.http.problems import FieldError, Problem, invalid, not_found
from shared.identity import Caller, Identity

_EARLIEST: Final = dt.datetime(2004, 1, 1, tzinfo=dt.UTC)
_LATEST: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)

EventType = Annotated[str, Field(pattern=EVENT_TYPE, max_length=255)]


def _is_near(moment: dt.datetime) -> dt.datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise PydanticCustomError("out-of-range", "must lie between 2004 and 2099")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_is_near)]


class NewWebhook(BaseModel):
    """Where a unit wants its notices."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=2048,
        examples=["https://receiver.example/hook"],
        json_schema_extra={"format": "uri"},
    )
    event_types: list[EventType] = Field(
        default=[],
        max_length=100,
        description="Types, or `a.b.*` for all below; empty for everything.",
        examples=[["referral.forward_transfer.*"]],
    )
    signature: Signature = Signature.HMAC


class WebhookRecord(BaseModel):
    """A webhook; disabled when its receiver said 410 Gone."""

    id: str
    url: str
    event_types: list[str]
    state: str = Field(description="active or disabled")
    created_at: dt.datetime
    signature: Signature
    old_secret_until: dt.datetime | None = Field(description="Until then messages carry two signatures.")
    disabled_at: dt.datetime | None
    disabled_because: str | None


class WebhookWithSecret(WebhookRecord):
    """What messages are verified with is shown in this answer and never again; a private key is never shown."""

    secret: str | None = Field(description="With hmac-sha256.", examples=["whsec_…"])
    public_key: str | None = Field(description="With ed25519.", examples=["whpk_…"])


class WebhookList(BaseModel):
    items: list[WebhookRecord]


class Attempt(BaseModel):
    """One attempt: the receiver's status and the digest of its answer, or the error that came first."""

    at: dt.datetime
    seconds: float
    status: int | None
    digest: str | None
    error: str | None


class DeliveryRecord(BaseModel):
    """A notice on its way by one channel, attempt by attempt; no address is shown."""

    id: str
    channel: ChannelName
    webhook: str | None = Field(description="The webhook's id; null by e-mail.")
    role: str | None = Field(
        description="The duty role, by e-mail; where it is reached stands in the directory."
    )
    notice: str
    type: str
    state: State
    created_at: dt.datetime
    next_at: dt.datetime | None
    attempts: list[Attempt]


class Window(BaseModel):
    """From one moment on until before another."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = Field(examples=["2026-11-23T00:00:00+08:00"])
    until: Moment = Field(examples=["2026-11-24T00:00:00+08:00"])


class Recovered(BaseModel):
    """How many deliveries are under way now; where `next` is not null, more notices are to be looked at."""

    started: int
    next: str | None = Field(description="The `cursor` of the next request, with the same body.")


class Started(BaseModel):
    """The delivery that is under way now."""

    delivery: str


def delivery_record(notice: Notice, delivery: Delivery) -> DeliveryRecord:
    by_email = delivery.channel is ChannelName.EMAIL
    return DeliveryRecord(
        id=delivery.id,
        channel=delivery.channel,
        webhook=None if by_email else delivery.endpoint,
        role=role_of(delivery.endpoint) if by_email else None,
        notice=notice.id,
        type=notice.type,
        state=delivery.state,
        created_at=notice.created_at,
        next_at=delivery.at,
        attempts=[Attempt.model_validate(attempt) for attempt in delivery.attempts],
    )


def build_router(keeper: Keeper, teller: Teller, store: Store, identity: Identity) -> APIRouter:
    """Return the routes of /v1/webhooks and /v1/deliveries."""
    router = APIRouter(tags=["webhooks"])
    manages = Depends(identity.requires("webhooks:manage"))
    _add_keeping(router, keeper, store, manages)
    _add_changing(router, keeper, manages)
    _add_deliveries(router, teller, store, manages)
    return router


def _add_keeping(router: APIRouter, keeper: Keeper, store: Store, manages: Any) -> None:
    @router.post("/v1/webhooks", name="webhooks_add", summary="Add a webhook", status_code=201)
    async def add_webhook(
        body: NewWebhook, response: Response, caller: Caller = manages
    ) -> WebhookWithSecret:
        """Have the notices of the caller's unit sent to an address, signed as it asks for.

        With `hmac-sha256` the answer shows the secret, with `ed25519` the public key.
        """
        try:
            webhook, key = await keeper.add(caller.unit, body.url, body.event_types, body.signature)
        except Unfit as refusal:
            fault = refusal.fault
            raise invalid(FieldError(field=fault.field, code=fault.code, message=fault.message)) from None
        except Taken:
            raise _taken() from None
        response.headers["Location"] = f"/v1/webhooks/{webhook.id}"
        return WebhookWithSecret(**_fields(webhook), secret=key.secret, public_key=key.public)

    @router.get("/v1/webhooks", name="webhooks_list", summary="List webhooks")
    async def list_webhooks(caller: Caller = manages) -> WebhookList:
        """The webhooks of the caller's unit, oldest first."""
        return WebhookList(
            items=[WebhookRecord(**_fields(each)) for each in await store.webhooks.of(caller.unit)]
        )

    @router.get("/v1/webhooks/{webhook_id}", name="webhooks_read", summary="Read a webhook")
    async def read_webhook(webhook_id: UUID, caller: Caller = manages) -> WebhookRecord:
        """One webhook of the caller's unit."""
        return WebhookRecord(**_fields(await _own(store, webhook_id, caller)))

    @router.delete(
        "/v1/webhooks/{webhook_id}", name="webhooks_remove", summary="Remove a webhook", status_code=204
    )
    async def remove_webhook(webhook_id: UUID, caller: Caller = manages) -> None:
        """Send nothing there any more; what was on its way is cancelled."""
        if not await store.webhooks.remove(str(webhook_id), caller.unit):
            raise not_found()


def _add_changing(router: APIRouter, keeper: Keeper, manages: Any) -> None:
    @router.post(
        "/v1/webhooks/{webhook_id}/rotate-secret", name="webhooks_rotate_secret", summary="Rotate a secret"
    )
    async def rotate_secret(webhook_id: UUID, caller: Caller = manages) -> WebhookWithSecret:
        """Take a new secret, or key. For 24 hours messages are signed with the old one too."""
        rotated = await keeper.rotate(str(webhook_id), caller.unit)
        if rotated is None:
            raise not_found()
        webhook, key = rotated
        return WebhookWithSecret(**_fields(webhook), secret=key.secret, public_key=key.public)

    @router.post("/v1/webhooks/{webhook_id}/enable", name="webhooks_enable", summary="Enable a webhook")
    async def enable_webhook(webhook_id: UUID, caller: Caller = manages) -> WebhookRecord:
        """Send notices there again after a 410; what it missed is for `recover`."""
        try:
            webhook = await keeper.enable(str(webhook_id), caller.unit)
        except Taken:
            raise _taken() from None
        if webhook is None:
            raise not_found()
        return WebhookRecord(**_fields(webhook))


def _add_deliveries(router: APIRouter, teller: Teller, store: Store, manages: Any) -> None:
    @router.post(
        "/v1/webhooks/{webhook_id}/test", name="webhooks_test", summary="Test a webhook", status_code=202
    )
    async def test_webhook(webhook_id: UUID, caller: Caller = manages) -> Started:
        """Send a test message (`notifier.webhook.tested`) there."""
        webhook = await _own(store, webhook_id, caller)
        _check_active(webhook)
        return Started(delivery=await teller.test(webhook))

    @router.post(
        "/v1/webhooks/{webhook_id}/recover",
        name="webhooks_recover",
        summary="Recover what a webhook missed",
        status_code=202,
    )
    async def recover_webhook(
        webhook_id: UUID,
        window: Window,
        limit: Annotated[int, Query(ge=1, le=recovering.MOST)] = recovering.MOST,
        cursor: CursorText = None,
        caller: Caller = manages,
    ) -> Recovered:
        """Send, with the same ids, every notice of the time from `since` until before `until` that did not arrive.

        What was given up or cancelled starts anew, and what was never on its way there goes, as far as the webhook
        takes it. What is on its way or has arrived stays as it is, so this may be repeated. One call looks at
        `limit` notices, oldest first.
        """
        if window.since >= window.until:
            message = "must be later than `since`"
            raise invalid(FieldError(field="until", code="window-empty", message=message))
        webhook = await _own(store, webhook_id, caller)
        _check_active(webhook)
        times = window.since.astimezone(dt.UTC), window.until.astimezone(dt.UTC)
        query = {"webhook": webhook.id, "window": times}
        after = _place(paging.decode(cursor, query, 2)) if cursor else None
        started, reached = await recovering.recover(store, webhook, times, after, limit)
        return Recovered(started=started, next=paging.encode(reached, query) if reached else None)

    @router.get(
        "/v1/webhooks/{webhook_id}/deliveries", name="webhooks_deliveries", summary="Read the delivery log"
    )
    async def list_deliveries(
        webhook_id: UUID,
        request: Request,
        response: Response,
        limit: Limit = paging.DEFAULT_LIMIT,
        cursor: CursorText = None,
        caller: Caller = manages,
    ) -> Page[DeliveryRecord]:
        """Every delivery to the webhook with each attempt, newest first."""
        webhook = await _own(store, webhook_id, caller)
        query = {"webhook": webhook.id}
        before = _place(paging.decode(cursor, query, 2)) if cursor else None
        found = await store.notices.log(webhook.id, before, limit + 1)
        more = None
        if len(found) > limit:
            last = found[limit - 1][0]
            more = paging.encode([last.created_at, last.id], query)
        response.headers.update(paging.link_next(request, more))
        return Page(items=[delivery_record(*each) for each in found[:limit]], next=more)

    @router.post(
        "/v1/deliveries/{delivery_id}/resend",
        name="deliveries_resend",
        summary="Resend a delivery",
        status_code=202,
    )
    async def resend_delivery(delivery_id: UUID, caller: Caller = manages) -> Started:
        """Send a notice once more, with the same id, and start its schedule anew."""
        found = await store.notices.delivery(str(delivery_id), caller.unit)
        if found is None:
            raise not_found()
        _, delivery = found
        if delivery.channel is ChannelName.WEBHOOK:
            _check_active(await store.webhooks.find(delivery.endpoint, caller.unit))
        if not await teller.resend(delivery.id, caller.unit):
            raise Problem(409, "delivery-under-way", "An attempt of this delivery is under way")
        return Started(delivery=delivery.id)


async def _own(store: Store, webhook_id: UUID, caller: Caller) -> Webhook:
    webhook = await store.webhooks.find(str(webhook_id), caller.unit)
    if webhook is None:
        raise not_found()
    return webhook


def _check_active(webhook: Webhook | None) -> None:
    if webhook is None or webhook.state != "active":
        raise Problem(409, "webhook-inactive", "The webhook is disabled or removed")


def _taken() -> Problem:
    return Problem(409, "webhook-exists", "The unit has a webhook with this address")


def _place(places: tuple[paging.Place, ...]) -> tuple[dt.datetime, str]:
    moment, notice = places
    if not isinstance(moment, dt.datetime) or not isinstance(notice, str):
        raise Problem(400, "cursor-malformed", "The cursor is not one of ours")
    return moment, notice


def _fields(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "event_types": list(webhook.event_types),
        "state": webhook.state,
        "created_at": webhook.created_at,
        "signature": webhook.signature,
        "old_secret_until": webhook.old_secret_until,
        "disabled_at": webhook.disabled_at,
        "disabled_because": webhook.disabled_because,
    }
