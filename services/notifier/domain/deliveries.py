"""When a delivery is tried again, and what an answer means."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_LONGEST_WAIT: Final = 86_400.0
_JITTER: Final = 0.1


class State(StrEnum):
    """Where a delivery stands; only a pending one is tried."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"


class ChannelName(StrEnum):
    """By what a delivery leaves; `endpoint` means what its channel says."""

    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt: a status with the digest of at most 64 kB of the body, or an error code.

    `hopeless`: the receiver says that no later attempt can end otherwise.
    """

    seconds: float
    status: int | None = None
    digest: str | None = None
    error: str | None = None
    retry_after: float | None = None
    hopeless: bool = False

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The receiver says that nobody lives here any more and asks to be left alone."""
        return self.status == 410


def next_wait(
    schedule: Sequence[float], failures: int, retry_after: float | None, chance: float
) -> float | None:
    """Seconds until the next attempt after so many failures in a row, or None when the schedule is used up.

    `chance` in [0, 1) spreads the attempts by up to a tenth; a receiver may ask for more time, up to a day.
    """
    if failures > len(schedule):
        return None
    wait = schedule[failures - 1] * (1 + _JITTER * chance)
    return max(wait, min(retry_after or 0.0, _LONGEST_WAIT))
