"""Notices: one document per event and unit, which holds its deliveries and their attempts."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from services.notifier.domain.deliveries import Answer, ChannelName, State
from shared.mongo import Collection, Document, guarded

_ATTEMPTS_KEPT: Final = 100
_DUE: Final = [("deliveries.endpoint", ASCENDING), ("deliveries.at", ASCENDING)]


@dataclass(frozen=True, slots=True)
class Notice:
    """What a unit is told: `body` is the whole of it, the same by every channel."""

    id: str
    unit: str
    type: str
    body: Mapping[str, Any]
    created_at: dt.datetime
    traceparent: str | None = None
    version: int = 0
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way to one endpoint: a webhook by its id, or a unit's duty role by e-mail."""

    id: str
    endpoint: str
    channel: ChannelName
    state: State = State.PENDING
    at: dt.datetime | None = (
        None  # when it is tried next; while it is being tried, when others may take it up
    )
    failures: int = 0
    attempts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery that is ours until its lease ends; `token` proves it."""

    notice: Notice
    delivery: Delivery
    token: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A notice, and every delivery that there is of it, by id."""

    id: str
    type: str
    created_at: dt.datetime
    deliveries: frozenset[str]


class Notices:
    """All methods raise Unavailable."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        async with guarded():
            # Final deliveries have no `at`, so what is due is found without walking past them.
            await self._collection.create_index(_DUE, sparse=True)
            await self._collection.create_index(
                [("deliveries.endpoint", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)],
                sparse=True,
            )
            await self._collection.create_index("deliveries.id", sparse=True)
            await self._collection.create_index("unnumbered", sparse=True)
            await self._collection.create_index(
                [("unit", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)]
            )

    async def add(self, notice: Notice, deliveries: Sequence[Delivery]) -> bool:
        """Keep a notice and its deliveries in one write; False when it is there already."""
        document = {
            "_id": notice.id,
            "unit": notice.unit,
            "type": notice.type,
            "body": dict(notice.body),
            "created_at": notice.created_at,
            "traceparent": notice.traceparent,
            "version": notice.version,
            "correlation": notice.correlation,
            "unnumbered": notice.created_at,
            "deliveries": [_written(delivery) for delivery in deliveries],
        }
        try:
            async with guarded():
                await self._collection.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def find(self, notice: str, unit: str) -> tuple[Notice, list[Delivery]] | None:
        """The unit's own notice; any other does not exist for it."""
        async with guarded():
            document = await self._collection.find_one({"_id": notice, "unit": unit})
        return (_notice(document), _deliveries(document)) if document else None

    async def unnumbered(self, limit: int) -> list[Notice]:
        """Notices that have no number in the feed yet, oldest first."""
        async with guarded():
            found = (
                self._collection.find({"unnumbered": {"$type": "date"}}).sort("unnumbered", 1).limit(limit)
            )
            return [_notice(document) for document in await found.to_list(None)]

    async def numbered(self, notices: Sequence[Notice]) -> None:
        async with guarded():
            await self._collection.update_many(
                {"_id": {"$in": [notice.id for notice in notices]}}, {"$unset": {"unnumbered": ""}}
            )

    async def due(self, endpoints: Sequence[str], now: dt.datetime, limit: int) -> list[Claim]:
        """Deliveries to these endpoints that are to be tried by now; none is claimed.

        Costs what it finds and one step per endpoint, however long the backlog of any other is.
        """
        wanted = {"endpoint": {"$in": list(endpoints)}, "at": {"$lte": now}}
        async with guarded():
            found = self._collection.find({"deliveries": {"$elemMatch": wanted}}).hint(_DUE).limit(limit)
            documents = await found.to_list(None)
        return [
            Claim(_notice(document), delivery, "")
            for document in documents
            for delivery in _deliveries(document)
            if delivery.at is not None and delivery.at <= now and delivery.endpoint in endpoints
        ]

    async def claim(self, found: Claim, until: dt.datetime) -> Claim | None:
        """Take a due delivery up until that moment; None when another worker was first."""
        token = uuid.uuid4().hex
        same = {"$elemMatch": {"id": found.delivery.id, "at": found.delivery.at}}
        async with guarded():
            document: Document | None = await self._collection.find_one_and_update(
                {"_id": found.notice.id, "deliveries": same},
                {"$set": {"deliveries.$.at": until, "deliveries.$.token": token}},
                return_document=ReturnDocument.AFTER,
            )
        if document is None:
            return None
        delivery = next(each for each in _deliveries(document) if each.id == found.delivery.id)
        return Claim(found.notice, delivery, token)

    async def record(
        self, claim: Claim, state: State, answer: Answer, at: dt.datetime, again_at: dt.datetime | None
    ) -> bool:
        """Keep what an attempt came to; False when the claim was lost meanwhile, and nothing is kept."""
        attempt = {
            "at": at,
            "seconds": round(answer.seconds, 3),
            "status": answer.status,
            "digest": answer.digest,
            "error": answer.error,
        }
        change: dict[str, Any] = {
            "$set": {"deliveries.$.state": state.value},
            "$inc": {"deliveries.$.failures": 0 if answer.accepted else 1},
            "$push": {"deliveries.$.attempts": {"$each": [attempt], "$slice": -_ATTEMPTS_KEPT}},
            "$unset": {"deliveries.$.token": ""},
        }
        if again_at is None:
            change["$unset"]["deliveries.$.at"] = ""
        else:
            change["$set"]["deliveries.$.at"] = again_at
        ours = {"$elemMatch": {"id": claim.delivery.id, "token": claim.token}}
        async with guarded():
            result = await self._collection.update_one({"_id": claim.notice.id, "deliveries": ours}, change)
        return result.matched_count == 1

    async def delivery(self, delivery: str, unit: str) -> tuple[Notice, Delivery] | None:
        """A delivery of the unit's own notice; any other does not exist for it."""
        async with guarded():
            document = await self._collection.find_one({"deliveries.id": delivery, "unit": unit})
        if document is None:
            return None
        return _notice(document), next(each for each in _deliveries(document) if each.id == delivery)

    async def resend(self, delivery: str, unit: str, at: dt.datetime) -> bool:
        """Start the schedule of a delivery anew; False while an attempt of it is under way."""
        still = {"$elemMatch": {"id": delivery, "token": {"$exists": False}}}
        change = {
            "$set": {
                "deliveries.$.state": State.PENDING.value,
                "deliveries.$.at": at,
                "deliveries.$.failures": 0,
            }
        }
        async with guarded():
            result = await self._collection.update_one({"unit": unit, "deliveries": still}, change)
        return result.matched_count == 1

    async def log(
        self, endpoint: str, before: tuple[dt.datetime, str] | None, limit: int
    ) -> list[tuple[Notice, Delivery]]:
        """The deliveries to an endpoint, newest first, from behind `before` (a notice's time and id)."""
        chosen: dict[str, Any] = {"deliveries.endpoint": endpoint}
        if before:
            moment, notice = before
            chosen["$or"] = [{"created_at": {"$lt": moment}}, {"created_at": moment, "_id": {"$lt": notice}}]
        async with guarded():
            found = self._collection.find(chosen).sort([("created_at", -1), ("_id", -1)]).limit(limit)
            documents = await found.to_list(None)
        return [
            (_notice(document), delivery)
            for document in documents
            for delivery in _deliveries(document)
            if delivery.endpoint == endpoint
        ]

    async def between(
        self,
        unit: str,
        window: tuple[dt.datetime, dt.datetime],
        after: tuple[dt.datetime, str] | None,
        limit: int,
    ) -> list[Planned]:
        """The unit's notices created in [since, until), oldest first, from behind `after` (a notice's time and id)."""
        since, until = window
        chosen: dict[str, Any] = {"unit": unit, "created_at": {"$gte": since, "$lt": until}}
        if after:
            moment, notice = after
            chosen["created_at"]["$gte"] = max(since, moment)
            chosen["$or"] = [{"created_at": {"$gt": moment}}, {"_id": {"$gt": notice}}]
        shown = {"type": 1, "created_at": 1, "deliveries.id": 1}
        async with guarded():
            found = self._collection.find(chosen, shown).sort([("created_at", 1), ("_id", 1)]).limit(limit)
            documents = await found.to_list(None)
        return [
            Planned(
                id=document["_id"],
                type=document["type"],
                created_at=document["created_at"],
                deliveries=frozenset(each["id"] for each in document["deliveries"]),
            )
            for document in documents
        ]

    async def restart(self, notices: Sequence[str], endpoint: str, at: dt.datetime) -> int:
        """Start anew what of these notices was given up or cancelled on its way to the endpoint; how many."""
        given_up = {"endpoint": endpoint, "state": {"$in": [State.EXHAUSTED.value, State.CANCELLED.value]}}
        change = {
            "$set": {
                "deliveries.$.state": State.PENDING.value,
                "deliveries.$.at": at,
                "deliveries.$.failures": 0,
            }
        }
        async with guarded():
            result = await self._collection.update_many(
                {"_id": {"$in": list(notices)}, "deliveries": {"$elemMatch": given_up}}, change
            )
        return result.modified_count

    async def plan(self, deliveries: Mapping[str, Delivery]) -> int:
        """Add its delivery to each of the notices, by id, unless it is there; how many were not."""
        if not deliveries:
            return 0
        changes = [
            UpdateOne(
                {"_id": notice, "deliveries.id": {"$ne": delivery.id}},
                {"$push": {"deliveries": _written(delivery)}},
            )
            for notice, delivery in deliveries.items()
        ]
        async with guarded():
            result = await self._collection.bulk_write(changes, ordered=False)
        return result.modified_count


def _written(delivery: Delivery) -> Document:
    written: Document = {
        "id": delivery.id,
        "endpoint": delivery.endpoint,
        "channel": delivery.channel.value,
        "state": delivery.state.value,
        "failures": delivery.failures,
        "attempts": [],
    }
    return written if delivery.at is None else written | {"at": delivery.at}


def _notice(document: Document) -> Notice:
    return Notice(
        id=document["_id"],
        unit=document["unit"],
        type=document["type"],
        body=document["body"],
        created_at=document["created_at"],
        traceparent=document["traceparent"],
        version=document["version"],
        correlation=document["correlation"],
    )


def _deliveries(document: Document) -> list[Delivery]:
    return [
        Delivery(
            id=each["id"],
            # What was written before there were channels is still shown.
            endpoint=each.get("endpoint") or each["webhook"],
            channel=ChannelName(each.get("channel", ChannelName.WEBHOOK)),
            state=State(each["state"]),
            at=each.get("at"),
            failures=each["failures"],
            attempts=tuple(each["attempts"]),
        )
        for each in document["deliveries"]
    ]
