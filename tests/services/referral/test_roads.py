"""Every road that a forward transfer can take, walked through the public API."""

import asyncio
from datetime import timedelta

import pytest

from tests.services.referral.desk import (
    ORGAN,
    OTHER_POLICE,
    POLICE,
    PROCURATORATE,
    TRANSFER,
    Desk,
)

TO_POLICE = ("name_team", "submit_report", "approve", "deliver")
TO_DECISION = (*TO_POLICE, "sign_receipt")
TO_REFUSAL = (*TO_DECISION, "decline")

ROADS = {
    "filed and handed over": (
        *TO_DECISION, "file", "serve_filing_notice", "hand_over", "sign_handover",
    ),
    "filed, then withdrawn and handled by the organ": (
        *TO_DECISION, "file", "withdraw", "serve_withdrawal", "handle_administratively",
    ),
    "withdrawn after the handover": (
        *TO_DECISION, "file", "serve_filing_notice", "hand_over", "sign_handover", "withdraw",
    ),
    "not approved, punished and copied": ("name_team", "submit_report", "refuse", "record_penalty", "copy_penalty"),
    "supplements asked for and supplied": (*TO_DECISION, "ask_supplement", "supply", "file"),
    "not a police matter": (*TO_DECISION, "return_out_of_scope"),
    "refused, reconsidered and filed": (
        *TO_REFUSAL, "serve_non_filing_notice", "ask_reconsideration", "file",
    ),
    "refused, upheld, supervision suggested, filed after all": (
        *TO_REFUSAL, "serve_non_filing_notice", "ask_reconsideration", "uphold",
        "serve_reconsideration_decision", "suggest_supervision", "file",
    ),
    "refused, supervision suggested at once, handled by the organ": (
        *TO_REFUSAL, "serve_non_filing_notice", "suggest_supervision", "handle_administratively",
    ),
    "refused and handled by the organ": (*TO_REFUSAL, "handle_administratively"),
    "upheld and handled by the organ": (
        *TO_REFUSAL, "ask_reconsideration", "uphold", "handle_administratively",
    ),
    "an opinion asked and given": ("ask_opinion", "give_opinion", "name_team"),
    "a lead of a duty crime": ("name_team", "refer_duty_crime", "submit_report"),
}  # fmt: skip


@pytest.mark.parametrize("road", ROADS)
async def test_road(desk: Desk, road: str) -> None:
    matter = await desk.open()
    expected = TRANSFER.opening.to
    for key in ROADS[road]:
        expected = TRANSFER.step_by_key[key].to or expected
        receipt = await desk.take(matter, key)
        assert receipt["state"] == expected
    assert (await desk.read(matter))["state"]["key"] == expected
    verification = await desk.read(matter, part="/history/verify")
    assert verification["intact"], verification
    assert verification["entries"] == len(ROADS[road]) + 1


async def test_every_step_and_every_state_is_on_some_road() -> None:
    walked = {step for road in ROADS.values() for step in road}
    elsewhere = {
        "redirect",
        "find_no_jurisdiction",
        "extend_to_ten_days",
        "extend_to_thirty_days",
        "extend_by_thirty_days",
        "complain_of_delay",
    }
    assert {step.key for step in TRANSFER.steps} == walked | elsewhere


async def test_redirected_to_another_police_unit_which_then_decides(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, *TO_DECISION, "find_no_jurisdiction")
    assert (await desk.clock(matter, "redirection"))["unit"] == POLICE
    await desk.take(matter, "redirect", parties={"police": OTHER_POLICE})
    assert (await desk.clock(matter, "redirection"))["state"] == "met"
    first = await desk.clock(matter, "decision")
    assert first["state"] == "dropped"
    view = await desk.read(matter, OTHER_POLICE)
    assert [step["step"] for step in view["next"]] == ["sign_receipt"]
    # Who sent it on still sees what became of it, and may do nothing more.
    assert (await desk.read(matter, POLICE))["next"] == []
    await desk.take(matter, "sign_receipt")
    second = await desk.clock(matter, "decision")
    assert (second["number"], second["unit"], second["state"]) == (2, OTHER_POLICE, "running")
    await desk.take(matter, "file")


async def test_an_economic_crime_has_its_decision_extended_step_by_step(desk: Desk) -> None:
    matter = await desk.open(form={"case_type": "economic_crime"})
    await desk.take(matter, *TO_DECISION)
    three = (await desk.clock(matter, "decision"))["due_at"]
    answer = await desk.post(
        POLICE,
        f"/v1/forward-transfers/{matter}/steps/extend_by_thirty_days",
        await desk.body(POLICE, TRANSFER.step_by_key["extend_by_thirty_days"]),
    )
    assert answer.status_code == 409
    await desk.take(matter, "extend_to_ten_days")
    ten = (await desk.clock(matter, "decision"))["due_at"]
    await desk.take(matter, "extend_to_thirty_days")
    thirty = (await desk.clock(matter, "decision"))["due_at"]
    await desk.take(matter, "extend_by_thirty_days")
    last = await desk.clock(matter, "decision")
    assert three < ten < thirty < last["due_at"]
    assert [more["step"] for more in last["extensions"]] == [
        "extend_to_ten_days",
        "extend_to_thirty_days",
        "extend_by_thirty_days",
    ]
    assert all(more["cites"][0]["article"] == "16" for more in last["extensions"])


