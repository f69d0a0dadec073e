"""One running notifier for the tests of this folder; each uses units of its own."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.services.notifier.house import House, house_on


@pytest.fixture(scope="package")
async def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house_on(servers, tmp_path_factory.mktemp("notifier")) as running:
        yield running
