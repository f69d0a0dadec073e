"""RabbitMQ stops: requests go on being accepted, and what they say waits in order."""

import asyncio
import time
from collections import defaultdict

from deploy.local.servers import Servers
from tests.journeys.city import ORGAN, POLICE, City
from tests.journeys.test_transfer import TO_FILING, by_matter


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
    assert seconds < 10, "nobody waits for a broker that is away"
    await city.settle(60)
    matters = {*begun, *opened}
    said = await city.said()
    versions: dict[str, list[int]] = defaultdict(list)
    for spied in city.spied:
        if spied.event.subject in matters:
            versions[spied.event.subject].append(spied.event.version)
    assert all(
        list(dict.fromkeys(seen)) == list(range(1, 1 + len(TO_FILING) + 1)) for seen in versions.values()
    )
    for unit, notices in [
        (ORGAN, await city.feed(ORGAN)),
        (POLICE, await city.feed(POLICE)),
        (ORGAN, [message["data"] for message in city.delivered(ORGAN)]),
        (POLICE, [message["data"] for message in city.delivered(POLICE)]),
    ]:
        concerned = [e for e in said if e["subject"] in matters and unit in e["data"].get("tell", ())]
        told = by_matter([notice for notice in notices if notice["matter"] in matters])
        # Should one have come twice, the first time counts.
        assert {matter: list(dict.fromkeys(events)) for matter, events in told.items()} == {
            matter: [
                each["id"]
                for each in sorted(concerned, key=lambda e: e["version"])
                if each["subject"] == matter
            ]
            for matter in {each["subject"] for each in concerned}
        }
