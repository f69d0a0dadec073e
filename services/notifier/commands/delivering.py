"""Delivering notices: what is due is claimed, tried once, and its outcome kept."""

import asyncio
import datetime as dt
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import prometheus_client
from opentelemetry.trace import Span, SpanKind

from services.notifier.channels import Channel, Letter, Message
from services.notifier.commands.telling import Teller
from services.notifier.domain import mailboxes
from services.notifier.domain.deliveries import Answer, ChannelName, State, next_wait
from services.notifier.domain.endpoints import Seal
from services.notifier.store import Store
from services.notifier.store.notices import Claim
from services.notifier.store.webhooks import Webhook, valid_secrets
from shared import metrics
from shared.mongo import Unavailable
from shared.tracing import ATTRIBUTES, current_traceparent, span

_IDLE: Final = 0.1
_IDLEST: Final = 0.25  # the same, when there was nothing to do for long
_LOOK: Final = 64  # deliveries looked at in one go
_LISTED: Final = 1.0  # seconds for which the lists of endpoints are believed
_TROUBLE: Final = 1.0
_GRACE: Final = 8.0  # seconds that attempts under way are given when the process stops

_attempts: Final = prometheus_client.Counter(
    "liandong_delivery_attempts",
    "Attempts to deliver, by channel and what came of them.",
    ("channel", "outcome"),
    registry=metrics.registry,
)
_disabled: Final = prometheus_client.Counter(
    "liandong_webhooks_disabled", "Webhooks switched off by their receivers.", registry=metrics.registry
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient and how busy a worker is; times in seconds.

    Each channel has room of its own: a mail server that hangs holds up e-mail and nothing else.
    """

    schedule: Sequence[float]
    timeout: float
    lease: float
    at_once: Mapping[ChannelName, int]
    at_once_per_endpoint: int


class Deliverer:
    """Many attempts side by side; of one endpoint few, and one only after it failed, so that it slows no other.

    What an endpoint is told of one matter goes one after another, so that it arrives in the order in which it came.
    """

    def __init__(
        self,
        store: Store,
        channels: Mapping[ChannelName, Channel[Any]],
        seal: Seal,
        pace: Pace,
        teller: Teller,
    ) -> None:
        self._store = store
        self._teller = teller
        self._channels = channels
        self._seal = seal
        self._pace = pace
        self._running: dict[str, asyncio.Task[None]] = {}  # by delivery
        self._busy: Counter[str] = Counter()  # attempts under way, by endpoint
        self._under_way: Counter[ChannelName] = Counter()
        self._told: set[tuple[str, str]] = set()  # endpoint and subject of each attempt under way
        self._failing: set[str] = set()
        self._endpoints: dict[ChannelName, list[str]] = {}
        self._listed_at = float("-inf")

    async def run(self) -> None:
        """Deliver for ever; on a clean stop attempts under way may still end and be kept."""
        try:
            idle = _IDLE
            while True:
                try:
                    started = await self.start()
                    await asyncio.sleep(0 if started else idle)
                    idle = _IDLE if started or self._running else min(1.02 * idle, _IDLEST)
                except Unavailable:
                    await asyncio.sleep(_TROUBLE)
        finally:
            if under_way := list(self._running.values()):
                _, late = await asyncio.wait(under_way, timeout=_GRACE)
                for task in late:
                    task.cancel()

    async def start(self) -> int:
        """Start attempts of what is due, as many as there is room for; their number. Raises Unavailable."""
        if time.monotonic() - self._listed_at > _LISTED:
            self._endpoints = {
                ChannelName.WEBHOOK: await self._store.webhooks.every(),
                ChannelName.EMAIL: await self._store.mailboxes.every(),
            }
            self._listed_at = time.monotonic()
        return sum([await self._start(channel) for channel in self._endpoints])

    async def _start(self, channel: ChannelName) -> int:
        room = self._pace.at_once[channel] - self._under_way[channel]
        if room <= 0:
            return 0
        free = [endpoint for endpoint in self._endpoints[channel] if not self._is_full(endpoint)]
        started = 0
        for found in await self._due(free):
            endpoint = found.delivery.endpoint
            # The delivery of an attempt under way is kept out by its own subject.
            if started < room and _line(found) not in self._told and not self._is_full(endpoint):
                self._busy[endpoint] += 1
                self._under_way[channel] += 1
                self._told.add(_line(found))
                self._running[found.delivery.id] = asyncio.create_task(self._run(found))
                started += 1
        return started

    async def _due(self, endpoints: Sequence[str]) -> list[Claim]:
        """Look from anywhere among the endpoints on, so that each has its turn."""
        first = random.randrange(len(endpoints) or 1)
        found: list[Claim] = []
        for part in (endpoints[first:], endpoints[:first]):
            if part and len(found) < _LOOK:
                found += await self._store.notices.due(part, self._store.clock.now(), _LOOK)
        return found

    def _is_full(self, endpoint: str) -> bool:
        return self._busy[endpoint] >= (1 if endpoint in self._failing else self._pace.at_once_per_endpoint)

    async def _run(self, found: Claim) -> None:
        try:
            await self._deliver(found)
        except Unavailable:
            _log.warning("an attempt could not be kept and will be made again")
        except Exception:  # noqa: BLE001  # one delivery never ends the others; the lease brings it back
            _log.exception("an attempt failed on our side and will be made again")
        finally:
            del self._running[found.delivery.id]
            self._told.discard(_line(found))
            self._under_way[found.delivery.channel] -= 1
            self._busy[found.delivery.endpoint] -= 1
            if not self._busy[found.delivery.endpoint]:
                del self._busy[found.delivery.endpoint]

    async def _deliver(self, found: Claim) -> None:
        until = self._store.clock.now() + dt.timedelta(seconds=self._pace.lease)
        claim = await self._store.notices.claim(found, until)
        if claim is None:
            return  # another worker was first
        target = await self._target(claim)
        if isinstance(target, str):
            answer = Answer(0.0, error=target)
            await self._store.notices.record(claim, State.CANCELLED, answer, self._store.clock.now(), None)
            return
        with span(
            f"{claim.delivery.channel} deliver",
            parent=claim.notice.traceparent,
            kind=SpanKind.CLIENT,
            delivery=claim.delivery.id,
            event_type=claim.notice.type,
            unit=claim.notice.unit,
            attempt=claim.delivery.failures + 1,
        ) as current:
            began = self._store.clock.now()
            if began + dt.timedelta(seconds=self._pace.timeout) > until:
                return  # we stood still for so long that somebody else may be at it
            answer = await self._try(claim, target, began)
            await self._keep(claim, target, answer, began, current)

    async def _target(self, claim: Claim) -> Webhook | tuple[str, ...] | str:
        """The webhook, or the addresses that the role has now; or else the word for why there is nobody to tell."""
        if claim.delivery.channel not in self._channels:
            return "channel-off"
        if claim.delivery.channel is ChannelName.EMAIL:
            kept = await self._store.units.find(claim.notice.unit)
            role = mailboxes.role_of(claim.delivery.endpoint)
            return (mailboxes.addresses(kept.unit, role) if kept else ()) or "contact-point-gone"
        webhook = await self._store.webhooks.find(claim.delivery.endpoint, claim.notice.unit)
        return webhook if webhook is not None and webhook.state == "active" else "webhook-inactive"

    async def _try(self, claim: Claim, target: Webhook | tuple[str, ...], now: dt.datetime) -> Answer:
        message = self._message(claim, target, now) if isinstance(target, Webhook) else _letter(claim, target)
        if message is None:
            return Answer(0.0, error="secret-unreadable")
        return await self._channels[claim.delivery.channel].send(message, self._pace.timeout)

    def _message(self, claim: Claim, webhook: Webhook, now: dt.datetime) -> Message | None:
        try:
            secrets = tuple(self._seal.open(each, webhook.id) for each in valid_secrets(webhook, now))
        except ValueError:
            _log.error(
                "the secret of a webhook cannot be read: was the key changed?", extra={"webhook": webhook.id}
            )
            return None
        body = claim.notice.body
        return Message(
            id=claim.notice.id,
            url=webhook.url,
            body=json.dumps(
                {"type": claim.notice.type, "timestamp": body["time"], "data": body}, ensure_ascii=False
            ),
            secrets=secrets,
            at=now,
            traceparent=current_traceparent(),
        )

    async def _keep(
        self,
        claim: Claim,
        target: Webhook | tuple[str, ...],
        answer: Answer,
        began: dt.datetime,
        current: Span,
    ) -> None:
        endpoint = claim.delivery.endpoint
        state, again_at = State.DELIVERED, None
        if answer.accepted:
            self._failing.discard(endpoint)
        elif answer.gone and isinstance(target, Webhook):
            state = State.CANCELLED
            await self._disable(target)
        elif answer.hopeless:
            state = State.EXHAUSTED
        else:
            self._failing.add(endpoint)
            wait = next_wait(
                self._pace.schedule, claim.delivery.failures + 1, answer.retry_after, random.random()
            )
            state = State.EXHAUSTED if wait is None else State.PENDING
            again_at = None if wait is None else self._store.clock.now() + dt.timedelta(seconds=wait)
        kept = await self._store.notices.record(claim, state, answer, began, again_at)
        outcome = ("failed" if state is State.PENDING else state.value) if kept else "lost"
        _attempts.labels(claim.delivery.channel.value, outcome).inc()
        current.set_attribute(ATTRIBUTES["outcome"], outcome)
        if answer.status is not None and isinstance(target, Webhook):
            current.set_attribute(ATTRIBUTES["status"], answer.status)
        if kept and state is State.EXHAUSTED:
            _log.error("a notice could not be delivered and is not tried again", extra=_place(claim))
        if kept and answer.accepted and answer.error is not None:
            _log.error("a notice did not reach every address of a duty role", extra=_place(claim))

    async def _disable(self, webhook: Webhook) -> None:
        # Told first: if we die in between, the attempt is made again and this is told under the same id.
        await self._teller.tell_disabled(webhook)
        if await self._store.webhooks.disable(webhook, "gone", self._store.clock.now()):
            _disabled.inc()
            _log.error(
                "a receiver answered 410 and its webhook is disabled",
                extra={"webhook": webhook.id, "unit": webhook.unit},
            )


def _letter(claim: Claim, to: tuple[str, ...]) -> Letter:
    """Chinese first; nothing beside the words of the notice, which name nobody."""
    title, text = claim.notice.body["title"], claim.notice.body["text"]
    return Letter(
        id=claim.notice.id,
        to=to,
        title=title["zh"],
        text=f"{text['zh']}\n\n{text['en']}\n",
        at=claim.notice.created_at,
    )


def _place(claim: Claim) -> dict[str, str]:
    delivery = claim.delivery
    return {
        "delivery": delivery.id,
        "channel": delivery.channel.value,
        "endpoint": delivery.endpoint,
        "unit": claim.notice.unit,
    }


def _line(found: Claim) -> tuple[str, str]:
    """The endpoint, and of what it is told: what stands in one line arrives in order."""
    return found.delivery.endpoint, found.notice.body["matter"] or found.notice.id
