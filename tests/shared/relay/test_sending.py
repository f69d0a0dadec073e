"""What was committed is sent: soon, in order, once."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.bus import Bus, Refused, declare
from shared.events import Event
from shared.relay import _DUE
from tests.shared.bus.recorder import QUEUE, Recorder, an_event, consuming, eventually
from tests.shared.relay.house import House, first_times, running


async def test_what_was_committed_arrives_within_a_fifth_of_a_second(house: House):
    handler = Recorder()
    async with running(house.relay()), consuming(house.bus, handler):
        await house.say("warm", [1])
        await handler.until(1)
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await house.say("m", [1])
        await handler.until(2)
        assert time.monotonic() - started < 0.2
        await eventually(house.nothing_unsent)
    assert await house.matters.find_one({"_id": "m"}) == {"_id": "m", "outbox": []}
    assert await house.told() == ["warm-1", "m-1"]


async def test_events_of_each_document_arrive_in_order(house: House):
    handler = Recorder()
    for subject in range(50):
        await house.say(f"m{subject}", range(10))
    async with running(house.relay()), consuming(house.bus, handler):
        await handler.until(500, 20)
        await eventually(house.nothing_unsent)
    assert len(handler.ids) == len(set(handler.ids)) == 500
    told = await house.told()
    for subject in range(50):
        assert first_times(handler.ids, f"m{subject}") == list(range(10))
        assert first_times(told, f"m{subject}") == list(range(10))


async def test_what_nobody_binds_stays_is_tried_again_and_holds_up_nobody_else(house: House):
    handler = Recorder()
    for number in range(300):  # more than a batch
        await house.say(f"lonely{number}", [1], kind="other.thing.done")
    await house.say("m", [1])
    async with running(house.relay()), consuming(house.bus, handler):
        await handler.until(1)
        await eventually(lambda: house.has_unsent(300))
        await declare(house.urls, queue=QUEUE, binds=["other.#"])
        await handler.until(301)
        await eventually(house.nothing_unsent)


async def test_an_event_behind_one_that_nobody_binds_waits_for_its_turn(house: House):
    handler = Recorder()
    await house.say("m", [1])
    await house.say("m", [2], kind="other.thing.done")
    await house.say("m", [3])
    async with running(house.relay()), consuming(house.bus, handler):
        await asyncio.sleep(0.6)
        assert handler.ids == ["m-1"]
        found = await house.matters.find_one({"_id": "m"})
        assert found
        assert [entry["id"] for entry in found["outbox"]] == ["m-2", "m-3"]
        assert found["send_at"] > house.mongo.clock.now() - timedelta(seconds=1)
        await declare(house.urls, queue=QUEUE, binds=["other.#"])
        await handler.until(3)
    assert handler.ids == ["m-1", "m-2", "m-3"]


async def test_a_new_write_is_tried_at_once_although_the_document_was_put_off(house: House):
    handler = Recorder()
    await house.say("m", [1], kind="other.thing.done")
    long_ago = house.mongo.clock.now() - timedelta(hours=1)
    await house.matters.update_one({"_id": "m"}, {"$set": {"outbox.0.time": long_ago}})
    async with running(house.relay()), consuming(house.bus, handler):
        await asyncio.sleep(0.3)
        found = await house.matters.find_one({"_id": "m"})
        assert found
        assert found["send_at"] > house.mongo.clock.now() + timedelta(seconds=25)
        await declare(house.urls, queue=QUEUE, binds=["other.#"])
        await house.say("m", [2])
        await handler.until(2, 1)


async def test_a_write_during_a_refused_attempt_is_tried_at_once(house: House):
    class Meanwhile(Bus):
        async def publish(self, event: Event) -> None:
            try:
                await super().publish(event)
            except Refused:
                await declare(house.urls, queue=QUEUE, binds=["other.#"])
                await house.say("m", [2])
                raise

    handler = Recorder()
    await house.say("m", [1], kind="other.thing.done")
    long_ago = house.mongo.clock.now() - timedelta(hours=1)
    await house.matters.update_one({"_id": "m"}, {"$set": {"outbox.0.time": long_ago}})
    bus = Meanwhile(house.urls, "test")
    async with running(house.relay(bus)), consuming(house.bus, handler):
        await handler.until(2, 3)
    assert handler.ids == ["m-1", "m-2"]
    await bus.close()


async def test_what_is_committed_while_others_are_sent_is_neither_lost_nor_late(house: House):
    class Meanwhile(Bus):
        async def publish(self, event: Event) -> None:
            await super().publish(event)
            if event.version < 5:
                await house.say(event.subject, [event.version + 1])

    handler = Recorder()
    await house.say("m", [1])
    bus = Meanwhile(house.urls, "test")
    async with running(house.relay(bus)), consuming(house.bus, handler):
        await handler.until(5, 3)
        await eventually(house.nothing_unsent)
    assert handler.ids == [f"m-{version}" for version in range(1, 6)]
    await bus.close()


async def test_a_document_with_nothing_to_say_is_let_go(house: House):
    await house.matters.insert_one({"_id": "empty", "outbox": [], "send_at": house.mongo.clock.now()})
    await house.matters.insert_one({"_id": "none", "send_at": house.mongo.clock.now()})
    async with running(house.relay()):
        await eventually(house.nothing_unsent)


async def test_an_outbox_that_cannot_be_read_stays_and_holds_up_nobody_else(house: House):
    handler = Recorder()
    broken: dict[str, Any] = {"_id": "broken", "outbox": [{"id": "x"}], "send_at": house.mongo.clock.now()}
    await house.matters.insert_one(broken)
    await house.say("m", [1])
    async with running(house.relay()), consuming(house.bus, handler):
        await handler.until(1)
        await asyncio.sleep(0.2)
    assert await house.unsent() == 1
    assert (await house.matters.find_one({"_id": "broken"}) or {})["outbox"] == [{"id": "x"}]


async def test_a_backlog_drains_fast(house: House):
    events = [
        replace(an_event(f"m{n}-1", subject=f"m{n}"), time=house.mongo.clock.now()) for n in range(2000)
    ]
    now = house.mongo.clock.now()
    await house.matters.insert_many(
        {"_id": event.subject, "outbox": [event.document()], "send_at": now} for event in events
    )
    started = time.monotonic()
    async with running(house.relay()):
        await eventually(house.nothing_unsent, 20)
    assert time.monotonic() - started < 15  # a loaded machine; one by one it would be minutes


async def test_finding_what_is_due_costs_what_is_due(house: House):
    later = house.mongo.clock.now() + timedelta(hours=1)
    await house.matters.insert_many([{"_id": f"{n}"} for n in range(500)])
    await house.matters.insert_many(
        [{"_id": f"later{n}", "outbox": [], "send_at": later} for n in range(200)]
    )
    await house.say("m", [1])
    await asyncio.sleep(0.1)  # until the server's own clock is there as well
    plan = await house.matters.find(_DUE).sort("send_at", 1).limit(10).explain()
    assert plan["executionStats"]["nReturned"] == 1
    assert plan["executionStats"]["totalKeysExamined"] <= 2
    assert plan["executionStats"]["totalDocsExamined"] <= 1
