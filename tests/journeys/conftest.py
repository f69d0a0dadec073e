"""The two services, started once for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.journeys.city import ORGAN, OTHER_POLICE, POLICE, City, city_on


@pytest.fixture(scope="package")
async def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """Police have a webhook, the organ a webhook and its feed; the procuratorate fetches."""
    async with city_on(servers, tmp_path_factory.mktemp("city")) as running:
        for unit in (ORGAN, POLICE, OTHER_POLICE):
            await running.add_webhook(unit)
        yield running
