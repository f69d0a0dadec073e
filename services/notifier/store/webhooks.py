"""The webhooks of units, with their sealed secrets."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.notifier.domain.endpoints import Signature
from shared.mongo import Collection, Document, guarded

_ROTATION: Final = 24 * 3600 * 1000
_LIVING: Final = {"state": {"$ne": "removed"}}


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint of a unit; `sealed` are its valid secrets, the newest first."""

    id: str
    unit: str
    url: str
    event_types: tuple[str, ...]
    state: str
    created_at: dt.datetime
    sealed: tuple[bytes, ...]
    old_secret_until: dt.datetime | None = None
    disabled_at: dt.datetime | None = None
    disabled_because: str | None = None
    signature: Signature = Signature.HMAC
    enabled_at: dt.datetime | None = None  # since when it is active again, after it was disabled

    @property
    def active_since(self) -> dt.datetime:
        return self.enabled_at or self.created_at


class Webhooks:
    """States: active, disabled (its receiver said 410), removed. All methods raise Unavailable."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        async with guarded():
            await self._collection.create_index(
                [("unit", ASCENDING), ("url", ASCENDING)],
                unique=True,
                partialFilterExpression={"state": "active"},
            )
            await self._collection.create_index(
                [("unit", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)]
            )

    async def add(self, webhook: Webhook) -> bool:
        """Keep a new one; False when the unit has an active one with this address."""
        document = {
            "_id": webhook.id,
            "unit": webhook.unit,
            "url": webhook.url,
            "event_types": list(webhook.event_types),
            "state": webhook.state,
            "created_at": webhook.created_at,
            "secret": webhook.sealed[0],
            "signature": webhook.signature.value,
        }
        try:
            async with guarded():
                await self._collection.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def of(self, unit: str) -> list[Webhook]:
        """What the unit has and did not remove, oldest first."""
        async with guarded():
            found = self._collection.find({"unit": unit, **_LIVING}).sort([("created_at", 1), ("_id", 1)])
            return [_webhook(document) for document in await found.to_list(None)]

    async def every(self) -> list[str]:
        """The id of each webhook there ever was: to a removed one something may still be on its way."""
        async with guarded():
            return [document["_id"] for document in await self._collection.find({}, {"_id": 1}).to_list(None)]

    async def find(self, webhook: str, unit: str) -> Webhook | None:
        """The unit's own webhook; any other does not exist for it."""
        async with guarded():
            document = await self._collection.find_one({"_id": webhook, "unit": unit, **_LIVING})
        return _webhook(document) if document else None

    async def rotate(self, webhook: str, unit: str, sealed: bytes) -> Webhook | None:
        """Take a new secret; the one before stays valid for a day from now, by the server's clock."""
        change: Any = [
            {
                "$set": {
                    "secret": sealed,
                    "old_secret": "$secret",
                    "old_secret_until": {"$add": ["$$NOW", _ROTATION]},
                }
            }
        ]
        async with guarded():
            document = await self._collection.find_one_and_update(
                {"_id": webhook, "unit": unit, **_LIVING}, change, return_document=ReturnDocument.AFTER
            )
        return _webhook(document) if document else None

    async def remove(self, webhook: str, unit: str) -> bool:
        async with guarded():
            result = await self._collection.update_one(
                {"_id": webhook, "unit": unit, **_LIVING},
                {"$set": {"state": "removed"}, "$unset": {"secret": "", "old_secret": ""}},
            )
        return result.matched_count == 1

    async def enable(self, webhook: str, unit: str, at: dt.datetime) -> bool:
        """Make a disabled one active again; False when the unit has another active one with its address."""
        try:
            async with guarded():
                await self._collection.update_one(
                    {"_id": webhook, "unit": unit, "state": "disabled"},
                    {
                        "$set": {"state": "active", "enabled_at": at},
                        "$unset": {"disabled_at": "", "disabled_because": ""},
                    },
                )
        except DuplicateKeyError:
            return False
        return True

    async def disable(self, webhook: Webhook, because: str, at: dt.datetime) -> bool:
        """Stop telling it anything; False when it was not active any more, or is so anew."""
        async with guarded():
            result = await self._collection.update_one(
                {"_id": webhook.id, "state": "active", "enabled_at": webhook.enabled_at},
                {"$set": {"state": "disabled", "disabled_at": at, "disabled_because": because}},
            )
        return result.matched_count == 1


def _webhook(document: Document) -> Webhook:
    return Webhook(
        id=document["_id"],
        unit=document["unit"],
        url=document["url"],
        event_types=tuple(document["event_types"]),
        state=document["state"],
        created_at=document["created_at"],
        sealed=_secrets(document),
        old_secret_until=document.get("old_secret_until"),
        disabled_at=document.get("disabled_at"),
        disabled_because=document.get("disabled_because"),
        signature=Signature(document.get("signature", Signature.HMAC)),
        enabled_at=document.get("enabled_at"),
    )


def _secrets(document: Document) -> tuple[bytes, ...]:
    return tuple(document[field] for field in ("secret", "old_secret") if field in document)


def valid_secrets(webhook: Webhook, now: dt.datetime) -> Sequence[bytes]:
    """The sealed secrets to sign with at that moment: the newest, and the one before it for its last day."""
    until = webhook.old_secret_until
    return webhook.sealed if until is not None and now < until else webhook.sealed[:1]
