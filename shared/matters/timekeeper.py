"""The loops over running clocks: those whose moment has come, and those that a new calendar may move."""

import asyncio
import logging

from shared.matters.calendars import Calendars
from shared.matters.commands import Commands
from shared.matters.store import Matters
from shared.mechanism.load import Mechanisms
from shared.mongo import Unavailable

_IDLE = 0.5
_BATCH = 100
_RECOUNT_EVERY = 2.0

_log = logging.getLogger(__name__)


class Timekeeper:
    """Tells the time to matters that need it. Several may run at once: the versioned write lets one win."""

    def __init__(self, commands: Commands, matters: Matters, mechanisms: Mechanisms) -> None:
        self._commands = commands
        self._matters = matters
        self._mechanisms = mechanisms

    async def run(self) -> None:
        """Look for due clocks for ever; waits for a database that is away."""
        while True:
            pause = _IDLE
            try:
                if await self.tell() == _BATCH:
                    pause = 0.0
            except Unavailable:
                _log.warning("the timekeeper waits for the database")
            await asyncio.sleep(pause)

    async def tell(self) -> int:
        """Tell the time to one batch of matters; return how many were found."""
        found = await self._matters.needing_attention(_BATCH)
        for matter in found:
            await self._commands.tell_time(self._mechanisms[matter.mechanism, matter.edition], matter)
        return len(found)


class Recounter:
    """Counts running clocks again when the calendar has a new edition; after a stop it goes on with what is left."""

    def __init__(
        self, commands: Commands, matters: Matters, mechanisms: Mechanisms, calendars: Calendars
    ) -> None:
        self._commands = commands
        self._matters = matters
        self._mechanisms = mechanisms
        self._calendars = calendars

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
        """Count the clocks of one batch of matters again; return how many matters were found."""
        edition = (await self._calendars.refresh()).edition
        found = await self._matters.counted_before(await self._calendars.cutoffs(edition), _BATCH)
        if found:
            because = {"calendar": edition, "notice": await self._calendars.notice(edition)}
            for matter in found:
                mechanism = self._mechanisms[matter.mechanism, matter.edition]
                await self._commands.recount(mechanism, matter, because)
        return len(found)
