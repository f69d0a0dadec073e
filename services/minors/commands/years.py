"""Each year's class hours: a year is opened for every post, and closed once enough hours are confirmed."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from services.minors.domain.register import Post, day_of
from services.minors.domain.years import last_day, year_of
from services.minors.mechanisms.vice_principal import MECHANISM
from services.minors.store.register import Register
from shared.lease import Lease
from shared.matters.commands import Clock, Commands
from shared.matters.requests import Absent, Actor, Request
from shared.mechanism.permit import Refused
from shared.mongo import Unavailable

_IDLE: Final = 2.0
_BATCH: Final = 100
_AT_ONCE: Final = 8
# Who stands in the history as the person: the service, not an officer.
_ITSELF: Final = "service:minors"

_log = logging.getLogger(__name__)


class Years:
    """Takes the two steps that follow from the register alone. What it does twice counts once."""

    def __init__(self, commands: Commands, register: Register, clock: Clock, lease: Lease) -> None:
        self._commands = commands
        self._register = register
        self._clock = clock
        self._lease = lease

    async def run(self) -> None:
        """Look for posts to settle for ever; waits for a database that is away."""
        while True:
            try:
                await self.settle()
            except Unavailable:
                _log.warning("the years wait for the database")
            await asyncio.sleep(_IDLE)

    async def settle(self) -> int:
        """Go through all posts that wait for it once; return how many steps were taken."""
        year = year_of(self._register.kind, day_of(self._clock.now()))
        taken, after = 0, ""
        while await self._lease.acquire() is not None:
            batch = await self._register.unsettled(year, after, _BATCH)
            for start in range(0, len(batch), _AT_ONCE):
                done = await asyncio.gather(
                    *(self._settle(matter, year) for matter in batch[start : start + _AT_ONCE])
                )
                taken += sum(done)
            if len(batch) < _BATCH:
                break
            after = batch[_BATCH - 1]
        return taken

    async def _settle(self, matter: str, year: int) -> int:
        post = await self._register.find(matter)
        if post is None or post.owed is None:
            return 0
        taken = 0
        following, reached = post.owed.next, post.owed.reached
        if following is not None and following <= year:
            form = {"year": following, "last_day": last_day(self._register.kind, following).isoformat()}
            taken += await self._take(post, "open_year", post.authority, form)
        if reached is not None:
            taken += await self._take(post, "fulfil_hours", post.school, {"year": reached})
        await self._register.refresh(matter)
        return taken

    async def _take(self, post: Post, step: str, unit: str, form: Mapping[str, Any]) -> int:
        actor = Actor(unit, _ITSELF, frozenset(), automatic=True)
        request = Request(key=f"{step}-{form['year']}", form=form)
        try:
            await self._commands.take_step(MECHANISM, post.matter, step, actor, request, None)
        except (Refused, Absent) as refused:
            # The post has moved on meanwhile, or its unit is gone from the directory: somebody will see to that.
            _log.warning("a year was not settled: %s", getattr(refused, "code", "absent"))
            return 0
        return 1
