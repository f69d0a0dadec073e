"""Processes killed at any moment: what was accepted reaches everybody concerned, and has its effect once."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from deploy.local.process import Process
from deploy.local.servers import Servers
from tests.journeys.city import ORGAN, POLICE, PROCURATORATE, City, new_key, until
from tests.journeys.test_transfer import TO_FILING

KILLS = 20
AT_MOST = 240  # seconds; a quiet machine with two cores needs 60
DEPARTMENTS = 6
# Where a process can be when it dies; each must have happened.
UNANSWERED = "written, not answered"
UNPUBLISHED = "written, not published"
UNREMOVED = "published, not removed"
UNRECORDED = "delivered, not recorded"


@dataclass
class Storm:
    """Departments that work on while processes are killed, and where those were when they died."""

    city: City
    servers: Servers
    kills: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, str] = field(default_factory=dict)  # matter by the key of each act
    asked: set[str] = field(default_factory=set)  # keys of requests under way
    over: bool = False

    async def work(self) -> None:
        """Transfer one case after another, as a department's system that does not give up."""
        while not self.over:
            matter = None
            for step in ("register", *TO_FILING[:6]):
                matter = await self._act(step, matter)

    async def _act(self, step: str, matter: str | None) -> str:
        key = new_key()
        self.asked.add(key)
        while True:
            with suppress(httpx.TransportError):
                answer = await self.city.act(self.city.taker(step), step, matter, key=key)
                if answer.is_success:
                    break
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)
        self.asked.discard(key)
        self.accepted[key] = answer.json()["matter"]
        return self.accepted[key]

    async def kill_the_api(self) -> None:
        service = self.city.suite.services["referral"]
        matters = self.city.databases["referral"].database["matters"]
        while not self.over:
            await asyncio.sleep(random.uniform(0.2, 1))
            await service.api.kill()
            self.moments[UNANSWERED] += await matters.count_documents(
                {"history.key": {"$in": list(self.asked)}}
            )
            await self._again(service.api, service.url)

    async def kill_the_relay(self) -> None:
        """In turn before it could publish and before it could hear that it had published."""
        service = self.city.suite.services["referral"]
        while not self.over:
            await self._more(self.city.spied)
            await service.worker.pause()
            await asyncio.sleep(0.3)  # meanwhile steps are written that it does not see
            unsent = await self._unsent()
            await service.worker.kill()
            self.moments[UNPUBLISHED] += len(unsent - {each.event.id for each in self.city.spied})
            await self._again(service.worker, service.worker_url)

            await self._more(self.city.spied)
            await self.servers.rabbit.pause()
            try:
                await asyncio.sleep(0.3)  # meanwhile it publishes; the broker will read that when it thaws
                await service.worker.kill()
            finally:
                await self.servers.rabbit.resume()
            await self._again(service.worker, service.worker_url)

    async def kill_the_deliverer(self) -> None:
        """While receivers are reading what it has sent."""
        service = self.city.suite.services["notifier"]
        while not self.over:
            await self._more(self.city.receiver.received)
            await service.worker.kill()
            await self._again(service.worker, service.worker_url)

    async def _again(self, process: Process, url: str) -> None:
        self.kills[process.name] += 1
        await process.start()

        async def ready() -> bool:
            with suppress(httpx.HTTPError):
                return (await self.city.client.get(f"{url}/readyz")).is_success
            return False

        await until(ready, 60)

    async def _more(self, heard: Sequence[object]) -> None:
        """Return when the process is at work again."""
        before = len(heard)

        async def more() -> bool:
            return len(heard) > before or self.over

        await until(more, AT_MOST, pause=0.01)

    async def _unsent(self) -> set[str]:
        matters = self.city.databases["referral"].database["matters"]
        found = matters.find({"send_at": {"$exists": True}}, {"outbox.id": 1})
        return {event["id"] async for matter in found for event in matter["outbox"]}

    async def enough(self) -> bool:
        """Whether so many were killed, and at every moment that matters."""
        self.moments[UNREMOVED] = repeated([each.event.id for each in self.city.spied])
        self.moments[UNRECORDED] = repeated(
            [f"{each.path} {each.id}" for each in self.city.receiver.received]
        )
        reached = {moment for moment, times in self.moments.items() if times}
        return self.kills.total() >= KILLS and reached == {UNANSWERED, UNPUBLISHED, UNREMOVED, UNRECORDED}


def repeated(ids: list[str]) -> int:
    return sum(times > 1 for times in Counter(ids).values())


async def test_nothing_is_lost_and_no_effect_comes_twice(city: City, servers: Servers) -> None:
    await city.walk(*TO_FILING)
    city.receiver.delays = {f"/{unit}": 0.05 for unit in (ORGAN, POLICE)}
    storm = Storm(city, servers)
    departments = [asyncio.create_task(storm.work()) for _ in range(DEPARTMENTS)]
    killers = [
        asyncio.create_task(kill())
        for kill in (storm.kill_the_api, storm.kill_the_relay, storm.kill_the_deliverer)
    ]
    try:
        await until(storm.enough, AT_MOST, pause=0.5)
    except TimeoutError:
        raise AssertionError(f"not enough: {storm.kills}, {storm.moments}") from None
    finally:
        storm.over = True
        outcomes = await asyncio.gather(*killers, *departments, return_exceptions=True)
        city.receiver.delays = {}
        await city.started()
    assert [each for each in outcomes if each is not None] == [], (storm.kills, storm.moments)

    await city.settle(90)
    await every_act_is_there_once(storm)
    await every_event_is_told_once(city)


async def every_act_is_there_once(storm: Storm) -> None:
    taken: dict[str, str] = {}
    async for matter in (
        storm.city.databases["referral"]
        .database["matters"]
        .find({"history.key": {"$in": list(storm.accepted)}})
    ):
        keys = [entry["key"] for entry in matter["history"] if entry["kind"] == "step"]
        assert len(set(keys)) == len(keys)
        assert [entry["version"] for entry in matter["history"]] == list(range(1, len(matter["history"]) + 1))
        taken.update(dict.fromkeys(keys, matter["_id"]))
    assert taken == storm.accepted


async def every_event_is_told_once(city: City) -> None:
    said = await city.said()
    assert [each["number"] for each in said] == list(range(1, len(said) + 1))
    assert repeated([each["id"] for each in said]) == 0
    for unit in (ORGAN, POLICE, PROCURATORATE):
        due = Counter(each["id"] for each in said if unit in each["data"].get("tell", ()))
        assert Counter(each["event"] for each in await city.feed(unit)) == due
    for unit in (ORGAN, POLICE):
        # A message may come again; it then has the id under which its receiver knows it.
        ids = {(message["data"]["event"], message["data"]["id"]) for message in city.delivered(unit)}
        assert repeated([event for event, _ in ids]) == 0
        received = {each.id for each in city.receiver.at(f"/{unit}")}
        assert received == {notice for _, notice in ids}
