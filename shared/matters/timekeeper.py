"""The loops over running clocks: those whose moment has come, and those that a new calendar may move."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from shared.lease import Lease
from shared.matters.calendars import Calendars, Edition
from shared.matters.commands import Commands
from shared.matters.document import counted
from shared.matters.store import Matters
from shared.mechanism.load import Mechanisms
from shared.mechanism.matter import Matter
from shared.mongo import Unavailable

_IDLE = 0.5
_BATCH = 100
_RECOUNT_EVERY = 2.0

_log = logging.getLogger(__name__)

Leases = Callable[[str], Lease]
T = TypeVar("T")


class Timekeeper:
    """Tells the time to matters that need it.

    Several share the work: what is due falls into shares by how the matters' ids begin, and a share is worked off
    under a lease in server time. The lease only saves work: what a holder that froze does when it wakes is refused by
    the versioned write.
    """

    def __init__(self, commands: Commands, matters: Matters, mechanisms: Mechanisms, leases: Leases) -> None:
        self._commands = commands
        self._matters = matters
        self._mechanisms = mechanisms
        self._leases = leases

    async def run(self) -> None:
        """Look for due clocks for ever; waits for a database that is away."""
        while True:
            pause = _IDLE
            try:
                if await self.tell() >= _BATCH:
                    pause = 0.0
            except Unavailable:
                _log.warning("the timekeeper waits for the database")
            await asyncio.sleep(pause)

    async def tell(self) -> int:
        """Tell the time to a batch of each share that nobody else holds; return how many matters were found."""
        shares = list(await self._matters.shares_due())
        random.shuffle(shares)  # or all workers would queue at the same one
        found = 0
        for share in shares:
            lease = self._leases(f"timekeeper {share}")
            if await lease.acquire() is not None:
                try:
                    found += await self._tell(share)
                finally:
                    await lease.release()
        return found

    async def _tell(self, share: str) -> int:
        found = await self._matters.needing_attention(share, _BATCH)
        await _together(
            self._commands.tell_time(self._mechanisms[matter.mechanism, matter.edition], matter)
            for matter in found
        )
        return len(found)


class Recounter:
    """Counts running clocks again when the calendar has a new edition; after a stop it goes on with what is left.

    One of several does it at a time, under a lease in server time.
    """

    def __init__(
        self,
        commands: Commands,
        matters: Matters,
        mechanisms: Mechanisms,
        calendars: Calendars,
        lease: Lease,
    ) -> None:
        self._commands = commands
        self._matters = matters
        self._mechanisms = mechanisms
        self._calendars = calendars
        self._lease = lease

    async def run(self) -> None:
        """Look for clocks counted by an older edition for ever; waits for a database that is away."""
        while True:
            try:
                while await self.recount():
                    pass
            except Unavailable:
                _log.warning("the recounter waits for the database")
            await asyncio.sleep(_RECOUNT_EVERY)

    async def recount(self) -> int:
        """Count the clocks of one batch of matters again; return how many, 0 too while another worker is at it."""
        edition = (await self._calendars.refresh()).edition
        editions = await self._calendars.editions(edition)
        found = await self._matters.counted_before(cutoffs(editions), _BATCH)
        if not found or await self._lease.acquire() is None:
            return 0
        outcomes = await _together(
            self._commands.recount(
                self._mechanisms[matter.mechanism, matter.edition], matter, _because(matter, editions)
            )
            for matter in found
        )
        await self._matters.confirm([matter for matter in outcomes if matter is not None])
        return len(found)


def cutoffs(editions: Sequence[Edition]) -> dict[int, datetime]:
    """Return for each edition the first moment on which a later one differs from its own predecessor."""
    found: dict[int, datetime] = {}
    earliest: datetime | None = None
    for edition in reversed(editions):
        if earliest is not None:
            found[edition.number] = earliest
        if edition.changed_from is not None:
            earliest = min(edition.changed_from, earliest or edition.changed_from)
    return found


def _because(matter: Matter, editions: Sequence[Edition]) -> dict[str, Any]:
    """Return the newest edition, and the notices of those since the matter was counted that can have moved it."""
    present = counted(matter.clocks)
    notices = [
        each.notice
        for each in editions
        if each.number > present["calendar"]
        and each.changed_from is not None
        and each.changed_from <= present["counted_until"]
    ]
    return {"calendar": editions[-1].number, "notice": "; ".join(notices)}


async def _together(works: Iterable[Awaitable[T]]) -> list[T]:
    """Return the results in order, or raise the first failure once all have come to an end."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    results: list[T] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        results.append(outcome)
    return results
