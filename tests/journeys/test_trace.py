"""One trace shows the way of a step: request, outbox, broker, consumer, webhook."""

import json
from typing import Any

from tests.journeys.city import MATTERS, ORGAN, POLICE, City, until
from tests.journeys.test_transfer import TO_DELIVERY

WAY = [
    ("referral", "server", f"POST {MATTERS}/{{matter}}/steps/deliver"),
    ("referral", "internal", "take step"),
    ("referral", "producer", "publish referral.forward_transfer.delivered"),
    ("notifier", "consumer", "consume referral.forward_transfer.delivered"),
    ("notifier", "client", "webhook deliver"),
]


def spans(city: City) -> dict[str, dict[str, Any]]:
    """What the processes exported, by span id; the line being written is left out."""
    lines = (
        line
        for file in (city.folder / "traces").iterdir()
        for line in file.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    )
    return {span["span_id"]: span for span in map(json.loads, lines)}


async def test_one_trace_leads_from_the_request_to_the_webhook(city: City) -> None:
    before = len(city.receiver.at(f"/{POLICE}"))
    matter = await city.walk(*TO_DELIVERY[:-1])
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    answer = await city.call(
        ORGAN,
        "POST",
        f"{MATTERS}/{matter}/steps/deliver",
        json=await city.body(ORGAN, "deliver"),
        headers={"Idempotency-Key": "traced", "traceparent": caller, "tracestate": "vendor=text"},
    )
    assert answer.status_code == 200, answer.text
    received = (await city.receiver.wait(f"/{POLICE}", before + 1))[-1]
    _, trace, parent, _ = received.headers["traceparent"].split("-")

    async def exported() -> dict[str, Any] | None:
        return spans(city).get(parent)

    found = await until(exported)
    way = []
    while found is not None:
        assert found["trace_id"] == trace
        way.append((found["service"], found["kind"], found["name"]))
        top, found = found, spans(city).get(found["parent_id"])
    assert way[::-1] == WAY
    # The caller's own span stands above ours, and its wish not to be traced does not hide what we did.
    assert (trace, top["parent_id"]) == tuple(caller.split("-")[1:3])
    assert top["attributes"]["http.route"] == f"{MATTERS}/{{matter}}/steps/deliver"
    assert "tracestate" not in received.headers
    # Whoever is told of the step besides is told in the same trace.
    others = [span for span in spans(city).values() if span["trace_id"] == trace]
    assert {span["name"] for span in others} == {name for *_, name in WAY}


async def test_what_time_brings_about_is_a_trace_too(city: City) -> None:
    matter = await city.walk(*TO_DELIVERY, "sign_receipt", acted_at=city.ago(days=30))

    async def told() -> list[str]:
        return [
            each.headers["traceparent"].split("-")[1]
            for each in city.receiver.at(f"/{POLICE}")
            if json.loads(each.body)["data"]["matter"] == matter
            and json.loads(each.body)["type"].endswith("duty_missed")
        ]

    (trace,) = await until(told)
    names = {span["name"] for span in spans(city).values() if span["trace_id"] == trace}
    assert {"tell time", "publish referral.forward_transfer.duty_missed"} <= names
