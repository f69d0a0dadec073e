"""The two services, started once, with matters that have come different ways."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from shared.events import Event
from tests.contracts.spoken import everything_said
from tests.journeys.city import ORGAN, City, city_on
from tests.services.referral.desk import desk_on


@pytest.fixture(scope="package")
async def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_on(servers, tmp_path_factory.mktemp("contracts")) as running:
        await running.add_webhook(ORGAN)
        yield running


@pytest.fixture(scope="package")
async def said(servers: Servers) -> AsyncIterator[list[Event]]:
    """What a referral service of its own says of matters on every road."""
    async with servers.database() as database, desk_on(servers.mongo_url, database) as desk:
        yield await everything_said(desk)
