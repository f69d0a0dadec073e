"""Delivering notices: what is due is claimed, tried once, and its outcome kept."""

import asyncio
import datetime as dt
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import prometheus_client
from opentelemetry.trace import Span, SpanKind

from services.notifier.channels import Channel, Message
from services.notifier.domain.deliveries import Answer, State, next_wait
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
_LISTED: Final = 1.0  # seconds for which the list of webhooks is believed
_TROUBLE: Final = 1.0
_GRACE: Final = 8.0  # seconds that attempts under way are given when the process stops

_attempts: Final = prometheus_client.Counter(
    "liandong_webhook_attempts",
    "Attempts to deliver, by what came of them.",
    ("outcome",),
    registry=metrics.registry,
)
_disabled: Final = prometheus_client.Counter(
    "liandong_webhooks_disabled", "Webhooks switched off by their receivers.", registry=metrics.registry
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient and how busy a worker is; times in seconds."""

    schedule: Sequence[float]
    timeout: float
    lease: float
    at_once: int
    at_once_per_webhook: int


class Deliverer:
    """Many attempts side by side; of one webhook few, and one only after it failed, so that it slows no other.

    What a webhook is told of one matter goes one after another, so that it arrives in the order in which it came.
    """

    def __init__(self, store: Store, channel: Channel, seal: Seal, pace: Pace) -> None:
        self._store = store
        self._channel = channel
        self._seal = seal
        self._pace = pace
        self._running: dict[str, asyncio.Task[None]] = {}  # by delivery
        self._busy: Counter[str] = Counter()  # attempts under way, by webhook
        self._told: set[tuple[str, str]] = set()  # webhook and subject of each attempt under way
        self._failing: set[str] = set()
        self._webhooks: list[str] = []
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
        room = self._pace.at_once - len(self._running)
        if room <= 0:
            return 0
        if time.monotonic() - self._listed_at > _LISTED:
            self._webhooks, self._listed_at = await self._store.webhooks.every(), time.monotonic()
        free = [webhook for webhook in self._webhooks if not self._is_full(webhook)]
        started = 0
        for found in await self._due(free):
            webhook = found.delivery.webhook
            # The delivery of an attempt under way is kept out by its own subject.
            if started < room and _line(found) not in self._told and not self._is_full(webhook):
                self._busy[webhook] += 1
                self._told.add(_line(found))
                self._running[found.delivery.id] = asyncio.create_task(self._run(found))
                started += 1
        return started

    async def _due(self, webhooks: Sequence[str]) -> list[Claim]:
        """Look from anywhere among the webhooks on, so that each has its turn."""
        first = random.randrange(len(webhooks) or 1)
        found: list[Claim] = []
        for part in (webhooks[first:], webhooks[:first]):
            if part and len(found) < _LOOK:
                found += await self._store.notices.due(part, self._store.clock.now(), _LOOK)
        return found

    def _is_full(self, webhook: str) -> bool:
        return self._busy[webhook] >= (1 if webhook in self._failing else self._pace.at_once_per_webhook)

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
            self._busy[found.delivery.webhook] -= 1
            if not self._busy[found.delivery.webhook]:
                del self._busy[found.delivery.webhook]

    async def _deliver(self, found: Claim) -> None:
        until = self._store.clock.now() + dt.timedelta(seconds=self._pace.lease)
        claim = await self._store.notices.claim(found, until)
        if claim is None:
            return  # another worker was first
        webhook = await self._store.webhooks.find(claim.delivery.webhook, claim.notice.unit)
        if webhook is None or webhook.state != "active":
            answer = Answer(0.0, error="webhook-inactive")
            await self._store.notices.record(claim, State.CANCELLED, answer, self._store.clock.now(), None)
            return
        with span(
            "webhook deliver",
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
            answer = await self._try(claim, webhook, began)
            await self._keep(claim, webhook, answer, began, current)

    async def _try(self, claim: Claim, webhook: Webhook, now: dt.datetime) -> Answer:
        try:
            secrets = tuple(self._seal.open(each, webhook.id) for each in valid_secrets(webhook, now))
        except ValueError:
            _log.error(
                "the secret of a webhook cannot be read: was the key changed?", extra={"webhook": webhook.id}
            )
            return Answer(0.0, error="secret-unreadable")
        body = claim.notice.body
        message = Message(
            id=claim.notice.id,
            url=webhook.url,
            body=json.dumps(
                {"type": claim.notice.type, "timestamp": body["time"], "data": body}, ensure_ascii=False
            ),
            secrets=secrets,
            at=now,
            traceparent=current_traceparent(),
        )
        return await self._channel.send(message, self._pace.timeout)

    async def _keep(
        self, claim: Claim, webhook: Webhook, answer: Answer, began: dt.datetime, current: Span
    ) -> None:
        state, again_at = State.DELIVERED, None
        if answer.accepted:
            self._failing.discard(webhook.id)
        elif answer.gone:
            state = State.CANCELLED
            await self._disable(webhook)
        else:
            self._failing.add(webhook.id)
            wait = next_wait(
                self._pace.schedule, claim.delivery.failures + 1, answer.retry_after, random.random()
            )
            state = State.EXHAUSTED if wait is None else State.PENDING
            again_at = None if wait is None else self._store.clock.now() + dt.timedelta(seconds=wait)
        kept = await self._store.notices.record(claim, state, answer, began, again_at)
        outcome = ("failed" if state is State.PENDING else state.value) if kept else "lost"
        _attempts.labels(outcome).inc()
        current.set_attribute(ATTRIBUTES["outcome"], outcome)
        if answer.status is not None:
            current.set_attribute(ATTRIBUTES["status"], answer.status)
        if kept and state is State.EXHAUSTED:
            _log.error(
                "a notice could not be delivered and is not tried again",
                extra={"delivery": claim.delivery.id, "webhook": webhook.id, "unit": webhook.unit},
            )

    async def _disable(self, webhook: Webhook) -> None:
        if await self._store.webhooks.disable(webhook.id, "gone", self._store.clock.now()):
            _disabled.inc()
            _log.error(
                "a receiver answered 410 and its webhook is disabled",
                extra={"webhook": webhook.id, "unit": webhook.unit},
            )


def _line(found: Claim) -> tuple[str, str]:
    """The webhook, and of what it is told: what stands in one line arrives in order."""
    return found.delivery.webhook, found.notice.body["matter"] or found.notice.id
