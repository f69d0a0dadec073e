"""A step was done on another day than was recorded: its clocks move, the history says why, who owes is told once."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.services.referral.desk import ORGAN, OTHER_ORGAN, POLICE, PROCURATORATE, Desk, new_key
from tests.services.referral.test_roads import TO_REFUSAL

PATH = "/v1/forward-transfers"
NOWHERE = "00000000-0000-4000-8000-000000000000"
SERVICE = "serve_non_filing_notice"


async def served(desk: Desk, at: datetime, **service: Any) -> str:
    """Open a matter whose non-filing notice was served at that moment, ten days after everything else."""
    before = (at - timedelta(days=10)).isoformat()
    matter = await desk.open(acted_at=before)
    await desk.take(matter, *TO_REFUSAL, acted_at=before)
    await desk.take(matter, SERVICE, acted_at=at.isoformat(), **service)
    return matter


async def entry_of(desk: Desk, matter: str, step: str) -> dict[str, Any]:
    entries = (await desk.read(matter, part="/history"))["entries"]
    found: dict[str, Any] = next(entry for entry in reversed(entries) if entry["step"] == step)
    return found


async def correction(desk: Desk, matter: str, step: str, at: datetime, unit: str = POLICE) -> dict[str, Any]:
    return {
        "entry": (await entry_of(desk, matter, step))["version"],
        "acted_at": at.isoformat(),
        "reason": "送达回证上的日期。",
        "proof": [await desk.paper(unit)],
    }


async def moves(desk: Desk, matter: str) -> list[dict[str, Any]]:
    said = await desk.said(matter)
    return [event["data"] for event in said if event["type"] == "referral.forward_transfer.deadline_moved"]


async def test_a_corrected_service_date_moves_the_clock_it_started_and_the_debtor_is_told_once(
    desk: Desk,
) -> None:
    # So far apart that no holiday gives both the same last day.
    recorded, truly = desk.now() - timedelta(days=20), desk.now() - timedelta(days=5)
    matter, other = await served(desk, recorded), await served(desk, truly)
    before = await desk.clock(matter, "reconsideration_window")
    body = await correction(desk, matter, SERVICE, truly)
    etag = (await desk.get(POLICE, f"{PATH}/{matter}")).headers["ETag"]
    answer = await desk.post(POLICE, f"{PATH}/{matter}/corrections", body, headers={"If-Match": etag})
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    assert answer.headers["ETag"] == f'"{receipt["version"]}"'
    assert "reconsideration_window" in [clock["clock"] for clock in receipt["clocks"]]
    # It ends where it would have ended had the date been right from the beginning.
    after = await desk.clock(matter, "reconsideration_window")
    right = await desk.clock(other, "reconsideration_window")
    assert after["due_at"] == right["due_at"] != before["due_at"]
    assert after["not_counted"] == right["not_counted"]
    # The history says why, beside what was recorded first.
    history = await desk.read(matter, part="/history")
    entry = history["entries"][-1]
    assert (entry["kind"], entry["step"], entry["unit"]) == ("correction", SERVICE, POLICE)
    assert entry["form"] == {"reason": body["reason"], "corrects": body["entry"]}
    assert (await desk.read(matter, part="/history/verify"))["intact"]
    first = history["entries"][body["entry"] - 1]
    assert datetime.fromisoformat(first["acted_at"]) != datetime.fromisoformat(entry["acted_at"])
    # The organ, whose window it is, is told once, from when to when.
    (told,) = await moves(desk, matter)
    assert told["tell"] == [ORGAN]
    assert told["because"] == {"corrected": body["entry"]}
    (moved,) = [each for each in told["moved"] if each["key"] == "reconsideration_window"]
    assert moved["unit"] == ORGAN
    assert moment(moved["was_due_at"]) == moment(before["due_at"])
    assert moment(moved["due_at"]) == moment(after["due_at"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_correction_that_makes_an_overdue_act_timely_shows_the_clock_as_met(desk: Desk) -> None:
    asked = desk.now() - timedelta(days=20)
    matter = await desk.open(acted_at=asked.isoformat())
    await desk.take(matter, "name_team", "submit_report", acted_at=asked.isoformat())
    await desk.timekeeper.tell()
    assert (await desk.read(matter))["overdue"]
    await desk.take(matter, "approve")
    late = await desk.clock(matter, "approval")
    assert (late["state"], late["late_by"]["unit"]) == ("late", "days")
    truly = asked + timedelta(days=1)
    body = await correction(desk, matter, "approve", truly, ORGAN)
    answer = await desk.post(ORGAN, f"{PATH}/{matter}/corrections", body)
    assert answer.status_code == 200, answer.text
    met = await desk.clock(matter, "approval")
    assert (met["state"], met["late_by"], met["due_at"]) == ("met", None, late["due_at"])
    assert abs(moment(met["ended_at"]) - truly) < timedelta(seconds=1)
    # What the approval itself had started begins at its corrected date too.
    dispatch = await desk.clock(matter, "dispatch")
    assert abs(moment(dispatch["started"]["at"]) - truly) < timedelta(seconds=1)
    assert abs(moment(dispatch["due_at"]) - truly - timedelta(hours=24)) < timedelta(seconds=1)
    (told,) = await moves(desk, matter)
    assert {each["key"]: each["state"] for each in told["moved"]} == {
        "approval": "met",
        "dispatch": "running",
    }


async def test_the_passport_shows_the_proof_of_the_service_and_that_it_was_entered_late(desk: Desk) -> None:
    at = desk.now() - timedelta(days=2)
    papers = {"papers": {"service_receipt": [await desk.paper(POLICE)]}}
    matter = await served(desk, at, form={"method": "mail", "received_by": "收发室"}, **papers)
    started = (await desk.clock(matter, "reconsideration_window"))["started"]
    entry = await entry_of(desk, matter, SERVICE)
    assert started["version"] == entry["version"]
    assert (started["step"], started["method"], started["received_by"]) == (SERVICE, "mail", "收发室")
    assert started["papers"] == entry["papers"]["service_receipt"]
    assert started["late"]
    assert abs(moment(started["at"]) - at) < timedelta(seconds=1)
    prompt = await desk.open()
    await desk.take(prompt, *TO_REFUSAL, SERVICE)
    assert not (await desk.clock(prompt, "reconsideration_window"))["started"]["late"]
    # A corrected date shows as late too, with its own proof, which every party may read.
    body = await correction(desk, matter, SERVICE, at - timedelta(hours=5))
    assert (await desk.post(POLICE, f"{PATH}/{matter}/corrections", body)).status_code == 200
    corrected = (await desk.clock(matter, "reconsideration_window"))["started"]
    assert [paper["id"] for paper in corrected["papers"]] == [started["papers"][0]["id"], *body["proof"]]
    assert (await desk.get(ORGAN, f"{PATH}/{matter}/papers/{body['proof'][0]}")).status_code == 200


async def test_who_refuses_to_receive_has_been_served_all_the_same(desk: Desk) -> None:
    at = desk.now() - timedelta(days=2)
    refused = await served(
        desk, at, form={"method": "leave", "received_by": "门卫", "refused_because": "拒绝签收"}
    )
    signed = await served(desk, at)
    clock = await desk.clock(refused, "reconsideration_window")
    assert clock["state"] == "running"
    assert (clock["started"]["method"], clock["started"]["received_by"]) == ("leave", "门卫")
    assert clock["due_at"] == (await desk.clock(signed, "reconsideration_window"))["due_at"]
    assert (await entry_of(desk, refused, SERVICE))["form"]["refused_because"] == "拒绝签收"


async def test_a_repeat_gets_the_same_receipt_and_corrects_nothing_twice(desk: Desk) -> None:
    matter = await served(desk, desk.now() - timedelta(days=20))
    body = await correction(desk, matter, SERVICE, desk.now() - timedelta(days=5))
    path, key = f"{PATH}/{matter}/corrections", new_key()
    answers = await asyncio.gather(*(desk.post(POLICE, path, body, key=key) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(await moves(desk, matter)) == 1
    version = (await desk.read(matter))["version"]
    assert version == answers[0].json()["version"]
    other = body | {"reason": "另一个原因"}
    again = await desk.post(POLICE, path, other, key=key)
    assert (again.status_code, again.json()["code"]) == (422, "idempotency-key-reused")
    # Under another key the same correction is another one, and moves nothing that stands there already.
    assert (await desk.post(POLICE, path, body)).status_code == 200
    assert len(await moves(desk, matter)) == 1


async def test_only_the_unit_that_recorded_a_step_corrects_it(desk: Desk) -> None:
    matter = await served(desk, desk.now() - timedelta(days=5))
    at = desk.now() - timedelta(days=4)
    for unit, status, code in [
        (ORGAN, 403, "not-your-step"),
        (PROCURATORATE, 403, "not-your-step"),
        (OTHER_ORGAN, 404, "not-found"),
    ]:
        body = await correction(desk, matter, SERVICE, at, unit)
        answer = await desk.post(unit, f"{PATH}/{matter}/corrections", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), unit
    body = await correction(desk, matter, "register", at, POLICE)
    answer = await desk.post(POLICE, f"{PATH}/{matter}/corrections", body)
    assert answer.status_code == 403
    assert await moves(desk, matter) == []


@pytest.mark.parametrize(
    ("days", "code"),
    [(16, "act-before-history"), (1, "act-after-next"), (-1, "act-in-future")],
    ids=["before the decision", "after the request", "in the future"],
)
async def test_a_date_that_cannot_be_is_refused(desk: Desk, days: int, code: str) -> None:
    matter = await served(desk, desk.now() - timedelta(days=5))
    if code == "act-after-next":
        in_time = (desk.now() - timedelta(days=3)).isoformat()
        await desk.take(matter, "ask_reconsideration", acted_at=in_time)
    before = await desk.store.matters.collection.find_one({"_id": matter})
    body = await correction(desk, matter, SERVICE, desk.now() - timedelta(days=days))
    answer = await desk.post(POLICE, f"{PATH}/{matter}/corrections", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code), problem
    assert [error["field"] for error in problem["errors"]] == ["acted_at"]
    assert await desk.store.matters.collection.find_one({"_id": matter}) == before


async def test_a_correction_needs_an_entry_a_reason_and_a_paper_of_ones_own(desk: Desk) -> None:
    matter = await served(desk, desk.now() - timedelta(days=5))
    good = await correction(desk, matter, SERVICE, desk.now() - timedelta(days=4))
    await desk.timekeeper.tell()
    told = next(
        entry["version"]
        for entry in (await desk.read(matter, part="/history"))["entries"]
        if entry["kind"] == "clock"
    )
    faults: list[tuple[dict[str, Any], str, str]] = [
        ({"proof": []}, "validation", "proof"),
        ({"proof": [NOWHERE]}, "paper-unknown", "papers.proof.0"),
        ({"proof": [await desk.paper(ORGAN)]}, "paper-unknown", "papers.proof.0"),
        ({"reason": " "}, "validation", "reason"),
        ({"acted_at": "2026-11-20T09:30:00"}, "validation", "acted_at"),
        ({"entry": 0}, "validation", "entry"),
        ({"entry": 9999}, "entry-unknown", "entry"),
        # What time did nobody did: there is nothing to correct.
        ({"entry": told}, "entry-unknown", "entry"),
        ({"colour": "red"}, "validation", "*"),
    ]
    for fault, code, named in faults:
        answer = await desk.post(POLICE, f"{PATH}/{matter}/corrections", good | fault)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, code), (fault, problem)
        assert [error["field"] for error in problem["errors"]] == [named]
    stale = await desk.post(POLICE, f"{PATH}/{matter}/corrections", good, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version-stale")
    assert await moves(desk, matter) == []
