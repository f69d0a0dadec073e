"""Every refusal is a problem document with a stable code, and quotes nothing."""

import asyncio
import io
import json
import logging
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from shared import logs, tracing
from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.http.problems import ProblemDocument

CANARY = "张三丰410305199001011234"


def _problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    ProblemDocument.model_validate(document)
    assert document["code"] == code
    assert document["type"] == f"urn:liandong:problem:{code}"
    assert document["status"] == status
    assert document["title"]
    assert "instance" not in document
    return document


async def _post(service: Any, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", "Idempotency-Key": "k1"} | headers
    answer: httpx.Response = await service.client.post("/v1/things", content=content, headers=given)
    return answer


async def test_a_good_body_is_taken(service):
    answer = await _post(service, {"form": {"amount": 3, "seized": {"kind": "cash", "amount": 3}}})
    assert answer.status_code == 201


async def test_a_wrong_body_names_every_field_with_a_code(service):
    body = {"form": {"seized": {"kind": "goods", "pieces": -1}, "found_on": "yesterday"}, "parties": {"a": 1}}
    document = _problem(await _post(service, body), 422, "validation")
    found = {error["field"]: error["code"] for error in document["errors"]}
    assert found == {
        "form.amount": "missing",
        "form.seized.goods.pieces": "greater-than",
        "form.found_on": "date-from-datetime-parsing",
        "parties.a": "string-type",
    }


async def test_a_rule_of_ours_speaks_through_its_code(service):
    document = _problem(await _post(service, {"form": {"amount": 1, "code": "ab"}}), 422, "validation")
    assert document["errors"] == [
        {"field": "form.code", "code": "code-check", "message": "The check character does not fit"}
    ]


async def test_wrong_parameters_are_named(service):
    document = _problem(await service.client.get("/v1/things?limit=201"), 422, "validation")
    assert [(error["field"], error["code"]) for error in document["errors"]] == [("limit", "less-than-equal")]
    document = _problem(await service.client.get(f"/v1/things/{CANARY}"), 422, "validation")
    assert [error["field"] for error in document["errors"]] == ["thing_id"]


WRONG = [
    {"form": {"amount": CANARY}},
    {"form": {"amount": 1, CANARY: 1}},
    {"form": {"amount": 1, "canary_given_name": 1}},
    {"form": {"amount": 1, "seized": {"kind": CANARY}}},
    {"form": {"amount": 1, "found_on": CANARY}},
    {"form": {"amount": 1, "paper": CANARY}},
    {"form": {"amount": 1, "phone": CANARY}},
    {"form": {"amount": 1, "code": CANARY.lower() * 3}},
    {"form": {"amount": 1}, "parties": {CANARY: 1}},
    {"form": CANARY},
    [CANARY],
    CANARY,
    f'{{"form": {CANARY}'.encode(),
    CANARY.encode("gbk"),
]


@pytest.fixture
def log() -> Any:
    """What the process would write to its log meanwhile."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.setup("things", "DEBUG")
    written = io.StringIO()
    root.handlers[0].setStream(written)  # type: ignore[attr-defined]
    yield written
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def spans(tmp_path: Path) -> Any:
    """The file of spans written meanwhile."""
    file = tmp_path / "spans"
    started = tracing.setup("things", file=str(file))
    yield file
    started.close()


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
async def test_nothing_of_the_input_is_answered_logged_or_traced(service, log, spans, body):
    answer = await _post(service, body)
    assert answer.status_code in {400, 422}
    _problem(answer, answer.status_code, answer.json()["code"])
    seen = answer.text + str(answer.headers) + log.getvalue() + spans.read_text()
    for part in (CANARY, CANARY.lower(), "张", "410305", "canary", json.dumps(CANARY)[1:-1]):
        assert part not in seen


async def test_the_servers_span_shows_the_route_and_nothing_a_caller_can_write(service, spans):
    trace = "0af7651916cd43dd8448eb211c80319c"
    await service.client.get(
        f"/v1/things/{uuid.UUID(int=5)}?who={CANARY}",
        headers={
            "Host": "canary.example",
            "traceparent": f"00-{trace}-b7ad6b7169203331-00",
            "tracestate": "who=canary",
            "baggage": "who=canary",
        },
    )
    await service.client.request("CANARY", f"/{CANARY}")
    await service.client.get("/healthz")
    first, second = map(json.loads, spans.read_text().splitlines())
    assert first["name"] == "GET /v1/things/{thing_id}"
    assert first["attributes"]["http.route"] == "/v1/things/{thing_id}"
    assert first["attributes"]["http.response.status_code"] == 404
    assert (first["trace_id"], first["parent_id"]) == (trace, "b7ad6b7169203331")
    assert "canary" not in json.dumps([first, second]).lower()
    assert "00000000-0000" not in json.dumps(first)


async def test_malformed_json_is_not_a_validation_error(service):
    for body in (b"{", b'{"form":', b"\xff\xfe", b"[" * 900):
        answer = await _post(service, body)
        assert answer.status_code == 400
        _problem(answer, 400, answer.json()["code"])
    _problem(await _post(service, b"{"), 400, "json-malformed")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", ""])
async def test_a_body_of_another_type_is_refused(service, media_type):
    headers = {"Content-Type": media_type}
    _problem(await _post(service, {"form": {"amount": 1}}, **headers), 415, "media-type-unsupported")


async def test_a_body_over_the_limit_is_refused_whether_declared_or_streamed(service):
    big = json.dumps({"form": {"amount": 1}, "parties": {"a": "x" * 3000}}).encode()
    assert _problem(await _post(service, big), 413, "body-too-large")["limit"] == 2000

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 100):
            yield big[start : start + 100]

    answer = await service.client.post(
        "/v1/things",
        content=pieces(),
        headers={"Content-Type": "application/json", "Idempotency-Key": "k"},
    )
    _problem(answer, 413, "body-too-large")


async def test_a_body_declared_over_the_limit_is_refused_before_it_arrives(service):
    arrives = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        await arrives.wait()
        yield b"{}"

    headers = {"Content-Type": "application/json", "Idempotency-Key": "k", "Content-Length": "3000"}
    async with asyncio.timeout(2):
        answer = await service.client.post("/v1/things", content=pieces(), headers=headers)
    _problem(answer, 413, "body-too-large")


async def test_what_is_missing_and_what_is_not_yours_look_the_same(service):
    own = await service.client.get(f"/v1/things/{uuid.UUID(int=1)}")
    assert own.status_code == 200
    foreign = await service.client.get(f"/v1/things/{uuid.UUID(int=2)}")
    missing = await service.client.get(f"/v1/things/{uuid.uuid4()}")
    nowhere = await service.client.get("/v1/nothing")
    _problem(foreign, 404, "not-found")
    assert foreign.content == missing.content == nowhere.content
    assert foreign.headers == missing.headers == nowhere.headers


async def test_a_method_that_is_not_offered_is_a_problem(service):
    answer = await service.client.patch("/v1/things")
    _problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"


async def test_a_trailing_slash_is_not_redirected(service):
    _problem(await service.client.get("/v1/things/"), 404, "not-found")


async def test_a_database_that_is_away_asks_to_come_back(service):
    answer = await service.client.get("/away")
    _problem(answer, 503, "database-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "canary" not in answer.text


async def test_a_fault_of_ours_shows_a_trace_id_and_no_detail(service, log, spans):
    answer = await service.client.get("/fault")
    document = _problem(answer, 500, "internal")
    line = json.loads(log.getvalue())
    assert line["trace_id"] == document["trace_id"] == json.loads(spans.read_text())["trace_id"]
    assert "builtins.ValueError" in line["exc_info"]
    assert "canary" not in answer.text + log.getvalue() + spans.read_text()


async def test_a_fault_in_the_middle_of_an_answer_leaves_it_unfinished(log):
    router = APIRouter()

    @router.get("/cut")
    async def cut() -> AsyncIterator[str]:
        yield "one"
        raise ValueError("canary")

    app = create_app(
        title="t", description="d", version="1", routers=[router], readiness=Readiness({}), body_limit=9
    )
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": "/cut", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert not any(
        message["type"] == "http.response.body" and not message.get("more_body") for message in messages
    )
    assert "canary" not in log.getvalue()


async def test_every_answer_forbids_storing_and_sniffing(service):
    for path in (f"/v1/things/{uuid.UUID(int=1)}", "/nowhere", "/fault"):
        answer = await service.client.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
