"""The two services, started once, on servers that the tests of this folder stop and freeze."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.journeys.city import ORGAN, POLICE, City
from tests.journeys.fixtures import searched


@pytest.fixture(scope="package")
async def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with searched(servers, tmp_path_factory.mktemp("faults"), ORGAN, POLICE) as running:
        yield running
