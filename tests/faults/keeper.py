"""A worker that keeps the time and nothing else: `python -m tests.faults.keeper URL DATABASE NAME LEASE [SHIFT]`.

With SHIFT, in hours, its wall clock jumps by so much once it is connected.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import time_machine

from tests.shared.matters.trial import ground_on


async def keep(url: str, database: str, name: str, lease_seconds: float, shift: timedelta) -> None:
    async with ground_on(url, database) as ground:
        if shift:
            time_machine.travel(datetime.now(UTC) + shift, tick=True).start()
        await ground.mongo.database["keepers"].insert_one({"_id": name, "wall": datetime.now(UTC)})
        await ground.timekeeper(name, lease_seconds).run()


if __name__ == "__main__":
    url, database, name, lease, *shift = sys.argv[1:]
    asyncio.run(keep(url, database, name, float(lease), timedelta(hours=float(*shift or "0"))))
