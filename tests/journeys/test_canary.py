"""What is said of people stays in the case: not in events, notices, logs, spans, metrics or refusals.

The forms of every step that tests take here, in `faults` and in `contracts` carry the canary too, and each of these
folders looks for it once more at its end.
"""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.journeys import canary, evidence
from tests.journeys.city import KEEPER, MATTERS, ORGAN, POLICE, PROCURATORATE, City, new_key
from tests.journeys.test_transfer import TO_SUPERVISION

LATIN = f"{canary.ID_NUMBER} {canary.PHONE}"  # what a header can carry
WORDS = canary.TEXT


async def test_the_canary_is_where_it_belongs(city: City) -> None:
    matter = await city.walk("name_team")
    history = await city.read(ORGAN, f"{MATTERS}/{matter}/history")
    assert canary.NAME in history["entries"][0]["form"]["facts"]
    assert (await city.read(ORGAN, f"{MATTERS}/{matter}"))["fields"]["facts"] == WORDS
    paper = await city.call(ORGAN, "GET", f"/v1/papers/{await city.paper(ORGAN)}")
    assert canary.NAME.encode() in paper.content
    unit = await city.read(KEEPER, f"/v1/units/{ORGAN}", "directory:write", service="notifier")
    assert canary.ID_NUMBER in unit["contact_points"][0]["address"]


async def test_it_is_found_where_it_stands() -> None:
    """The search that the other tests rely on finds every spelling."""
    spellings = (WORDS, json.dumps(WORDS), f"{WORDS.encode()!r}", f"?q={canary.PHONE}")
    assert all(canary.found([("there", spelling)]) for spelling in spellings)
    assert canary.found([("there", "事项有新进展")]) == []


