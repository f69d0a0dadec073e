"""The two services, started once, on servers that the tests of this folder stop and freeze."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.journeys.city import ORGAN, POLICE, City, city_on


@pytest.fixture(scope="package")
async def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_on(servers, tmp_path_factory.mktemp("faults")) as running:
        for unit in (ORGAN, POLICE):
            await running.add_webhook(unit)
        yield running
