"""RabbitMQ stops: requests go on being accepted, and what they say waits in order."""

import asyncio
import time

from deploy.local.servers import Servers
from tests.journeys import order
from tests.journeys.city import ORGAN, POLICE, City
from tests.journeys.test_transfer import TO_FILING


async def test_openings_and_steps_are_accepted_and_delivered_in_order_once_it_is_back(
    city: City, servers: Servers
) -> None:
    begun = await asyncio.gather(*(city.walk(*TO_FILING[:4]) for _ in range(4)))
    await servers.rabbit.stop()
    heard = len(city.spied)
    try:
        started = time.monotonic()
        opened = await asyncio.gather(*(city.walk(*TO_FILING) for _ in range(8)))
        await asyncio.gather(*(city.go_on(matter, *TO_FILING[4:]) for matter in begun))
        seconds = time.monotonic() - started
        assert len(city.spied) == heard
        owed = await city.owed()
        assert any("webhook" in who for who in owed)
    finally:
        await servers.rabbit.start()
    assert seconds < 30, "nobody waits for a broker that is away"
    await city.settle(60)
    matters = {*begun, *opened}
    spied = [each.event for each in city.spied if each.event.subject in matters]
    for matter in matters:
        versions = [event.version for event in spied if event.subject == matter]
        assert list(dict.fromkeys(versions)) == list(range(1, len(TO_FILING) + 2))
    for unit in (ORGAN, POLICE):
        due = await order.due(city, unit, matters)
        assert due.keys() == matters
        ways = await order.told(city, unit, matters)
        assert all(told == due for told in ways.values())
        assert ways.keys() == {"feed", "webhook"}
