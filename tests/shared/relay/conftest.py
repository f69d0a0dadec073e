"""A fresh database and a fresh virtual host for each test."""

from collections.abc import AsyncIterator

import pytest

from shared.bus import Bus, declare
from shared.mongo import connect
from shared.relay import ensure_index
from tests.shared.bus.recorder import QUEUE
from tests.shared.relay.house import House


@pytest.fixture
async def house(mongo_url: str, database: str, rabbit_urls: list[str]) -> AsyncIterator[House]:
    await declare(rabbit_urls, queue=QUEUE, binds=["test.#"])
    house = House(
        await connect(mongo_url, database), Bus(rabbit_urls, "test", timeout=2), rabbit_urls, mongo_url
    )
    await ensure_index(house.matters)
    await house.feed.ensure_indexes()
    yield house
    await house.bus.close()
    await house.mongo.close()
