"""The suggestion service is killed at each moment of handling an event: no draft is lost, none is made twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.server import free_port
from deploy.local.servers import Servers
from deploy.local.suite import Suite, running_suite
from services.suggestion.main import SERVICE
from shared.bus import Bus, declare
from shared.mongo import Mongo, connect
from tests.journeys.city import until
from tests.services.referral.desk import unit_event
from tests.services.suggestion.conftest import OPENER, UNITS
from tests.services.suggestion.test_ladder import missed
from tests.shared.bus.recorder import depth
from tests.shared.proxy import Proxy

ROUNDS = 6
AT_ONCE = 40
# Where the worker is when it dies; each must have happened.
UNHANDLED = "delivered, nothing written"
UNACKNOWLEDGED = "written, not acknowledged"
UNSAID = "written, its event not published"


class Rig:
    """The service as processes, RabbitMQ behind a proxy, and the test's own way to it."""

    def __init__(self, suite: Suite, mongo: Mongo, urls: list[str], proxy: Proxy) -> None:
        self.suite, self.mongo, self.urls, self.proxy = suite, mongo, urls, proxy
        self.bus = Bus(urls, "test")
        self.told: list[str] = []
        self.moments: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    async def tell(self) -> list[str]:
        events = [missed() for _ in range(AT_ONCE)]
        await asyncio.gather(*map(self.bus.publish, events))
        self.told += [event.subject for event in events]
        return [event.subject for event in events]

    async def drafts(self, matters: list[str]) -> list[dict[str, Any]]:
        found = self.mongo.database["matters"].find(
            {"mechanism": "supervision_draft", "correlation": {"$in": matters}}
        )
        return [draft async for draft in found]

    async def kill(self) -> None:
        """Kill the worker and count where it was; start it again."""
        service = self.suite.services["suggestion"]
        await service.worker.kill()
        drafts = await self.drafts(self.told)
        unsent = sum("send_at" in draft for draft in drafts)
        self.moments[UNSAID] += unsent

        async def given_back() -> int:
            return await depth(self.urls, SERVICE.queue)

        with suppress(TimeoutError):
            waiting = await until(given_back, 3)
            missing = len(self.told) - len(drafts)
            self.moments[UNHANDLED] += min(waiting, missing)
            self.moments[UNACKNOWLEDGED] += max(0, waiting - missing)
        self.proxy.thaw()
        await service.worker.start()
        async with httpx.AsyncClient(trust_env=False) as client:

            async def ready() -> bool:
                with suppress(httpx.HTTPError):
                    return (await client.get(f"{service.worker_url}/readyz")).is_success
                return False

            await until(ready, 60)


@pytest.fixture
async def rig(servers: Servers, tmp_path: Path) -> AsyncIterator[Rig]:
    async with servers.database() as name, servers.vhost() as urls, Proxy(urls[0]) as proxy:
        mongo = await connect(servers.mongo_url, f"{name}_suggestion")
        try:
            async with running_suite(
                tmp_path, servers.mongo_url, [proxy.url], prefix=f"{name}_", names=["suggestion"],
                ports={"suggestion": free_port()},
            ) as suite:  # fmt: skip
                await declare(urls, queue="test.listener", binds=["suggestion.#"])
                rig = Rig(suite, mongo, urls, proxy)
                for code, (kind, division) in {**UNITS, "LY-GA-329": ("public_security", "410329")}.items():
                    await rig.bus.publish(unit_event(code, kind, division))

                async def known() -> bool:
                    return await mongo.database["units"].count_documents({}) == len(UNITS) + 1

                await until(known, 30)
                yield rig
                await rig.bus.close()
        finally:
            await mongo.close()
            await servers.mongo.drop(f"{name}_suggestion")


async def test_killed_at_each_moment_it_loses_none_and_doubles_none(rig: Rig) -> None:
    for number in range(ROUNDS):
        matters = await rig.tell()

        async def some(matters: list[str] = matters) -> bool:
            return len(await rig.drafts(matters)) >= 3

        await until(some, 30, pause=0.005)
        if number % 2:
            # What it acknowledges and publishes from here on does not arrive; what it writes stays.
            rig.proxy.freeze()
            await asyncio.sleep(0.3)
        await rig.kill()
    assert {moment for moment, times in rig.moments.items() if times} == {
        UNHANDLED,
        UNACKNOWLEDGED,
        UNSAID,
    }, rig.moments

    async def settled() -> bool:
        unsent = await rig.mongo.database["matters"].count_documents({"send_at": {"$exists": True}})
        return (
            not unsent
            and not await depth(rig.urls, SERVICE.queue)
            and len(await rig.drafts(rig.told)) >= len(rig.told)
        )

    try:
        await until(settled, 60)
    except TimeoutError:
        unsent = await rig.mongo.database["matters"].count_documents({"send_at": {"$exists": True}})
        left = (unsent, await depth(rig.urls, SERVICE.queue), len(await rig.drafts(rig.told)), len(rig.told))
        raise AssertionError(f"unsent, in the queue, drafts, told: {left}; {rig.moments}") from None
    await asyncio.sleep(1)
    assert Counter(draft["correlation"] for draft in await rig.drafts(rig.told)) == Counter(rig.told)
    said = [
        event["subject"]
        async for event in rig.mongo.database["said"].find({"type": "suggestion.supervision_draft.prepared"})
    ]
    assert Counter(said) == Counter(draft["_id"] for draft in await rig.drafts(rig.told))
    assert await rig.bus.parked(SERVICE.queue) == 0
    assert {draft["parties"]["procuratorate"] for draft in await rig.drafts(rig.told)} == {OPENER}
