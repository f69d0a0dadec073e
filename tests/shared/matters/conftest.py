"""Matters of the trial procedure, on a database of their own."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.shared.matters.trial import Ground, ground_on


@pytest.fixture(scope="package")
async def ground(servers: Servers) -> AsyncIterator[Ground]:
    async with servers.database() as database, ground_on(servers.mongo_url, database) as ground:
        yield ground
