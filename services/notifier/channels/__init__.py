"""By what a notice reaches a unit; one file per channel."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from services.notifier.domain.deliveries import Answer
from services.notifier.domain.units import Fault


@dataclass(frozen=True, slots=True)
class Message:
    """One attempt to hand over one notice; the id is the same at every attempt."""

    id: str
    url: str
    body: str
    secrets: tuple[str, ...]
    at: dt.datetime
    traceparent: str | None = None


class Channel(Protocol):
    """How a notice leaves the house."""

    async def send(self, message: Message, seconds: float) -> Answer:
        """Try once, within so many seconds; whatever goes wrong is an answer, not an exception."""

    async def refusal(self, url: str) -> Fault | None:
        """Why an endpoint of this address cannot be kept, as far as can be known before the first message."""

    async def close(self) -> None: ...
