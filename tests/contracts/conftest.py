"""The two services, started once, with matters that have come different ways."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.journeys.city import ORGAN, City, city_on


@pytest.fixture(scope="package")
async def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_on(servers, tmp_path_factory.mktemp("contracts")) as running:
        await running.add_webhook(ORGAN)
        yield running
