"""A city for the tests of one folder, searched for the canary when they are over."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.servers import Servers
from tests.journeys import canary, evidence
from tests.journeys.city import City, city_on


@asynccontextmanager
async def searched(
    servers: Servers, folder: Path, *told: str, names: Sequence[str] = ("referral", "notifier")
) -> AsyncIterator[City]:
    """A running city in which these units have a webhook; at the end nobody may be found where people do not belong."""
    async with city_on(servers, folder, names=names) as city:
        for unit in told:
            await city.add_webhook(unit)
        yield city
        found = canary.found(await evidence.texts(city))
        assert not found, "\n".join(found[:20])
