"""MongoDB stops or freezes: callers hear it in time, nothing is half done, and everything goes on by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from deploy.local.servers import Servers
from shared.mongo import Mongo
from tests.journeys import canary
from tests.journeys.city import KEEPER, MATTERS, ORGAN, POLICE, City, new_key, until
from tests.journeys.test_transfer import TO_DELIVERY

Call = Callable[[], Awaitable[httpx.Response]]
FAULTS = {"stopped": ("kill", "start"), "frozen": ("pause", "resume")}


async def timed(call: Call) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = await call()
    return answer, time.monotonic() - began


@pytest.mark.parametrize("fault", FAULTS)
async def test_callers_get_503_within_six_seconds_and_the_services_go_on_afterwards(
    city: City, servers: Servers, fault: str
) -> None:
    await servers.mongo.ready()
    matter = await city.walk(*TO_DELIVERY)
    opening, step, new_unit = new_key(), new_key(), f"LY-F-{fault.upper()}"
    unit = {"name": "示例单位", "kind": "other", "division": "410329"}

    def get(path: str, service: str = "referral") -> Call:
        return lambda: city.call(ORGAN, "GET", path, service=service)

    def post(path: str, service: str, **more: Any) -> Call:
        return lambda: city.call(ORGAN, "POST", path, service=service, **more)

    async def open_it() -> httpx.Response:
        return await city.act(ORGAN, "register", key=opening)

    async def step_it() -> httpx.Response:
        return await city.act(POLICE, "sign_receipt", matter, key=step)

    async def put_it() -> httpx.Response:
        return await city.call(
            KEEPER, "PUT", f"/v1/units/{new_unit}", "directory:write", service="notifier", json=unit
        )

    paper = {"content": b"%PDF-1.7\n%%EOF\n", "headers": {"Content-Type": "application/pdf"}}
    calls: dict[str, Call] = {
        "opening": open_it,
        "step": step_it,
        "list": get(MATTERS),
        "read": get(f"{MATTERS}/{matter}"),
        "history": get(f"{MATTERS}/{matter}/history"),
        "verify": get(f"{MATTERS}/{matter}/history/verify"),
        "clocks": get(f"{MATTERS}/{matter}/clocks"),
        "paper": post("/v1/papers", "referral", **paper),
        "paper back": get(f"/v1/papers/{await city.paper(ORGAN)}"),
        "events": get("/v1/events"),
        "unit": put_it,
        "units": get("/v1/units", "notifier"),
        "one unit": get(f"/v1/units/{ORGAN}", "notifier"),
        "feed": get("/v1/feed", "notifier"),
        "webhooks": get("/v1/webhooks", "notifier"),
        "new webhook": post("/v1/webhooks", "notifier", json={"url": f"{city.receiver.url}/{fault}"}),
    }
    break_it, mend_it = (getattr(servers.mongo, name) for name in FAULTS[fault])
    await break_it()
    try:
        first = await asyncio.gather(*map(timed, calls.values()))
        again, ready, alive = await asyncio.gather(
            asyncio.gather(*map(timed, calls.values())), asked(city, "/readyz"), asked(city, "/healthz")
        )
    finally:
        await mend_it()
    for answers in (first, again):
        for name, (answer, seconds) in zip(calls, answers, strict=True):
            assert answer.status_code == 503, (name, answer.text)
            assert answer.json()["code"] == "database-unavailable", name
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
            assert seconds < 6, (name, seconds)
    assert (ready, alive) == ({503}, {200})

    # What had been asked for is asked for again under the same key, and is done once.
    async def accepted() -> list[httpx.Response]:
        answers = await asyncio.gather(open_it(), open_it(), step_it(), step_it())
        return list(answers) if all(answer.is_success for answer in answers) else []

    one, same, taken, same_step = await until(accepted, 30)
    assert (one.json(), taken.json()) == (same.json(), same_step.json())
    assert await counted(city.databases["referral"], opening) == 1
    history = await city.read(ORGAN, f"{MATTERS}/{matter}/history")
    assert [entry["step"] for entry in history["entries"]] == ["register", *TO_DELIVERY, "sign_receipt"]
    assert (await city.read(ORGAN, f"{MATTERS}/{matter}/history/verify"))["intact"]
    opened = await city.read(ORGAN, f"{MATTERS}/{one.json()['matter']}")
    assert (opened["version"], opened["fields"]["facts"]) == (1, canary.TEXT)
    kept = await put_it()
    # It was kept although the answer said 503; or its lease was, which frees itself.
    assert kept.status_code == 201 or kept.json()["code"] in {"if-match-missing", "directory-busy"}, kept.text
    await city.suite.ready()
    await city.settle(60)
    assert all(process.running for process in city.suite.processes)


async def asked(city: City, path: str) -> set[int]:
    """What the processes answer."""
    urls = city.suite.processes.values()
    return {
        answer.status_code for answer in await asyncio.gather(*(city.client.get(url + path) for url in urls))
    }


async def counted(mongo: Mongo, key: str) -> int:
    """How many matters were opened under the key."""
    return await mongo.database["matters"].count_documents({"history.0.key": key})
