"""Notices on their way to a department's receiver: signed, tried again, and never silent when they fail."""

import asyncio
import json
import time
import uuid

import pytest
from standardwebhooks.webhooks import WebhookVerificationError
from starlette.responses import Response

from tests.services.notifier.house import House, eventually, new_unit, step_event
from tests.services.notifier.receiver import endless, payload

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def new_path() -> str:
    return f"/{uuid.uuid4().hex}"


async def finished(house: House, unit: str, webhook: str, count: int = 1):
    """The delivery log of a webhook once so many deliveries are final."""

    async def final():
        log = await house.log(unit, webhook)
        return len([each for each in log if each["state"] != "pending"]) >= count and log

    return await eventually(final)


async def test_an_event_reaches_the_receiver_signed_thin_and_in_neutral_words(house: House):
    unit, path = new_unit(), new_path()
    webhook, secret = await house.webhook(unit, path)
    event = await house.say(unit)
    (received,) = await house.receiver.wait(path)
    message = received.verified(secret)
    with pytest.raises(WebhookVerificationError):
        received.verified("whsec_" + "A" * 44)
    assert message["type"] == event.type
    assert received.headers["content-type"] == "application/json"
    data = message["data"]
    assert data["id"] == received.id
    text = data.pop("text")
    assert text["zh"].endswith("请登录系统查看")
    assert "“移交涉案物品和其他案卷材料”期限至 2026-12-01 24:00" in text["zh"]
    assert data.pop("title") == {
        "zh": "涉嫌犯罪案件移送：立案",
        "en": "Transfer of a suspected crime: filed",
    }
    assert data == {
        "id": received.id,
        "unit": unit,
        "type": event.type,
        "time": event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": event.id,
        "matter": event.subject,
        "mechanism": "forward_transfer",
        "state": "filed",
        "step": "file",
        "clock": "handover",
        "due_at": "2026-12-01T16:00:00.000Z",
        "moved": [],
        "division": "410303",
    }
    (delivery,) = await finished(house, unit, webhook)
    assert delivery["state"] == "delivered"
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["error"]) == (204, None)
    assert attempt["digest"].startswith("sha256:")


async def test_every_unit_told_gets_its_own_notice_and_others_none(house: House):
    one, two, other = new_unit(), new_unit(), new_unit()
    paths = {unit: new_path() for unit in (one, two, other)}
    for unit, path in paths.items():
        await house.webhook(unit, path)
    await house.say(one, two)
    first = (await house.receiver.wait(paths[one]))[0]
    second = (await house.receiver.wait(paths[two]))[0]
    assert first.id != second.id
    assert payload(second)["data"]["clock"] is None  # it runs on the first unit
    assert not house.receiver.at(paths[other])


