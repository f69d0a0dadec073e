"""The services, started once; and what a referral service says on every road."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from shared.events import Event
from tests.contracts.spoken import everything_said
from tests.journeys.city import ORGAN, City
from tests.journeys.fixtures import searched
from tests.services.referral.desk import desk_on


@pytest.fixture(scope="package")
async def city(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    names, folder = ("referral", "suggestion", "minors", "notifier"), tmp_path_factory.mktemp("contracts")
    async with searched(servers, folder, ORGAN, names=names) as running:
        yield running


@pytest.fixture(scope="package")
async def said(servers: Servers) -> AsyncIterator[list[Event]]:
    """What a referral service of its own says of matters on every road."""
    async with servers.database() as database, desk_on(servers.mongo_url, database) as desk:
        yield await everything_said(desk)
