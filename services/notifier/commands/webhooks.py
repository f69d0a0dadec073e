"""A unit's own webhooks: made, rotated, enabled again."""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from services.notifier.channels import Judge
from services.notifier.domain.endpoints import Seal, Signature, new_secret, public_key
from services.notifier.domain.units import Fault
from services.notifier.store import Store
from services.notifier.store.webhooks import Webhook


class Unfit(Exception):
    """No webhook can have this address."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


class Taken(Exception):
    """The unit has an active webhook with this address."""


class Key(NamedTuple):
    """What a receiver verifies with: the secret that it shares, or the public half of a key."""

    secret: str | None
    public: str | None


class Keeper:
    """Secrets leave it twice only: when they are made, and as signatures; private keys as signatures alone."""

    def __init__(self, store: Store, judge: Judge, seal: Seal) -> None:
        self._store = store
        self._judge = judge
        self._seal = seal

    async def add(
        self, unit: str, url: str, event_types: Sequence[str], signature: Signature
    ) -> tuple[Webhook, Key]:
        """The new webhook and what verifies its messages, shown this once. Raises Unfit, Taken."""
        if fault := await self._judge.refusal(url):
            raise Unfit(fault)
        name, secret = str(uuid.uuid4()), new_secret(signature)
        webhook = Webhook(
            id=name,
            unit=unit,
            url=url,
            event_types=tuple(dict.fromkeys(event_types)),
            state="active",
            created_at=self._store.clock.now(),
            sealed=(self._seal.close(secret, name),),
            signature=signature,
        )
        if not await self._store.webhooks.add(webhook):
            raise Taken
        return webhook, _shown(secret)

    async def rotate(self, webhook: str, unit: str) -> tuple[Webhook, Key] | None:
        """A new secret or key, shown this once; the one before is valid for a day more. None for no webhook."""
        before = await self._store.webhooks.find(webhook, unit)
        if before is None:
            return None
        secret = new_secret(before.signature)
        found = await self._store.webhooks.rotate(webhook, unit, self._seal.close(secret, webhook))
        return (found, _shown(secret)) if found else None

    async def enable(self, webhook: str, unit: str) -> Webhook | None:
        """The webhook, active again if it was switched off; None for no webhook of the unit. Raises Taken."""
        if not await self._store.webhooks.enable(webhook, unit, self._store.clock.now()):
            raise Taken
        return await self._store.webhooks.find(webhook, unit)


def _shown(secret: str) -> Key:
    public = public_key(secret)
    return Key(None, public) if public else Key(secret, None)
