"""The two services, started once for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.journeys.city import ORGAN, OTHER_POLICE, POLICE, City
from tests.journeys.fixtures import searched


@pytest.fixture(scope="package")
async def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    folder = tmp_path_factory.mktemp("journeys")
    async with searched(servers, folder, ORGAN, POLICE, OTHER_POLICE) as running:
        yield running
