"""The feed for units that fetch: in order, complete, and complete as well while workers change places or die."""

import asyncio
import os
import signal
import uuid

from starlette.requests import Request
from starlette.responses import Response

from tests.services.notifier.house import House, eventually, new_unit
from tests.services.notifier.test_delivery import finished, new_path


async def test_notices_are_fetched_by_cursor(house: House):
    unit, other = new_unit(), new_unit()
    events = [await house.say(unit, *[other] * (each % 2)) for each in range(5)]

    async def told():
        return len(found := await house.feed(unit)) == 5 and found

    notices = await eventually(told)
    assert {notice["event"] for notice in notices} == {event.id for event in events}
    first = await house.call(unit, "GET", "/v1/feed", params={"limit": 2})
    assert first.json()["items"] == notices[:2]
    assert first.json()["after"] == notices[1]["id"]
    assert await house.feed(unit, after=notices[1]["id"]) == notices[2:]
    end = await house.call(unit, "GET", "/v1/feed", params={"after": notices[-1]["id"]})
    assert end.json() == {"items": [], "after": notices[-1]["id"]}
    read = await house.call(unit, "GET", f"/v1/notices/{notices[0]['id']}")
    assert read.json() == {**notices[0], "deliveries": []}


async def test_what_others_are_told_does_not_show(house: House):
    unit, other = new_unit(), new_unit()
    await house.say(unit, other)
    await house.say(other)
    await house.say(unit)

    async def told():
        return len(found := await house.feed(unit)) == 2 and len(await house.feed(other)) == 2 and found

    notices = await eventually(told)
    assert not any("number" in notice for notice in notices)
    theirs = {notice["id"] for notice in await house.feed(other)}
    assert not theirs & {notice["id"] for notice in notices}
    unknown = [
        await house.call(unit, "GET", "/v1/feed", params={"after": after})
        for after in (*sorted(theirs), str(uuid.uuid4()))
    ]
    assert {answer.status_code for answer in unknown} == {422}
    assert {answer.content for answer in unknown} == {unknown[0].content}  # of others, or of nobody
    assert [(each["field"], each["code"]) for each in unknown[0].json()["errors"]] == [
        ("after", "notice-unknown")
    ]
    numbered = await house.call(unit, "GET", "/v1/feed", params={"after": "1"})
    assert numbered.status_code == 422


async def test_an_event_without_words_of_ours_is_told_in_the_neutral_sentence(house: House):
    unit = new_unit()
    await house.say(unit, mechanism="something_new", state="unheard_of")

    async def told():
        return await house.feed(unit)

    (notice,) = await eventually(told)
    assert notice["text"]["zh"] == "事项有新进展，请登录系统查看"


async def test_a_malformed_event_is_put_aside_and_stops_nothing(house: House):
    unit = new_unit()
    bad = await house.say(tell="everybody")
    await house.say(unit)

    async def told():
        return await house.feed(unit)

    assert await eventually(told)
    assert await house.mongo.database["notices"].find_one({"body.event": bad.id}) is None


async def test_nothing_is_missed_by_who_fetches_while_two_workers_change_places(house: House):
    units = [new_unit() for _ in range(3)]
    fetched: dict[str, list[str]] = {unit: [] for unit in units}
    stop = asyncio.Event()

    async def fetch(unit: str) -> None:
        after = "0"
        while not stop.is_set():
            answer = (await house.call(unit, "GET", "/v1/feed", params={"after": after, "limit": 7})).json()
            fetched[unit] += [notice["id"] for notice in answer["items"]]
            after = answer["after"]

    async def all_told() -> bool:
        return all(len(fetched[unit]) >= said for unit in units)

    other = await house.another_worker()
    fetchers = [asyncio.create_task(fetch(unit)) for unit in units]
    said = 0
    try:
        for frozen in (house.worker, other):
            await frozen.pause()
            before = len(fetched[units[0]])
            for _ in range(25):
                await house.say(*units)
            said += 25

            async def taken_over(before: int = before) -> bool:
                return len(fetched[units[0]]) > before

            await eventually(taken_over, 30)  # what the frozen one had in hand comes later
            await frozen.resume()
        await eventually(all_told, 60)
    finally:
        stop.set()
        await asyncio.gather(*fetchers)
        await house.worker.resume()
        await other.stop()
    for unit in units:
        everything = [notice["id"] for notice in await house.feed(unit)]
        assert fetched[unit] == everything
        assert len(set(everything)) == said


async def test_a_worker_killed_between_sending_and_recording_sends_the_same_id_again(house: House):
    unit, path = new_unit(), new_path()
    webhook, secret = await house.webhook(unit, path)
    died = 0

    def answer(_: Request) -> Response:
        nonlocal died
        if not died:
            died = house.worker.pid
            os.killpg(died, signal.SIGKILL)
        return Response(status_code=204)

    house.receiver.answers[path] = answer
    event = await house.say(unit)
    await house.receiver.wait(path)
    await house.worker.wait()
    await house.worker.start()
    received = await house.receiver.wait(path, 2, seconds=40)
    assert died
    assert len({each.id for each in received}) == 1
    assert all(each.verified(secret)["data"]["event"] == event.id for each in received)
    (delivery,) = await finished(house, unit, webhook)
    assert delivery["state"] == "delivered"
    assert len(delivery["attempts"]) == 1  # of the first nobody knows what came of it
