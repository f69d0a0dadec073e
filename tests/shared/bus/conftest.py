"""A fresh virtual host with one queue, and two ways to it: straight and through a proxy."""

from collections.abc import AsyncIterator

import pytest

from shared.bus import Bus, declare
from tests.shared.bus.recorder import DELAYS, QUEUE
from tests.shared.proxy import Proxy


@pytest.fixture
async def urls(rabbit_urls: list[str]) -> list[str]:
    await declare(rabbit_urls, queue=QUEUE, binds=["test.#"], delays=DELAYS)
    return rabbit_urls


@pytest.fixture
async def bus(urls: list[str]) -> AsyncIterator[Bus]:
    bus = Bus(urls, "test", timeout=2)
    yield bus
    await bus.close()


@pytest.fixture
async def proxy(urls: list[str]) -> AsyncIterator[Proxy]:
    async with Proxy(urls[0]) as proxy:
        yield proxy


@pytest.fixture
async def remote(proxy: Proxy) -> AsyncIterator[Bus]:
    bus = Bus([proxy.url], "test", timeout=2)
    yield bus
    proxy.thaw()
    await bus.close()