async def refused(city: City, matter: str) -> list[httpx.Response]:
    """Call in every wrong way that has room for a word."""

    async def call(method: str, path: str, service: str = "referral", **more: Any) -> httpx.Response:
        return await city.call(ORGAN, method, path, "directory:write", service=service, **more)

    async def post(body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await call("POST", MATTERS, content=content, headers=headers)

    async def paper(content: bytes, media_type: str) -> httpx.Response:
        return await call("POST", "/v1/papers", content=content, headers={"Content-Type": media_type})

    async def webhook(**body: Any) -> httpx.Response:
        return await call("POST", "/v1/webhooks", "notifier", json=body)

    report = {**await city.body(ORGAN, "register"), "acted_at": WORDS, WORDS: WORDS}
    step = f"{MATTERS}/{matter}/steps"
    keyed = {"Idempotency-Key": new_key()}
    unit = {"name": WORDS, "kind": WORDS, "division": canary.PHONE, "uscc": canary.ID_NUMBER}
    contact = {"role": WORDS, "address": WORDS, WORDS: WORDS}
    return [
        await post(report),
        await post(report, Idempotency_Key=LATIN),
        await post([WORDS], **keyed),
        await post(f'{{"form": "{WORDS}'.encode(), **keyed),
        await post(report, Content_Type=f"text/{canary.PHONE}", **keyed),
        await city.act(
            ORGAN, "register", form={"case_type": WORDS, "facts": None, "evidence": [WORDS] * 300}
        ),
        await city.act(ORGAN, "register", form={"seized_goods": [{"name": WORDS, WORDS: 1}]}),
        await city.act(ORGAN, "register", division=canary.PHONE),
        await city.act(ORGAN, "register", links=[{"rel": WORDS, "matter": canary.ID_NUMBER}]),
        await city.act(ORGAN, "deliver", matter, parties={"police": canary.ID_NUMBER}),
        await city.act(ORGAN, "deliver", matter, papers={"transfer_letter": [WORDS]}),
        await city.act(ORGAN, "name_team", matter, form={"officers": [canary.ID_NUMBER, WORDS]}),
        await city.act(ORGAN, "name_team", canary.ID_NUMBER),
        await city.act(PROCURATORATE, "name_team", matter),
        await call("POST", f"{step}/{WORDS}", json={}),
        await call("POST", f"{step}/file", json={}, headers={**keyed, "If-Match": LATIN}),
        await call("GET", MATTERS, params={"state": WORDS, "party": WORDS, WORDS: WORDS}),
        await call("GET", MATTERS, params={"cursor": base64.urlsafe_b64encode(WORDS.encode()).decode()}),
        await call("GET", f"{MATTERS}/{matter}/history/{WORDS}"),
        await call("GET", f"/v1/{WORDS}"),
        await call("PATCH", f"/v1/mechanisms/{WORDS}"),
        await call("GET", f"/v1/mechanisms/{WORDS}"),
        await paper(canary.PAPER, f"image/{canary.PHONE}"),
        await paper(canary.PAPER, "image/png"),
        await paper(WORDS.encode(), "application/pdf"),
        await call("GET", MATTERS, headers={"Authorization": f"Bearer {LATIN}"}),
        await call("GET", MATTERS, headers={"Authorization": f"Bearer {unsigned()}"}),
        await call("GET", MATTERS, headers={"Authorization": f"Basic {LATIN}"}),
        await city.call(canary.ID_NUMBER, "GET", MATTERS),
        await call("GET", f"/v1/units/{WORDS}", "notifier"),
        await call("PUT", "/v1/units/LY-X-1", "notifier", json={**unit, "contact_points": [contact]}),
        await call("GET", "/v1/feed", "notifier", params={"after": WORDS}),
        await webhook(url=f"ftp://{canary.PHONE}/", **{WORDS: 1}),
        await webhook(url=f"http://{canary.PHONE}.example/", event_types=[WORDS]),
    ]


async def test_no_refusal_repeats_it_and_no_trace_of_it_is_left(city: City) -> None:
    then = city.ago(hours=2)
    matter = await city.walk(*TO_SUPERVISION, acted_at=then)
    correction = {"entry": 6, "acted_at": then, "reason": WORDS, "proof": [await city.paper(POLICE)]}
    headers = {"Idempotency-Key": new_key()}
    path = f"{MATTERS}/{matter}/corrections"
    answer = await city.call(POLICE, "POST", path, json=correction, headers=headers)
    assert answer.is_success, answer.text
    for answer in await refused(city, matter):
        assert answer.headers["content-type"] == "application/problem+json"
        assert 400 <= answer.status_code < 500
    # A method that nobody knows ends at the HTTP parser, before there is an application to answer it.
    assert (await city.call(ORGAN, canary.ID_NUMBER, MATTERS)).text == "Invalid HTTP request received."
    rows = f"LY-X-2,{WORDS},{WORDS},410329,{canary.ID_NUMBER},{WORDS}\n{WORDS},,,,,\n"
    report = await city.import_roster(f"code,name,kind,division,uscc,contact_points\n{rows}")
    assert report["refused"] == 2
    headers = {
        "traceparent": LATIN,
        "tracestate": f"a={canary.PHONE}",
        "User-Agent": LATIN,
        "X-Request-Id": LATIN,
    }
    assert (await city.call(ORGAN, "GET", f"{MATTERS}/{matter}", headers=headers)).is_success
    await city.settle()
    texts = [*await evidence.texts(city), ("report", json.dumps(report, ensure_ascii=False))]
    places = {place for place, _ in texts}
    written = {f"{service}-{process}" for service in city.suite.services for process in ("api", "worker")}
    assert {
        "refusal",
        "event",
        "webhook",
        *(f"{each}.log" for each in written),
        *(f"{each}.jsonl" for each in written),
    } <= places
    assert canary.found(texts) == []


def unsigned() -> str:
    """A token that says whose it is and proves nothing."""
    claims = {"iss": canary.TEXT, "sub": canary.ID_NUMBER, "unit": canary.NAME, "exp": 2**33}
    parts = [{"alg": "none", "kid": canary.PHONE}, claims]
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
        + "."
    )


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
async def test_what_needs_no_token_says_nothing_of_it(city: City, path: str) -> None:
    for url in city.suite.processes.values():
        answer = await city.client.get(url + path, params={"q": WORDS})
        assert canary.found([(path, answer.text)]) == []
