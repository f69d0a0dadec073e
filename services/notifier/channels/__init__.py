"""By what a notice reaches a unit; one file per channel."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

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


@dataclass(frozen=True, slots=True)
class Letter:
    """The same for people: neutral words, to the addresses that a duty role has at this moment."""

    id: str
    to: tuple[str, ...] = field(repr=False)
    title: str
    text: str
    at: dt.datetime


Outgoing_contra = TypeVar("Outgoing_contra", contravariant=True)


class Channel(Protocol[Outgoing_contra]):
    """How a notice leaves the house."""

    async def send(self, message: Outgoing_contra, seconds: float) -> Answer:
        """Try once, within so many seconds; whatever goes wrong is an answer, not an exception."""

    async def close(self) -> None: ...


class Judge(Protocol):
    """Who knows where a webhook may lead."""

    async def refusal(self, url: str) -> Fault | None:
        """Why an endpoint of this address cannot be kept, as far as can be known before the first message."""
