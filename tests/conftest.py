"""The real servers every test stands on, and a fresh corner of each per test."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.servers import Servers, local_servers


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    """One MongoDB and one RabbitMQ for the session. Wider scopes: `servers.database()`, `servers.vhost()`."""
    with tempfile.TemporaryDirectory(prefix="suite-test-") as folder:
        async with local_servers(Path(folder)) as running:
            yield running


@pytest.fixture
def mongo_url(servers: Servers) -> str:
    """The replica set, without a database."""
    return servers.mongo_url


@pytest.fixture
async def database(servers: Servers) -> AsyncIterator[str]:
    """The name of a fresh database."""
    async with servers.database() as name:
        yield name


@pytest.fixture
async def rabbit_urls(servers: Servers) -> AsyncIterator[list[str]]:
    """The addresses of a fresh virtual host."""
    async with servers.vhost() as urls:
        yield urls