async def test_an_event_that_arrives_twice_becomes_one_notice(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    event = step_event(unit)
    for _ in range(3):
        await house.bus.publish(event)
    # Events of one matter are heard in order, so the three are through when this one is.
    last = await house.say(unit, subject=event.subject)
    await finished(house, unit, webhook, 2)

    async def told():
        return any(each["event"] == last.id for each in await house.feed(unit))

    await eventually(told)
    assert len(await house.feed(unit)) == 2
    assert len(await house.log(unit, webhook)) == 2
    assert len(house.receiver.at(path)) == 2


@pytest.mark.parametrize("trouble", [500, 302, 404, 429])
async def test_a_refused_notice_is_tried_again_with_the_same_id(house: House, trouble: int):
    unit, path = new_unit(), new_path()
    webhook, secret = await house.webhook(unit, path)
    answers = iter([trouble, trouble, 200])
    house.receiver.answers[path] = lambda _: next(answers)
    await house.say(unit)
    received = await house.receiver.wait(path, 3)
    assert len({each.id for each in received}) == 1
    assert len({each.body for each in received}) == 1
    for each in received:
        each.verified(secret)
    assert received[1].at - received[0].at >= 0.19
    assert received[2].at - received[1].at >= 0.39
    (delivery,) = await finished(house, unit, webhook)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [trouble, trouble, 200]


async def test_a_redirect_is_not_followed(house: House):
    unit, path, elsewhere = new_unit(), new_path(), new_path()
    webhook, _ = await house.webhook(unit, path)
    to = house.receiver.url + elsewhere
    house.receiver.answers[path] = lambda _: Response(status_code=307, headers={"Location": to})
    await house.say(unit)
    (delivery,) = await finished(house, unit, webhook)
    assert {attempt["error"] for attempt in delivery["attempts"]} == {"redirect-not-followed"}
    assert not house.receiver.at(elsewhere)


async def test_a_receiver_that_hangs_is_left_after_the_time_for_an_attempt(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    house.receiver.delays[path] = 60
    await house.say(unit)
    await house.receiver.wait(path)
    house.receiver.delays[path] = 0
    (delivery,) = await finished(house, unit, webhook)
    assert [attempt["error"] for attempt in delivery["attempts"]] == ["timeout", None]
    assert delivery["attempts"][0]["seconds"] == pytest.approx(2, abs=0.5)


async def test_of_an_endless_answer_a_little_is_read(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = endless
    await house.say(unit)
    (delivery,) = await finished(house, unit, webhook)
    assert delivery["state"] == "delivered"
    assert delivery["attempts"][0]["seconds"] < 1.5


async def test_a_receiver_may_ask_for_more_time(house: House):
    unit, path = new_unit(), new_path()
    await house.webhook(unit, path)
    answers = iter([Response(status_code=503, headers={"Retry-After": "2"}), Response()])
    house.receiver.answers[path] = lambda _: next(answers)
    await house.say(unit)
    first, second = await house.receiver.wait(path, 2)
    assert second.at - first.at >= 1.9


async def test_a_delivery_given_up_is_shown_logged_and_counted(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = 500
    await house.say(unit)
    (delivery,) = await finished(house, unit, webhook)
    assert (delivery["state"], delivery["next_at"], len(delivery["attempts"])) == ("exhausted", None, 4)
    lines = [json.loads(line) for line in house.logs().splitlines() if delivery["id"] in line]
    assert [line["level"] for line in lines] == ["error"]
    metrics = await house.client.get(house.suite.services["notifier"].worker_url + "/metrics")
    assert 'liandong_delivery_attempts_total{channel="webhook",outcome="exhausted"}' in metrics.text


async def test_gone_disables_the_webhook_loudly_and_nothing_more_is_sent(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = 410
    await house.say(unit)
    (delivery,) = await finished(house, unit, webhook)
    assert (delivery["state"], len(delivery["attempts"])) == ("cancelled", 1)
    read = (await house.call(unit, "GET", f"/v1/webhooks/{webhook}")).json()
    assert (read["state"], read["disabled_because"]) == ("disabled", "gone")
    assert any(webhook in line and '"error"' in line for line in house.logs().splitlines())
    metrics = await house.client.get(house.suite.services["notifier"].worker_url + "/metrics")
    assert "liandong_webhooks_disabled_total" in metrics.text
    await house.say(unit)

    async def told():
        return len(await house.feed(unit)) == 3

    await eventually(told)  # the feed goes on, and says what happened to the webhook
    assert len(house.receiver.at(path)) == 1
    resent = await house.call(unit, "POST", f"/v1/deliveries/{delivery['id']}/resend")
    assert (resent.status_code, resent.json()["code"]) == (409, "webhook-inactive")


async def test_while_secrets_rotate_either_verifies(house: House):
    unit, path = new_unit(), new_path()
    webhook, old = await house.webhook(unit, path)
    rotated = await house.call(unit, "POST", f"/v1/webhooks/{webhook}/rotate-secret")
    new = rotated.json()["secret"]
    assert rotated.status_code == 200
    assert rotated.json()["old_secret_until"] is not None
    assert new != old
    await house.say(unit)
    (received,) = await house.receiver.wait(path)
    assert received.headers["webhook-signature"].count("v1,") == 2
    received.verified(old)
    received.verified(new)
    # A day later the old one is over.
    yesterday = {"$set": {"old_secret_until": house.mongo.clock.now()}}
    await house.mongo.database["webhooks"].update_one({"_id": webhook}, yesterday)
    await house.say(unit)
    _, received = await house.receiver.wait(path, 2)
    received.verified(new)
    with pytest.raises(WebhookVerificationError):
        received.verified(old)


async def test_secrets_are_shown_once_and_kept_sealed(house: House):
    unit = new_unit()
    webhook, secret = await house.webhook(unit, new_path())
    read = await house.call(unit, "GET", f"/v1/webhooks/{webhook}")
    listed = await house.call(unit, "GET", "/v1/webhooks")
    assert "secret" not in read.json()
    assert secret not in read.text + listed.text + house.logs()
    document = await house.mongo.database["webhooks"].find_one({"_id": webhook})
    assert secret not in str(document)


async def test_the_webhooks_of_others_do_not_exist(house: House):
    unit, stranger, path = new_unit(), new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    await house.say(unit)
    (delivery,) = await finished(house, unit, webhook)
    random = uuid.uuid4()
    for method, place in (
        ("GET", "/v1/webhooks/{}"),
        ("DELETE", "/v1/webhooks/{}"),
        ("POST", "/v1/webhooks/{}/rotate-secret"),
        ("POST", "/v1/webhooks/{}/test"),
        ("POST", "/v1/webhooks/{}/enable"),
        ("GET", "/v1/webhooks/{}/deliveries"),
        ("POST", "/v1/deliveries/{}/resend"),
        ("GET", "/v1/notices/{}"),
    ):
        own = {"deliveries/{}/resend": delivery["id"], "notices/{}": delivery["notice"]}
        name = next((value for part, value in own.items() if place.endswith(part)), webhook)
        answer = await house.call(stranger, method, place.format(name))
        nothing = await house.call(stranger, method, place.format(random))
        assert answer.status_code == 404, place
        assert answer.content == nothing.content
    assert (await house.call(stranger, "GET", "/v1/webhooks")).json() == {"items": []}
    assert (await house.feed(stranger)) == []


async def test_a_test_message_goes_to_one_webhook_and_is_in_the_log(house: House):
    unit, path, other = new_unit(), new_path(), new_path()
    webhook, secret = await house.webhook(unit, path, event_types=["minors.*"])
    await house.webhook(unit, other)
    answer = await house.call(unit, "POST", f"/v1/webhooks/{webhook}/test")
    assert answer.status_code == 202
    (received,) = await house.receiver.wait(path)
    assert received.verified(secret)["type"] == "notifier.webhook.tested"
    (delivery,) = await finished(house, unit, webhook)
    assert delivery["id"] == answer.json()["delivery"]
    assert not house.receiver.at(other)


async def test_a_delivery_is_resent_with_the_same_id(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = 500
    await house.say(unit)
    (delivery,) = await finished(house, unit, webhook)
    house.receiver.answers[path] = 200
    answer = await house.call(unit, "POST", f"/v1/deliveries/{delivery['id']}/resend")
    assert answer.status_code == 202
    received = await house.receiver.wait(path, 5)
    assert len({each.id for each in received}) == 1
    (delivery,) = await finished(house, unit, webhook)
    assert (delivery["state"], len(delivery["attempts"])) == ("delivered", 5)


async def test_a_webhook_takes_only_the_types_it_asked_for(house: House):
    unit, all_path, some_path = new_unit(), new_path(), new_path()
    await house.webhook(unit, all_path)
    webhook, _ = await house.webhook(unit, some_path, event_types=["referral.forward_transfer.withdrawn"])
    await house.say(unit)
    await house.say(unit, said="withdrawn")
    await house.receiver.wait(all_path, 2)
    (delivery,) = await finished(house, unit, webhook)
    assert delivery["type"] == "referral.forward_transfer.withdrawn"


async def test_a_removed_webhook_is_told_nothing_more(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    house.receiver.answers[path] = 500
    await house.say(unit)
    await house.receiver.wait(path)
    assert (await house.call(unit, "DELETE", f"/v1/webhooks/{webhook}")).status_code == 204
    assert (await house.call(unit, "GET", f"/v1/webhooks/{webhook}")).status_code == 404
    await asyncio.sleep(0.1)
    count = len(house.receiver.at(path))
    await asyncio.sleep(2)
    assert len(house.receiver.at(path)) == count
    webhook, _ = await house.webhook(unit, path)  # the address is free again


async def test_an_address_has_one_webhook_of_a_unit(house: House):
    unit, path = new_unit(), new_path()
    await house.webhook(unit, path)
    again = await house.call(unit, "POST", "/v1/webhooks", json={"url": house.receiver.url + path})
    assert (again.status_code, again.json()["code"]) == (409, "webhook-exists")
    await house.webhook(new_unit(), path)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://receiver.example/", "url-invalid"),
        ("http://user:pass@127.0.0.1/", "url-invalid"),
        ("http://10.0.0.7/hook", "address-refused"),
        ("https://192.168.1.1/", "address-refused"),
        ("http://169.254.169.254/latest/meta-data/", "address-refused"),
        ("http://[::1]/", "address-refused"),
        ("http://[::ffff:10.0.0.7]/", "address-refused"),
        ("http://[64:ff9b::a9fe:a9fe]/", "address-refused"),
        ("http://0/", "address-refused"),
        ("http://100.100.100.200/", "address-refused"),
        ("http://167772167/", "address-refused"),  # 10.0.0.7 as one number
        ("http://114.114.114.114/", "address-refused"),  # the public internet is for https
    ],
)
async def test_an_address_outside_the_allowed_networks_is_refused(house: House, url: str, code: str):
    answer = await house.call(new_unit(), "POST", "/v1/webhooks", json={"url": url})
    assert answer.status_code == 422
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [("url", code)]


async def test_a_name_that_leads_elsewhere_later_is_refused_at_the_attempt(house: House):
    unit, path = new_unit(), new_path()
    webhook, _ = await house.webhook(unit, path)
    # As if the name had been bound anew since: what is kept now leads to a forbidden network.
    inward = {"$set": {"url": "http://10.0.0.7:80/hook"}}
    await house.mongo.database["webhooks"].update_one({"_id": webhook}, inward)
    await house.say(unit)
    (delivery,) = await finished(house, unit, webhook)
    assert {attempt["error"] for attempt in delivery["attempts"]} == {"address-refused"}


async def test_a_dead_endpoint_slows_no_other(house: House):
    dead, dead_path = new_unit(), new_path()
    await house.webhook(dead, dead_path)
    house.receiver.delays[dead_path] = 60
    for _ in range(60):
        await house.say(dead)
    await house.receiver.wait(dead_path, 4)
    live, path = new_unit(), new_path()
    await house.webhook(live, path)
    began = time.monotonic()
    for number in range(1, 6):
        await house.say(live)
        await house.receiver.wait(path, number)
    assert time.monotonic() - began < 4
    house.receiver.delays[dead_path] = 0


async def test_one_trace_leads_from_the_event_to_the_receiver(house: House):
    unit, path = new_unit(), new_path()
    await house.webhook(unit, path)
    await house.say(unit, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    (received,) = await house.receiver.wait(path)
    _, trace, parent, _ = received.headers["traceparent"].split("-")
    assert trace == TRACE

    async def delivered():
        return [span for span in house.spans() if span["span_id"] == parent]

    (span,) = await eventually(delivered)
    assert (span["name"], span["trace_id"]) == ("webhook deliver", TRACE)
    consumer = [each for each in house.spans() if each["span_id"] == span["parent_id"]]
    assert consumer
    assert consumer[0]["trace_id"] == TRACE


async def test_what_is_told_of_one_matter_arrives_in_order(house: House):
    unit, path = new_unit(), new_path()
    await house.webhook(unit, path)
    house.receiver.delays[path] = 0.1
    first = await house.say(unit)
    events = [first.id] + [(await house.say(unit, subject=first.subject)).id for _ in range(5)]
    received = await house.receiver.wait(path, 6)
    assert [payload(each)["data"]["event"] for each in received] == events
