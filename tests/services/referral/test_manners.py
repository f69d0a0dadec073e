"""Bad input and foreign eyes: each gets its own problem, and nothing is written."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.http.paging import MAX_LIMIT
from tests.services.referral.desk import (
    CITY_PROCURATORATE,
    FAR_PROCURATORATE,
    ORGAN,
    OTHER_ORGAN,
    OTHER_POLICE,
    PDF,
    POLICE,
    PROCURATORATE,
    SCOPES,
    TRANSFER,
    Desk,
    new_key,
    text_of,
    unit_event,
)

PATH = "/v1/forward-transfers"
NOWHERE = "00000000-0000-4000-8000-000000000000"


async def counted(desk: Desk) -> tuple[int, int]:
    """Return how many matters there are, and how many entries they hold."""
    found = await desk.store.matters.collection.find({}, {"version": 1}).to_list(None)
    return len(found), sum(each["version"] for each in found)


def refused(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:liandong:problem:{code}"
    if field is not None:
        assert field in {error["field"] for error in problem["errors"]}, problem
    return problem


OPENINGS = [
    ({"form": {"facts": "", "suspected_charge": "罪", "evidence": ["笔录"]}}, "validation", "form.facts"),
    ({"form": {"suspected_charge": "罪", "evidence": ["笔录"]}}, "validation", "form.facts"),
    ({"form": {"facts": "事", "suspected_charge": "罪", "evidence": []}}, "validation", "form.evidence"),
    ({"form": {"facts": "事", "suspected_charge": "罪", "evidence": ["录"], "amount_fen": -1}}, "validation", "form.amount_fen"),  # noqa: E501
    ({"form": {"facts": "事", "suspected_charge": "罪", "evidence": ["录"], "case_type": "grave"}}, "validation", "form.case_type"),  # noqa: E501
    ({"acted_at": "2026-11-23T10:00:00"}, "validation", "acted_at"),
    ({"acted_at": "2199-01-01T00:00:00+08:00"}, "act-in-future", "acted_at"),
    ({"acted_at": "1999-01-01T00:00:00+08:00"}, "act-before-history", "acted_at"),
    ({"division": "410381"}, "division-unknown", "division"),
    ({"division": "999999"}, "division-unknown", "division"),
    ({"division": "41032"}, "validation", "division"),
    ({"colour": "red"}, "validation", "*"),
    ({"links": [{"rel": "spawned_from", "matter": "7"}]}, "validation", "links.0.matter"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "field"), OPENINGS, ids=[f"{c}:{f}:{i}" for i, (_, c, f) in enumerate(OPENINGS)]
)
async def test_an_opening_with_this_fault_is_refused(
    desk: Desk, changes: dict[str, Any], code: str, field: str
) -> None:
    before = await counted(desk)
    body = await desk.body(ORGAN, TRANSFER.opening) | changes
    refused(await desk.post(ORGAN, PATH, body), 422, code, field)
    assert await counted(desk) == before


async def test_a_unit_of_another_kind_opens_nothing(desk: Desk) -> None:
    before = await counted(desk)
    refused(await desk.post(POLICE, PATH, await desk.body(POLICE, TRANSFER.opening)), 403, "not-your-step")
    refused(await desk.post("LY-XX-999", PATH, await desk.body(ORGAN, TRANSFER.opening)), 403, "unit-unknown")
    assert await counted(desk) == before


async def test_a_unit_that_was_closed_may_do_nothing_any_more(desk: Desk) -> None:
    await desk.store.directory.hear(unit_event("LY-SC-009", "administrative_organ", "410329"))
    closed = unit_event("LY-SC-009", "administrative_organ", "410329", version=2)
    closed_data = {**closed.data, "active": False}
    await desk.store.directory.hear(type(closed)(**{**_fields(closed), "data": closed_data}))
    refused(await desk.post("LY-SC-009", PATH, await desk.body(ORGAN, TRANSFER.opening)), 403, "unit-unknown")


def _fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


async def test_missing_papers_are_named_and_the_receivers_clock_does_not_start(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team", "submit_report", "approve")
    body = await desk.body(ORGAN, TRANSFER.step_by_key["deliver"])
    del body["papers"]["item_list"]
    body["papers"]["other_material"] = []
    problem = refused(await desk.post(ORGAN, f"{PATH}/{matter}/steps/deliver", body), 422, "validation")
    assert {"papers.item_list", "papers.other_material"} == {error["field"] for error in problem["errors"]}
    view = await desk.read(matter)
    assert view["state"]["key"] == "approved"
    assert "police" not in view["parties"]


async def test_a_paper_that_the_unit_did_not_send_in_is_refused(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team")
    path = f"{PATH}/{matter}/steps/submit_report"
    foreign = {"papers": {"written_report": [await desk.paper(OTHER_ORGAN)]}}
    refused(await desk.post(ORGAN, path, foreign), 422, "paper-unknown", "papers.written_report.0")
    refused(await desk.post(ORGAN, path, {"papers": {"written_report": [NOWHERE]}}), 422, "paper-unknown")
    refused(await desk.post(ORGAN, path, {"papers": {"poem": [NOWHERE]}}), 422, "validation")


@pytest.mark.parametrize(
    ("code", "expected"),
    [("LY-XX-404", "unit-unknown"), (PROCURATORATE, "unit-wrong-kind"), ("no such code", "validation")],
)
async def test_a_named_unit_must_be_known_and_of_the_right_kind(desk: Desk, code: str, expected: str) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team", "submit_report", "approve")
    body = await desk.body(ORGAN, TRANSFER.step_by_key["deliver"], parties={"police": code})
    refused(await desk.post(ORGAN, f"{PATH}/{matter}/steps/deliver", body), 422, expected, "parties.police")


async def test_a_step_that_is_not_open_names_the_state_and_what_is_open_instead(desk: Desk) -> None:
    matter = await desk.open()
    body = await desk.body(ORGAN, TRANSFER.step_by_key["approve"])
    problem = refused(await desk.post(ORGAN, f"{PATH}/{matter}/steps/approve", body), 409, "step-not-open")
    assert problem["state"] == "suspected"
    assert {"step": "name_team", "by": ["organ"]} in problem["open"]


async def test_the_chiefs_step_is_refused_to_a_clerk(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team", "submit_report")
    answer = await desk.post(ORGAN, f"{PATH}/{matter}/steps/approve", {}, posts=("clerk",))
    refused(answer, 403, "post-required")


async def test_a_team_of_one_is_no_team(desk: Desk) -> None:
    matter = await desk.open()
    body = {"form": {"officers": ["ZF-4103-0172"]}}
    refused(
        await desk.post(ORGAN, f"{PATH}/{matter}/steps/name_team", body), 422, "validation", "form.officers"
    )


async def test_an_act_before_the_present_state_is_refused(desk: Desk) -> None:
    matter = await desk.open()
    body = await desk.body(ORGAN, TRANSFER.step_by_key["name_team"])
    body["acted_at"] = (desk.now() - timedelta(days=1)).isoformat()
    path = f"{PATH}/{matter}/steps/name_team"
    refused(await desk.post(ORGAN, path, body), 422, "act-before-history", "acted_at")


async def test_a_repeat_gets_the_same_receipt_and_opens_nothing_twice(desk: Desk) -> None:
    body, key = await desk.body(ORGAN, TRANSFER.opening), new_key()
    first = await desk.post(ORGAN, PATH, body, key=key)
    before = await counted(desk)
    again = await desk.post(ORGAN, PATH, body, key=key)
    assert text_of(first) == text_of(again)
    other = {**body, "form": {**body["form"], "facts": "另一件事"}}
    refused(await desk.post(ORGAN, PATH, other, key=key), 422, "idempotency-key-reused")
    assert await counted(desk) == before
    # Another unit's key of the same spelling is another key.
    theirs = await desk.post(OTHER_ORGAN, PATH, body, key=key)
    assert theirs.json()["matter"] != first.json()["matter"]


async def test_a_repeated_step_gets_the_same_receipt_also_after_later_steps(desk: Desk) -> None:
    matter = await desk.open()
    step = TRANSFER.step_by_key["name_team"]
    path, body, key = f"{PATH}/{matter}/steps/{step.key}", await desk.body(ORGAN, step), new_key()
    first = await desk.post(ORGAN, path, body, key=key)
    await desk.take(matter, "submit_report")
    before = await counted(desk)
    assert text_of(await desk.post(ORGAN, path, body, key=key)) == text_of(first)
    changed = {"form": {"officers": ["ZF-1", "ZF-2"]}}
    refused(await desk.post(ORGAN, path, changed, key=key), 422, "idempotency-key-reused")
    elsewhere = f"{PATH}/{matter}/steps/approve"
    refused(await desk.post(ORGAN, elsewhere, {}, key=key), 422, "idempotency-key-reused")
    assert await counted(desk) == before


async def test_a_request_without_a_key_is_refused(desk: Desk) -> None:
    body = await desk.body(ORGAN, TRANSFER.opening)
    answer = await desk.client.post(PATH, json=body, headers=desk.headers(ORGAN))
    refused(answer, 400, "idempotency-key-missing")


async def test_a_stale_version_is_refused_and_the_present_one_named(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team")
    path = f"{PATH}/{matter}/steps/submit_report"
    body = await desk.body(ORGAN, TRANSFER.step_by_key["submit_report"])
    problem = refused(await desk.post(ORGAN, path, body, headers={"If-Match": '"1"'}), 412, "version-stale")
    assert problem["version"] == 2
    refused(await desk.post(ORGAN, path, body, headers={"If-Match": "2"}), 400, "if-match-malformed")
    etag = (await desk.get(ORGAN, f"{PATH}/{matter}")).headers["ETag"]
    assert (await desk.post(ORGAN, path, body, headers={"If-Match": etag})).status_code == 200


async def test_who_is_no_party_cannot_tell_a_matter_from_none(desk: Desk) -> None:
    matter = await desk.open()
    for unit in (OTHER_ORGAN, POLICE, OTHER_POLICE, FAR_PROCURATORATE):
        for part in ("", "/clocks", "/history", "/history/verify", f"/papers/{NOWHERE}"):
            there = await desk.get(unit, f"{PATH}/{matter}{part}")
            nowhere = await desk.get(unit, f"{PATH}/{NOWHERE}{part}")
            assert there.status_code == 404
            assert text_of(there) == text_of(nowhere)
        body = await desk.body(unit, TRANSFER.step_by_key["sign_receipt"])
        there = await desk.post(unit, f"{PATH}/{matter}/steps/sign_receipt", body)
        nowhere = await desk.post(unit, f"{PATH}/{NOWHERE}/steps/sign_receipt", body)
        assert there.status_code == 404
        assert text_of(there) == text_of(nowhere)
        listed = await desk.get(unit, PATH, limit=MAX_LIMIT)
        assert matter not in listed.text


async def test_the_procuratorate_sees_the_matters_of_its_division_and_those_below(desk: Desk) -> None:
    matter = await desk.open()
    for unit in (PROCURATORATE, CITY_PROCURATORATE):
        assert (await desk.get(unit, f"{PATH}/{matter}")).status_code == 200
        listed = await desk.get(unit, PATH, limit=MAX_LIMIT)
        assert matter in listed.text


async def test_the_police_see_a_matter_from_its_delivery_on(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team", "submit_report", "approve")
    assert (await desk.get(POLICE, f"{PATH}/{matter}")).status_code == 404
    await desk.take(matter, "deliver")
    view = await desk.read(matter, POLICE)
    assert [step["step"] for step in view["next"]] == ["sign_receipt"]
    assert view["next"][0]["clock"] == "receipt"
    assert view["next"][0]["due_at"] is not None


async def test_a_paper_of_a_matter_is_read_by_whoever_sees_the_matter(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team", "submit_report", "approve", "deliver")
    paper = await desk.paper(ORGAN)
    answer = await desk.get(POLICE, f"{PATH}/{matter}/papers/{paper}")
    assert (answer.status_code, answer.content) == (200, PDF)
    assert (await desk.get(POLICE, f"/v1/papers/{paper}")).status_code == 404
    unused = await desk.paper(POLICE)
    assert (await desk.get(POLICE, f"{PATH}/{matter}/papers/{unused}")).status_code == 404


async def test_lists_are_paged_without_loss_or_repeat(desk: Desk) -> None:
    opened = [await desk.open(division="410300") for _ in range(5)]
    seen: list[str] = []
    path: str | None = f"{PATH}?division=410300&limit=2&state=suspected"
    while path is not None:
        answer = await desk.client.get(path, headers=desk.headers(ORGAN))
        assert answer.status_code == 200, answer.text
        seen += [item["id"] for item in answer.json()["items"]]
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json()["next"] is None)
        path = link.partition("<")[2].partition(">")[0] if link else None
    assert len(seen) == len(set(seen))
    assert seen[: seen.index(opened[0]) + 1][-5:] == opened[::-1]


async def test_a_cursor_of_another_query_is_refused(desk: Desk) -> None:
    await desk.open()
    await desk.open()
    cursor = (await desk.get(ORGAN, PATH, limit=1)).json()["next"]
    refused(await desk.get(ORGAN, PATH, limit=1, state="filed", cursor=cursor), 400, "cursor-mismatch")
    refused(await desk.get(PROCURATORATE, PATH, limit=1, cursor=cursor), 400, "cursor-mismatch")
    refused(await desk.get(ORGAN, PATH, cursor="%%%"), 400, "cursor-malformed")
    refused(await desk.get(ORGAN, PATH, limit=MAX_LIMIT + 1), 422, "validation", "limit")


async def test_lists_are_filtered_by_state_party_due_and_change(desk: Desk) -> None:
    quiet = await desk.open()
    long_ago = (desk.now() - timedelta(days=20)).isoformat()
    late = await desk.open(acted_at=long_ago)
    await desk.take(late, "name_team", "submit_report", acted_at=long_ago)

    async def ids(**params: Any) -> list[str]:
        answer = await desk.get(ORGAN, PATH, limit=MAX_LIMIT, **params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert late in await ids(overdue=True)
    assert quiet not in await ids(overdue=True)
    assert quiet in await ids(overdue=False)
    assert late not in await ids(overdue=False)
    assert late in await ids(state="pending_approval")
    assert quiet not in await ids(state="pending_approval")
    assert {quiet, late} <= set(await ids(party=ORGAN))
    assert not {quiet, late} & set(await ids(party=OTHER_POLICE))
    assert late in await ids(due_before=desk.now().isoformat())
    assert not {quiet, late} & set(await ids(updated_since=(desk.now() + timedelta(hours=1)).isoformat()))
    assert {quiet, late} <= set(await ids(updated_since=(desk.now() - timedelta(hours=1)).isoformat()))
    refused(await desk.get(ORGAN, PATH, state="dreaming"), 422, "validation", "state")
    refused(await desk.get(ORGAN, PATH, division="x"), 422, "validation", "division")


async def test_a_body_that_is_no_json_or_too_large_is_refused(desk: Desk) -> None:
    headers = {**desk.headers(ORGAN), "Idempotency-Key": new_key(), "Content-Type": "application/json"}
    refused(await desk.client.post(PATH, content=b"{", headers=headers), 400, "json-malformed")
    big = json.dumps({"form": {"facts": "长" * 200_000}}).encode()
    refused(await desk.client.post(PATH, content=big, headers=headers), 413, "body-too-large")
    refused(await desk.client.put(PATH, content=b"{}", headers=headers), 405, "method-not-allowed")
    refused(await desk.client.get("/v1/poems", headers=headers), 404, "not-found")


async def test_a_token_without_the_scope_is_refused(desk: Desk) -> None:
    claims: dict[str, Any] = {"unit": ORGAN, "scope": SCOPES.replace("matters:write ", "")}
    headers = {"Authorization": f"Bearer {desk.issuer.token(**claims)}", "Idempotency-Key": new_key()}
    body = await desk.body(ORGAN, TRANSFER.opening)
    refused(await desk.client.post(PATH, json=body, headers=headers), 403, "scope-missing")
    refused(await desk.client.get(PATH), 401, "token-missing")


async def test_what_was_changed_in_the_database_shows(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, "name_team", "submit_report")
    collection = desk.store.matters.collection
    await collection.update_one({"_id": matter}, {"$set": {"history.1.form.officers": ["ZF-9", "ZF-8"]}})
    verification = await desk.read(matter, part="/history/verify")
    assert not verification["intact"]
    assert verification["misfit"]["version"] == 2


async def test_the_declaration_is_served_with_schemas_and_a_diagram(desk: Desk) -> None:
    listed = (await desk.get(ORGAN, "/v1/mechanisms")).json()
    one = (await desk.get(ORGAN, "/v1/mechanisms/forward_transfer")).json()
    assert one in listed
    assert one["opening"]["form"]["properties"]["facts"]["maxLength"] == 10_000
    decision = next(clock for clock in one["clocks"] if clock["key"] == "decision")
    assert decision["length"] == {"amount": 3, "unit": "days"}
    assert decision["cites"][0]["mark"] == "read"
    assert "received --> filed: 立案" in one["diagram"]
    refused(await desk.get(ORGAN, "/v1/mechanisms/poetry"), 404, "not-found")


async def test_the_openapi_names_the_law_and_gives_a_working_example(desk: Desk) -> None:
    document = (await desk.client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operation = document["paths"][f"{PATH}/{{matter}}/steps/file"]["post"]
    assert operation["operationId"] == "forward_transfer_file"
    assert "行政执法机关移送涉嫌犯罪案件的规定" in operation["description"]
    assert "`decision`" in operation["description"]
    opening = document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][opening.rpartition("/")[2]]
    answer = await desk.post(ORGAN, PATH, schema["examples"][0])
    assert answer.status_code == 201, answer.text
