"""What was published is in a queue, or its publisher knows that it is not."""

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import aio_pika
import pytest

from shared import tracing
from shared.bus import Away, Bus, Unroutable, declare
from shared.events import Event
from tests.shared.bus.recorder import (
    DELAYS,
    QUEUE,
    Recorder,
    an_event,
    consuming,
    depth,
    fetch,
)


async def test_what_is_published_is_handled(bus: Bus, urls: list[str]):
    handler = Recorder()
    async with consuming(bus, handler):
        await bus.publish(an_event())
        await handler.until(1)
    assert handler.got == [an_event()]
    assert await depth(urls) == 0


async def test_what_nobody_binds_is_not_taken_for_delivered(bus: Bus):
    with pytest.raises(Unroutable):
        await bus.publish(an_event(kind="other.thing.done"))


async def test_without_the_exchange_nothing_is_published(rabbit_urls: list[str]):
    bus = Bus(rabbit_urls, "test")
    with pytest.raises(Away):
        await bus.publish(an_event())
    assert not await bus.is_alive()


async def test_publishes_in_flight_are_not_confused_with_each_other(bus: Bus, urls: list[str]):
    kinds = ["test.thing.done", "other.thing.done"] * 200
    outcomes = await asyncio.gather(
        *(bus.publish(an_event("same-id", kind)) for kind in kinds), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), Unroutable] * 200
    assert await depth(urls) == 200


async def test_each_attempt_is_a_persistent_message_with_an_id_of_its_own(bus: Bus, urls: list[str]):
    await bus.publish(an_event())
    await bus.publish(an_event())
    first, second = await fetch(urls, QUEUE), await fetch(urls, QUEUE)
    assert first.message_id
    assert first.message_id != second.message_id
    assert "e-1" not in {first.message_id, second.message_id}
    assert first.headers["cloudEvents:id"] == second.headers["cloudEvents:id"] == "e-1"
    assert first.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert first.content_type == "application/json"


async def test_declaring_again_changes_nothing(bus: Bus, urls: list[str]):
    await bus.publish(an_event())
    await declare(urls, queue=QUEUE, binds=["test.#", "more.#"], delays=DELAYS)
    await bus.publish(an_event(kind="more.thing.done"))
    assert await depth(urls) == 2


async def test_publishing_and_handling_stand_in_the_trace_of_the_cause(bus: Bus, tmp_path: Path):
    traced = tracing.setup("test", file=str(tmp_path / "spans"))
    with tracing.span("request"):
        cause = tracing.current_traceparent()
    seen: list[str | None] = []

    async def work(event: Event) -> None:
        seen.append(event.traceparent)
        with tracing.span("effect"):
            pass

    handler = Recorder(work)
    async with consuming(bus, handler):
        await bus.publish(replace(an_event(), traceparent=cause))
        await handler.until(1)
    traced.close()
    lines = [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]
    spans = {line["name"]: line for line in lines}
    way = ["request", "publish test.thing.done", "consume test.thing.done", "effect"]
    assert {spans[name]["trace_id"] for name in way} == {spans["request"]["trace_id"]}
    for earlier, later in pairwise(way):
        assert spans[later]["parent_id"] == spans[earlier]["span_id"]
    assert seen[0]
    assert spans["publish test.thing.done"]["span_id"] in seen[0]
