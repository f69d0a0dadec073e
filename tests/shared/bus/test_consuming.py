"""Every message has a place to go: handled, waiting to be tried again, or parked."""

import asyncio
import logging
from itertools import pairwise
from typing import Any

import aio_pika
import pytest

from shared.bus import ATTEMPT, EXCHANGE, REASON, Bus, parked_queue, reader
from shared.events import Event
from shared.mongo import Unavailable
from tests.shared.bus.recorder import (
    CANARY,
    QUEUE,
    Recorder,
    an_event,
    consuming,
    depth,
    eventually,
    fetch,
    has_parked,
    raw,
)


async def test_a_message_is_acknowledged_only_after_its_handler(
    bus: Bus, urls: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reader, "_FINISH", 0.1)

    async def hang(_: Event) -> None:
        await asyncio.sleep(60)

    handler = Recorder(hang)
    async with consuming(bus, handler):
        await bus.publish(an_event())
        await handler.until(1)
    assert await depth(urls) == 1
    again = Recorder()
    async with consuming(bus, again):
        await again.until(1)
        await asyncio.sleep(0.1)
    assert await depth(urls) == 0


async def test_a_handler_under_way_finishes_when_the_consumer_is_stopped(bus: Bus, urls: list[str]):
    finished = []

    async def work(event: Event) -> None:
        await asyncio.sleep(0.5)
        finished.append(event.id)

    handler = Recorder(work)
    async with consuming(bus, handler):
        await bus.publish(an_event())
        await handler.until(1)
    assert finished == ["e-1"]
    assert await depth(urls) == 0


async def test_a_handler_that_fails_is_tried_again_after_growing_delays_then_parked_with_the_reason(
    bus: Bus, urls: list[str], caplog: pytest.LogCaptureFixture
):
    async def fail(_: Event) -> None:
        raise LookupError(CANARY)

    handler = Recorder(fail)
    with caplog.at_level(logging.INFO):
        async with consuming(bus, handler):
            await bus.publish(an_event())
            await handler.until(3)
            await eventually(lambda: has_parked(bus), 5)
    waits = [later - earlier for earlier, later in pairwise(handler.times)]
    assert waits[0] >= 0.2
    assert waits[1] >= 0.4
    assert len(handler.got) == 3
    assert await depth(urls) == 0
    message = await fetch(urls, parked_queue(QUEUE))
    assert message.headers[ATTEMPT] == 3
    assert "LookupError" in str(message.headers[REASON])
    assert CANARY not in str(message.headers)
    assert Event.from_message(message.headers, message.body) == an_event()
    assert any(record.levelno == logging.ERROR and "parked" in record.message for record in caplog.records)
    assert CANARY not in caplog.text


async def test_a_message_that_failed_twice_and_then_succeeds_is_gone(bus: Bus, urls: list[str]):
    async def fail_twice(_: Event) -> None:
        if len(handler.got) < 3:
            raise LookupError

    handler = Recorder(fail_twice)
    async with consuming(bus, handler):
        await bus.publish(an_event())
        await handler.until(3)
        await asyncio.sleep(0.2)
    assert handler.got == [an_event()] * 3
    assert await depth(urls) == 0
    assert await bus.parked(QUEUE) == 0


async def test_a_failing_message_does_not_hold_up_others(bus: Bus):
    async def fail_one(event: Event) -> None:
        if event.id == "bad":
            raise LookupError

    handler = Recorder(fail_one)
    async with consuming(bus, handler, prefetch=1):
        await bus.publish(an_event("bad"))
        for number in range(5):
            await bus.publish(an_event(f"good-{number}"))
        await eventually(lambda: {f"good-{number}" for number in range(5)} <= set(handler.ids), 2)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({"cloudEvents:specversion": "1.0", "cloudEvents:id": CANARY}, b"{}"),
        (an_event().headers() | {"cloudEvents:time": CANARY}, b"{}"),
        (an_event().headers(), b'{"name": "' + CANARY.encode()),
    ],
)
async def test_a_malformed_message_is_parked_at_once_as_it_was(
    bus: Bus, urls: list[str], headers: dict[str, Any], body: bytes
):
    handler = Recorder()
    async with raw(urls) as channel:
        exchange = await channel.get_exchange(EXCHANGE)
        await exchange.publish(aio_pika.Message(body, headers=headers), "test.thing.done")
    async with consuming(bus, handler):
        await eventually(lambda: has_parked(bus), 2)
        assert bus.is_consuming(QUEUE)
    message = await fetch(urls, parked_queue(QUEUE))
    assert handler.got == []
    assert message.body == body
    assert {key: message.headers[key] for key in headers} == headers
    assert str(message.headers[REASON]).startswith("malformed: ")
    assert CANARY not in str(message.headers[REASON])


async def test_while_mongodb_is_away_messages_wait_and_no_attempt_is_counted(bus: Bus, urls: list[str]):
    async def wait(_: Event) -> None:
        if len(handler.got) < 5:
            raise Unavailable

    handler = Recorder(wait)
    async with consuming(bus, handler, delays=()):
        await bus.publish(an_event())
        await handler.until(5)
        await asyncio.sleep(0.1)
    assert await depth(urls) == 0
    assert await bus.parked(QUEUE) == 0


async def test_events_of_one_subject_are_handled_one_after_another_in_their_order(bus: Bus):
    running: set[str] = set()
    together: list[str] = []

    async def work(event: Event) -> None:
        if event.subject in running:
            together.append(event.subject)
        running.add(event.subject)
        await asyncio.sleep(0.02 if event.version % 2 else 0.001)
        running.discard(event.subject)

    handler = Recorder(work)
    for version in range(10):
        for subject in "ab":
            await bus.publish(an_event(f"{subject}-{version}", subject=subject, version=version))
    async with consuming(bus, handler):
        await handler.until(20)
    assert together == []
    for subject in "ab":
        assert [event.version for event in handler.got if event.subject == subject] == list(range(10))


async def test_what_an_operator_gives_back_is_handled_as_new(bus: Bus, urls: list[str]):
    well = False

    async def fail(_: Event) -> None:
        if not well:
            raise LookupError

    handler = Recorder(fail)
    async with consuming(bus, handler, delays=()):
        for number in range(3):
            await bus.publish(an_event(f"{number}"))
        await eventually(lambda: has_parked(bus, 3), 5)
        well = True
        assert await bus.requeue_parked(QUEUE) == 3
        await handler.until(6)
        await asyncio.sleep(0.1)
    assert sorted(handler.ids) == ["0", "0", "1", "1", "2", "2"]
    assert await bus.parked(QUEUE) == 0
    assert await depth(urls) == 0
