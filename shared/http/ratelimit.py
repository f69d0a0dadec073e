"""How often one caller may ask; counted in the memory of this process."""

import math
import time

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from shared.http.problems import Problem


class RateLimiter:
    """A sliding window per caller; `rate` as in "1000/minute"."""

    def __init__(self, rate: str) -> None:
        self._rate = limits.parse(rate)
        self._window = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def hit(self, *caller: str) -> None:
        """Count one request of the caller; Problem 429 with Retry-After when there were too many."""
        if await self._window.hit(self._rate, *caller):
            return
        stats = await self._window.get_window_stats(self._rate, *caller)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        raise Problem(
            429, "rate-limited", "Too many requests of this caller", headers={"Retry-After": str(seconds)}
        )
