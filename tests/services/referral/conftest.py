"""One referral service for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.services.referral.desk import Desk, desk_on


@pytest.fixture(scope="package")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    async with servers.database() as database, desk_on(servers.mongo_url, database) as running:
        yield running
