"""The loop that finds clocks whose moment has come, by index and by the database server's time."""

import asyncio
import logging

from shared.matters.commands import Commands
from shared.matters.store import Matters
from shared.mechanism.load import Mechanisms
from shared.mongo import Unavailable

_IDLE = 0.5
_BATCH = 100

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
