"""A unit's own webhooks: made, rotated, removed."""

import uuid
from collections.abc import Sequence

from services.notifier.channels import Channel
from services.notifier.domain.endpoints import Seal, new_secret
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


class Keeper:
    """Secrets leave it twice only: when they are made, and as signatures."""

    def __init__(self, store: Store, channel: Channel, seal: Seal) -> None:
        self._store = store
        self._channel = channel
        self._seal = seal

    async def add(self, unit: str, url: str, event_types: Sequence[str]) -> tuple[Webhook, str]:
        """The new webhook and its secret, shown this once. Raises Unfit, Taken."""
        if fault := await self._channel.refusal(url):
            raise Unfit(fault)
        name, secret = str(uuid.uuid4()), new_secret()
        webhook = Webhook(
            id=name,
            unit=unit,
            url=url,
            event_types=tuple(dict.fromkeys(event_types)),
            state="active",
            created_at=self._store.clock.now(),
            sealed=(self._seal.close(secret, name),),
        )
        if not await self._store.webhooks.add(webhook):
            raise Taken
        return webhook, secret

    async def rotate(self, webhook: str, unit: str) -> tuple[Webhook, str] | None:
        """A new secret, shown this once; the one before is valid for a day more. None for no webhook of the unit."""
        secret = new_secret()
        found = await self._store.webhooks.rotate(webhook, unit, self._seal.close(secret, webhook))
        return (found, secret) if found else None
