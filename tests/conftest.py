"""The real servers every test stands on, and a fresh corner of each per test."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from deploy.local.servers import Servers, local_servers

# Folders whose tests share one running service or suite: kept together when tests run side by side.
_TOGETHER = (
    "contracts",
    "faults",
    "journeys",
    "services/minors/register",
    "services/notifier",
    "services/referral",
    "services/suggestion",
)
# What takes minutes: thousands of cases, hundreds of thousands of documents, servers that are killed.
_PROOFS = (
    "contracts/test_openapi.py",
    "deploy/test_demo.py",
    "deploy/test_servers.py",
    "faults",
    "journeys/test_minors_canary.py",
    "services/referral/test_calendar.py",
    "shared/clocks/test_properties.py",
    "shared/matters/test_scale.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests are proofs."""
    for item in items:
        place = item.path.relative_to(Path(__file__).parent)
        if any(place.is_relative_to(each) for each in _PROOFS):
            item.add_marker(pytest.mark.proof)


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of one file, or of one folder that shares a service, go to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        place = PurePath(nodeid.partition("::")[0]).relative_to("tests")
        return next((each for each in _TOGETHER if place.is_relative_to(each)), str(place))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Together:
    """Spread the tests over workers by what they share."""
    return _Together(config, log)


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
