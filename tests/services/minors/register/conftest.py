"""One minors service with schools, organs and education authorities, for the tests of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.services.minors.register.office import Office, office_on


@pytest.fixture(scope="package")
async def office(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """An office at which vice-principals are planned, appointed and recorded."""
    async with office_on(servers, tmp_path_factory.mktemp("keys")) as running:
        yield running


@pytest.fixture
async def empty_office(servers: Servers, tmp_path: Path) -> AsyncIterator[Office]:
    """An office of its own, at which nothing has happened yet."""
    async with office_on(servers, tmp_path) as running:
        yield running