async def test_a_general_case_cannot_be_extended(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, *TO_DECISION)
    step = TRANSFER.step_by_key["extend_to_ten_days"]
    answer = await desk.post(
        POLICE, f"/v1/forward-transfers/{matter}/steps/{step.key}", await desk.body(POLICE, step)
    )
    assert answer.status_code == 409
    assert "case_type must be economic_crime" in answer.json()["detail"]


async def test_a_decision_not_made_in_time_is_overdue_and_can_be_complained_of(desk: Desk) -> None:
    long_ago = (desk.now() - timedelta(days=20)).isoformat()
    matter = await desk.open(acted_at=long_ago)
    complaint = TRANSFER.step_by_key["complain_of_delay"]
    path = f"/v1/forward-transfers/{matter}/steps/{complaint.key}"
    # Recorded now, done three weeks ago: the clocks run from the act.
    await desk.take(matter, *TO_POLICE, acted_at=long_ago)
    await desk.take(matter, "sign_receipt", acted_at=long_ago)
    await desk.timekeeper.tell()
    decision = await desk.clock(matter, "decision")
    assert decision["state"] == "overdue"
    view = await desk.read(matter)
    assert view["overdue"]
    assert complaint.key in [step["step"] for step in view["next"]]
    missed = [event for event in await desk.said(matter) if event["type"].endswith("duty_missed")]
    assert [event["data"]["clock"]["key"] for event in missed] == ["decision"]
    assert set(missed[0]["data"]["tell"]) == {POLICE, PROCURATORATE}
    answer = await desk.post(ORGAN, path, await desk.body(ORGAN, complaint))
    assert answer.status_code == 200, answer.text
    assert (await desk.said(matter))[-1]["data"]["opens"] == ["filing_supervision"]
    # The act is still owed, and its being late stays on record.
    await desk.take(matter, "file")
    assert (await desk.clock(matter, "decision"))["state"] == "late"


async def test_before_its_time_is_over_nobody_can_complain_of_delay(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, *TO_DECISION)
    step = TRANSFER.step_by_key["complain_of_delay"]
    answer = await desk.post(
        ORGAN, f"/v1/forward-transfers/{matter}/steps/{step.key}", await desk.body(ORGAN, step)
    )
    assert answer.status_code == 409


async def test_the_right_to_reconsideration_lapses_and_the_way_to_the_procuratorate_stays_open(
    desk: Desk,
) -> None:
    long_ago = (desk.now() - timedelta(days=20)).isoformat()
    matter = await desk.open(acted_at=long_ago)
    await desk.take(matter, *TO_REFUSAL, "serve_non_filing_notice", acted_at=long_ago)
    await desk.timekeeper.tell()
    assert (await desk.clock(matter, "reconsideration_window"))["state"] == "lapsed"
    offered = {step["step"] for step in (await desk.read(matter))["next"]}
    assert "ask_reconsideration" not in offered
    assert "suggest_supervision" in offered
    step = TRANSFER.step_by_key["ask_reconsideration"]
    path = f"/v1/forward-transfers/{matter}/steps/{step.key}"
    answer = await desk.post(ORGAN, path, await desk.body(ORGAN, step))
    assert answer.status_code == 409
    # An act done in time and entered late is taken, and shows as such.
    in_time = (desk.now() - timedelta(days=18)).isoformat()
    answer = await desk.post(ORGAN, path, await desk.body(ORGAN, step, acted_at=in_time))
    assert answer.status_code == 200, answer.text
    assert answer.json()["late"]
    assert (await desk.clock(matter, "reconsideration_window"))["state"] == "met"


async def test_a_supplement_asked_for_late_is_still_asked_for_and_does_not_stop_the_decision(
    desk: Desk,
) -> None:
    before = (desk.now() - timedelta(hours=30)).isoformat()
    matter = await desk.open(acted_at=before)
    await desk.take(matter, *TO_DECISION, acted_at=before)
    due = (await desk.clock(matter, "decision"))["due_at"]
    await desk.take(matter, "ask_supplement")
    assert (await desk.clock(matter, "supplement_request"))["state"] == "late"
    assert (await desk.clock(matter, "supplement"))["unit"] == ORGAN
    decision = await desk.clock(matter, "decision")
    assert (decision["state"], decision["due_at"]) == ("running", due)


async def test_two_takers_of_one_step_at_once_are_one_step(desk: Desk) -> None:
    matter = await desk.open()
    step = TRANSFER.step_by_key["name_team"]
    path = f"/v1/forward-transfers/{matter}/steps/{step.key}"
    body = await desk.body(ORGAN, step)
    answers = await asyncio.gather(*(desk.post(ORGAN, path, body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert (await desk.read(matter))["version"] == 2
