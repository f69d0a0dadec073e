"""What a webhook missed is sent after all; who switched itself off is told of by another way and can come back."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import pytest

from tests.services.notifier.house import House, eventually, new_unit
from tests.services.notifier.test_delivery import finished, new_path

DISABLED = "notifier.webhook.disabled"


def window(house: House, **changes: str) -> dict[str, str]:
    now = house.mongo.clock.now()
    hour = dt.timedelta(hours=1)
    return {"since": (now - hour).isoformat(), "until": (now + hour).isoformat(), **changes}


async def recover(
    house: House, unit: str, webhook: str, body: dict[str, str] | None = None, **params: Any
) -> Any:
    path = f"/v1/webhooks/{webhook}/recover"
    answer = await house.call(unit, "POST", path, json=body or window(house), params=params)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def fed(house: House, unit: str, count: int) -> list[dict[str, Any]]:
    """The feed of the unit once it has so many notices."""

    async def told():
        return len(found := await house.feed(unit)) >= count and found

    found: list[dict[str, Any]] = await eventually(told)
    return found


async def gone(house: House, unit: str, path: str) -> str:
    """A webhook of the unit that its receiver has switched off with a first notice."""
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = 410
    await house.say(unit)
    await finished(house, unit, webhook)
    house.receiver.answers[path] = 204
    return webhook


async def test_what_was_given_up_is_sent_again_under_the_same_ids(house: House):
    unit, path = new_unit(), new_path()
    webhook, secret = await house.webhook(unit, path)
    await house.say(unit)
    (arrived,) = await house.receiver.wait(path)
    await finished(house, unit, webhook)
    house.receiver.answers[path] = 500
    for _ in range(3):
        await house.say(unit)
    await finished(house, unit, webhook, 4)
    tried = {each.id for each in house.receiver.at(path)[1:]}
    house.receiver.answers[path] = 204
    before = len(house.receiver.at(path))
    assert await recover(house, unit, webhook) == {"started": 3, "next": None}
    received = (await house.receiver.wait(path, before + 3))[before:]
    assert {each.id for each in received} == tried
    assert arrived.id not in tried
    assert all(each.verified(secret) for each in received)
    await finished(house, unit, webhook, 4)
    log = await house.log(unit, webhook)
    assert {each["state"] for each in log} == {"delivered"}
    assert await recover(house, unit, webhook) == {"started": 0, "next": None}
    await asyncio.sleep(0.5)
    assert len(house.receiver.at(path)) == before + 3


async def test_what_is_on_its_way_is_not_started_twice(house: House):
    unit, path = new_unit(), new_path()
    for _ in range(5):
        await house.say(unit)
    await fed(house, unit, 5)
    webhook, _ = await house.webhook(unit, path)
    house.receiver.delays[path] = 0.5
    answers = await asyncio.gather(*(recover(house, unit, webhook) for _ in range(4)))
    assert sum(answer["started"] for answer in answers) == 5
    assert (await recover(house, unit, webhook))["started"] == 0
    await finished(house, unit, webhook, 5)
    assert len(house.receiver.at(path)) == len({each.id for each in house.receiver.at(path)}) == 5


async def test_a_new_webhook_gets_what_was_told_before_as_far_as_it_takes_it(house: House):
    unit, other, path = new_unit(), new_unit(), new_path()
    tested, _ = await house.webhook(unit, new_path(), event_types=["minors.*"])
    await house.call(unit, "POST", f"/v1/webhooks/{tested}/test")
    events = [await house.say(unit), await house.say(unit, other, said="withdrawn"), await house.say(unit)]
    notices = await fed(house, unit, 4)
    taken = ["referral.forward_transfer.filed"]
    some, _ = await house.webhook(unit, path, event_types=taken)
    every, _ = await house.webhook(unit, all_path := new_path())
    assert (await recover(house, unit, some))["started"] == 2
    assert (await recover(house, unit, every))["started"] == 3  # a test is for the one that was tested
    ids = {notice["event"]: notice["id"] for notice in notices}
    received = await house.receiver.wait(path, 2)
    assert {each.id for each in received} == {ids[events[0].id], ids[events[2].id]}
    received = await house.receiver.wait(all_path, 3)
    assert {each.id for each in received} == {ids[event.id] for event in events}
    assert len(await house.log(unit, some)) == 2
    assert len(await fed(house, unit, 4)) == 4  # no notice was made anew


async def test_only_what_was_made_in_the_time_is_recovered(house: House):
    unit, path = new_unit(), new_path()
    for _ in range(3):
        await house.say(unit)
        await asyncio.sleep(0.05)
    notices = [each["id"] for each in await fed(house, unit, 3)]
    stored = house.mongo.database["notices"].find({"_id": {"$in": notices}}).sort("created_at", 1)
    made = [each["created_at"].isoformat() async for each in stored]
    webhook, _ = await house.webhook(unit, path)
    await recover(house, unit, webhook, {"since": made[1], "until": made[2]})
    await finished(house, unit, webhook)
    assert [each["notice"] for each in await house.log(unit, webhook)] == [notices[1]]


async def test_one_call_looks_at_some_and_says_how_to_go_on(house: House):
    unit, path = new_unit(), new_path()
    for _ in range(5):
        await house.say(unit)
    notices = [each["id"] for each in await fed(house, unit, 5)]
    webhook, _ = await house.webhook(unit, path)
    body = window(house)
    first = await recover(house, unit, webhook, body, limit=2)
    second = await recover(house, unit, webhook, body, limit=2, cursor=first["next"])
    last = await recover(house, unit, webhook, body, limit=2, cursor=second["next"])
    assert [each["started"] for each in (first, second, last)] == [2, 2, 1]
    assert last["next"] is None
    await finished(house, unit, webhook, 5)
    assert {each["notice"] for each in await house.log(unit, webhook)} == set(notices)
    path = f"/v1/webhooks/{webhook}/recover"
    other = await house.call(unit, "POST", path, json=window(house), params={"cursor": first["next"]})
    assert (other.status_code, other.json()["code"]) == (400, "cursor-mismatch")
    for limit in (0, 1001):
        answer = await house.call(unit, "POST", path, json=body, params={"limit": limit})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"since": "2026-11-24T00:00:00Z", "until": "2026-11-24T00:00:00Z"}, "until", "window-empty"),
        (
            {"since": "2026-11-24T00:00:00+08:00", "until": "2026-11-23T00:00:00+08:00"},
            "until",
            "window-empty",
        ),
        ({"since": "2026-11-24T00:00:00"}, "since", "timezone-aware"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since", "out-of-range"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "until", "out-of-range"),
    ],
)
async def test_a_time_that_is_none_is_refused(house: House, changes: dict[str, str], field: str, code: str):
    unit = new_unit()
    webhook, _ = await house.webhook(unit, new_path())
    answer = await house.call(unit, "POST", f"/v1/webhooks/{webhook}/recover", json=window(house, **changes))
    assert answer.status_code == 422
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]


async def test_who_switched_itself_off_is_told_of_by_every_other_way(house: House):
    unit, path, other_path, removed_path = new_unit(), new_path(), new_path(), new_path()
    # Takes nothing of this kind; that a unit hears no more by another way concerns it all the same.
    _, other_secret = await house.webhook(unit, other_path, event_types=["minors.*"])
    removed, _ = await house.webhook(unit, removed_path, event_types=["minors.*"])
    await house.call(unit, "DELETE", f"/v1/webhooks/{removed}")
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = 410
    house.receiver.delays[path] = 0.3
    for _ in range(3):  # at once: each is answered 410, and it is told once
        await house.say(unit)
    (received,) = await house.receiver.wait(other_path)
    message = received.verified(other_secret)
    assert message["type"] == DISABLED
    assert message["data"]["title"] == {"zh": "消息推送已停用", "en": "Webhook switched off"}
    await finished(house, unit, webhook, 3)
    notices = await fed(house, unit, 4)
    (notice,) = [each for each in notices if each["type"] == DISABLED]
    assert notice["id"] == message["data"]["id"] == received.id
    assert notice["text"] == message["data"]["text"]
    assert {notice[field] for field in ("matter", "mechanism", "state", "step", "clock", "division")} == {
        None
    }
    assert len(house.receiver.at(other_path)) == 1
    assert not house.receiver.at(removed_path)
    assert DISABLED not in {each["type"] for each in await house.log(unit, webhook)}


async def test_a_webhook_comes_back_and_gets_what_it_missed(house: House):
    unit, path = new_unit(), new_path()
    webhook = await gone(house, unit, path)
    await house.say(unit)
    notices = await fed(house, unit, 3)
    refused = await house.call(unit, "POST", f"/v1/webhooks/{webhook}/recover", json=window(house))
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook-inactive")
    for _ in range(2):  # a second time changes nothing
        enabled = await house.call(unit, "POST", f"/v1/webhooks/{webhook}/enable")
        assert enabled.status_code == 200
        body = enabled.json()
        assert (body["state"], body["disabled_at"], body["disabled_because"]) == ("active", None, None)
    assert len(house.receiver.at(path)) == 1
    await house.say(unit)
    await house.receiver.wait(path, 2)
    # The cancelled one, the one told meanwhile, and that it was off.
    assert (await recover(house, unit, webhook))["started"] == 3
    received = await house.receiver.wait(path, 5)
    assert {each.id for each in received} >= {notice["id"] for notice in notices}


async def test_each_time_that_a_webhook_is_switched_off_is_told(house: House):
    unit, path = new_unit(), new_path()
    webhook = await gone(house, unit, path)
    await house.call(unit, "POST", f"/v1/webhooks/{webhook}/enable")
    house.receiver.answers[path] = 410
    await house.say(unit)
    notices = await fed(house, unit, 4)
    assert [each["type"] for each in notices].count(DISABLED) == 2

    async def off():
        read = await house.call(unit, "GET", f"/v1/webhooks/{webhook}")
        return read.json()["state"] == "disabled"

    await eventually(off)


async def test_an_attempt_of_the_life_before_switches_nothing_off(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = 410
    house.receiver.delays[path] = 1
    await house.say(unit)
    await house.receiver.wait(path)
    # While the attempt is under way another one's 410 came, and the unit has enabled the webhook since.
    stored = house.mongo.database["webhooks"]
    await stored.update_one({"_id": webhook}, {"$set": {"state": "disabled"}})
    enabled = await house.call(unit, "POST", f"/v1/webhooks/{webhook}/enable")
    assert enabled.json()["state"] == "active"
    await finished(house, unit, webhook)
    read = await house.call(unit, "GET", f"/v1/webhooks/{webhook}")
    assert read.json()["state"] == "active"


async def test_an_address_that_has_another_webhook_meanwhile_is_not_enabled(house: House):
    unit, path = new_unit(), new_path()
    webhook = await gone(house, unit, path)

    async def off():
        read = await house.call(unit, "GET", f"/v1/webhooks/{webhook}")
        return read.json()["state"] == "disabled"

    await eventually(off)
    await house.webhook(unit, path)
    answer = await house.call(unit, "POST", f"/v1/webhooks/{webhook}/enable")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook-exists")


async def test_what_others_have_is_neither_recovered_nor_enabled(house: House):
    unit, stranger = new_unit(), new_unit()
    webhook, _ = await house.webhook(unit, new_path())
    for act in ("recover", "enable"):
        answers = [
            await house.call(stranger, "POST", f"/v1/webhooks/{each}/{act}", json=window(house))
            for each in (webhook, uuid.uuid4())
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert answers[0].content == answers[1].content
