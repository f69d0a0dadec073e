"""From outbox to feed and broker: the only one who publishes what a service has committed."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from pymongo import UpdateOne

from shared import metrics
from shared.bus import Away, Bus, Refused
from shared.events import Event
from shared.feed import Feed
from shared.lease import Lease
from shared.mongo import Collection, Document, ServerClock, Unavailable, guarded

_BATCH: Final = 128  # documents that are read and settled together
_BATCHES: Final = 3  # batches under way at once: one is settled while another is published
_IDLE: Final = 0.05  # seconds between two looks when nothing was found
_IDLEST: Final = 0.25  # the same, when nothing was found for long
_LEASE_CHECK: Final = 2.0
_TROUBLE: Final = 2.0  # seconds at most until the next try when a server is away
_FINISH: Final = 3.0  # seconds that batches get to finish at the end
_POSTPONE_MIN: Final = timedelta(milliseconds=250)
_POSTPONE_MAX: Final = timedelta(seconds=30)
# The server's clock decides, inside the index: the type keeps documents without the field out of the scan.
_DUE: Final = {"send_at": {"$type": "date"}, "$expr": {"$lte": ["$send_at", "$$NOW"]}}

_log = logging.getLogger(__name__)


async def ensure_index(collection: Collection) -> None:
    """Make the index that finds the documents with something unsent; a step of the migration."""
    async with guarded():
        await collection.create_index("send_at", sparse=True)


@dataclass(slots=True)
class _Parcel:
    """What one document has to say, and how far we got with it."""

    collection: Collection
    document: Document
    events: list[Event]
    sent: list[str] = field(default_factory=list)
    postpone: timedelta | None = None

    @property
    def key(self) -> tuple[str, Any]:
        return self.collection.name, self.document["_id"]


class Relay:
    """Sends what documents of `collections` have in their `outbox` (a list of Event.document()).

    Who writes to an outbox appends to it and sets the document's `send_at` to now. An event leaves its outbox
    only after the feed has it and the broker has confirmed it: whatever dies, it goes out again with the same
    id. Of one document the events go in order and one at a time; documents go side by side. One that the
    broker refuses waits by itself, from 1/4 s up to 30 s, and holds up no other document.
    """

    def __init__(
        self, collections: Sequence[Collection], bus: Bus, feed: Feed, lease: Lease, clock: ServerClock
    ) -> None:
        self._collections = collections
        self._bus = bus
        self._feed = feed
        self._lease = lease
        self._clock = clock
        self._ours = False
        self._check_lease_at = 0.0
        self._under_way: set[tuple[str, Any]] = set()
        self._pause = 0.0

    async def run(self) -> None:
        """Send for ever, while the lease is ours. Waits for a MongoDB or RabbitMQ that is away."""
        try:
            while True:
                try:
                    await self._send()
                except (Unavailable, Away) as error:
                    self._pause = min(max(2 * self._pause, 0.1), _TROUBLE)
                    _log.warning("the relay waits: %s", error)
                    await asyncio.sleep(self._pause)
        finally:
            with suppress(Unavailable):
                await self._lease.release()

    async def _send(self) -> None:
        """Send batch after batch until one meets with trouble; others may be under way meanwhile."""
        batches: set[asyncio.Task[None]] = set()
        idle = _IDLE
        try:
            while True:
                parcels = await self._collect() if await self._is_ours() else []
                if parcels:
                    idle = _IDLE
                    batches.add(asyncio.create_task(self._dispatch(parcels)))
                if len(batches) == _BATCHES or (batches and not parcels):
                    wait = _IDLE if len(batches) < _BATCHES else None
                    done, batches = await asyncio.wait(
                        batches, timeout=wait, return_when=asyncio.FIRST_COMPLETED
                    )
                    await asyncio.gather(*done)
                elif not parcels:
                    await asyncio.sleep(idle)
                    idle = min(1.02 * idle, _IDLEST)
        finally:
            if batches:
                await asyncio.wait(batches, timeout=_FINISH)
            for batch in batches:
                batch.cancel()
            await asyncio.gather(*batches, return_exceptions=True)

    async def _is_ours(self) -> bool:
        """Hold the lease, asking anew every two seconds."""
        now = time.monotonic()
        if now >= self._check_lease_at:
            self._ours = await self._lease.acquire() is not None
            self._check_lease_at = now + _LEASE_CHECK
        return self._ours

    async def _collect(self) -> list[_Parcel]:
        """Find what is due and not under way, and write it into the feed."""
        parcels = [parcel for collection in self._collections for parcel in await self._due(collection)]
        if parcels:
            await self._feed.append([event for parcel in parcels for event in parcel.events])
            self._under_way.update(parcel.key for parcel in parcels)
        return parcels

    async def _due(self, collection: Collection) -> list[_Parcel]:
        # What is settled while we read may be read as it was before: it counts as under way still.
        passed = {key for name, key in self._under_way if name == collection.name}
        async with guarded():
            found = collection.find(_DUE, {"outbox": 1, "send_at": 1}).sort("send_at", 1)
            documents = await found.limit(_BATCH + len(passed)).to_list(None)
        return [_parcel(collection, document) for document in documents if document["_id"] not in passed]

    async def _dispatch(self, parcels: Sequence[_Parcel]) -> None:
        """Publish a batch and settle what was achieved. Raises Away, Unavailable."""
        try:
            outcomes = await asyncio.gather(*map(self._deliver, parcels), return_exceptions=True)
            for collection in self._collections:
                updates = [
                    _settlement(parcel)
                    for parcel in parcels
                    if parcel.collection is collection
                    and (parcel.sent or parcel.postpone or not parcel.events)
                ]
                if updates:
                    async with guarded():
                        await collection.bulk_write(updates, ordered=False)
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome
            self._pause = 0.0
        finally:
            self._under_way.difference_update(parcel.key for parcel in parcels)

    async def _deliver(self, parcel: _Parcel) -> None:
        for event in parcel.events:
            try:
                await self._bus.publish(event)
            except Refused as error:
                # The longer it could not be sent, the longer the next pause; no count has to be kept.
                age = self._clock.now() - parcel.events[0].time
                parcel.postpone = min(max(age / 2, _POSTPONE_MIN), _POSTPONE_MAX)
                _log.warning("event %s (%s) stays in its outbox: %s", event.id, event.type, error)
                metrics.publish_failed.inc()
                return
            parcel.sent.append(event.id)


def _parcel(collection: Collection, document: Document) -> _Parcel:
    try:
        events = [Event.from_document(entry) for entry in document.get("outbox", ())]
    except ValueError as error:
        # Neither sent nor dropped: somebody has to look at it.
        _log.error("an outbox in %s cannot be read: %s", collection.name, error)
        metrics.publish_failed.inc()
        return _Parcel(collection, document, [], postpone=_POSTPONE_MAX)
    return _Parcel(collection, document, events)


def _settlement(parcel: _Parcel) -> UpdateOne:
    """Take exactly what was sent out of the outbox, beside whatever was written meanwhile."""
    outbox = {"$ifNull": ["$outbox", []]}
    left = {"$filter": {"input": outbox, "cond": {"$not": {"$in": ["$$this.id", parcel.sent]}}}}
    later: Any = "$send_at"
    if parcel.postpone:
        # A write that came in between has set its own moment, and is tried at once.
        unchanged = {"$eq": ["$send_at", parcel.document["send_at"]]}
        milliseconds = round(parcel.postpone / timedelta(milliseconds=1))
        later = {"$cond": [unchanged, {"$add": ["$$NOW", milliseconds]}, "$send_at"]}
    empty = {"$eq": [{"$size": "$outbox"}, 0]}
    return UpdateOne(
        {"_id": parcel.document["_id"]},
        [{"$set": {"outbox": left}}, {"$set": {"send_at": {"$cond": [empty, "$$REMOVE", later]}}}],
    )
