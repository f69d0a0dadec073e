"""A suggestion closes on verified points, by whatever road; what is changed begins anew."""

import itertools
from typing import Any

import pytest

from tests.services.referral.desk import Desk
from tests.services.suggestion.conftest import ADDRESSEE, OPENER
from tests.services.suggestion.roads import TO_APPROVED, opened, walk

POINT = {"problem": "未登记。", "suggestion": "补充登记。", "basis": "食品安全法第六十二条"}
ACTS = ("report_point", "verify_point", "reject_point", "revisit_point", "reopen_point")


async def served(desk: Desk, points: int) -> str:
    """Return a suggestion of so many points that is served and answered."""
    matter = await opened(desk, ())
    given = {
        "points": [POINT] * points,
        "reply_period": "as_printed",
        "reply_days": 15,
        "reply_reason": "情况紧急。",
    }
    await walk(desk, matter, ("investigate", "report_investigation", ("draft", given)))
    await walk(desk, matter, ("review_policy", "approve", "deliver", "reply"))
    return matter


async def act(desk: Desk, matter: str, step: str, point: int) -> int:
    """Try an act about a point; the status."""
    unit = ADDRESSEE if step in {"report_point", "plan_point"} else OPENER
    body = await desk.body(unit, desk.mechanism.step_by_key[step], form={"point": point})
    return (await desk.post(unit, f"{desk.path}/{matter}/steps/{step}", body)).status_code


async def close(desk: Desk, matter: str) -> dict[str, Any]:
    """Try to close; the answer."""
    body = await desk.body(OPENER, desk.mechanism.step_by_key["close"])
    answer = await desk.post(OPENER, f"{desk.path}/{matter}/steps/close", body)
    return {"status": answer.status_code, **answer.json()}


async def test_no_sequence_of_acts_closes_it_while_a_point_is_unverified(desk: Desk) -> None:
    """Every sequence of acts about two points: closing is open when, by a plain count, both are verified."""
    for sequence in itertools.product(itertools.product(ACTS[:3], (1, 2)), repeat=2):
        matter = await served(desk, 2)
        verified: dict[int, bool] = {1: False, 2: False}
        for step, point in (("report_point", 1), ("verify_point", 1), *sequence):
            if await act(desk, matter, step, point) == 200:
                verified[point] = step == "verify_point"
        answer = await close(desk, matter)
        assert answer["status"] == (200 if all(verified.values()) else 409), (sequence, answer)


@pytest.mark.parametrize("undone", ["reject_point", "reopen_point"])
async def test_one_point_that_is_not_verified_any_more_holds_it_open(desk: Desk, undone: str) -> None:
    matter = await served(desk, 3)
    for point in (1, 2, 3):
        assert await act(desk, matter, "report_point", point) == 200
        assert await act(desk, matter, "verify_point", point) == 200
    if undone == "reject_point":
        assert await act(desk, matter, "reopen_point", 2) == 200
        assert await act(desk, matter, "report_point", 2) == 200
    assert await act(desk, matter, undone, 2) == 200
    refused = await close(desk, matter)
    assert (refused["status"], refused["code"]) == (409, "step-not-open")
    assert await act(desk, matter, "report_point", 2) == 200
    assert await act(desk, matter, "verify_point", 2) == 200
    assert (await close(desk, matter))["status"] == 200


async def test_a_reply_alone_closes_nothing(desk: Desk) -> None:
    matter = await served(desk, 1)
    assert (await desk.read(matter))["state"]["key"] == "replied"
    assert (await close(desk, matter))["status"] == 409


async def test_what_is_verified_without_a_reply_is_not_closed(desk: Desk) -> None:
    matter = await opened(desk, ())
    await walk(desk, matter, (*TO_APPROVED, "deliver", "report_point", "verify_point"))
    await walk(desk, matter, ("object", "overrule_objection"))
    assert (await close(desk, matter))["status"] == 409


async def test_the_points_of_a_changed_paper_begin_anew(desk: Desk) -> None:
    matter = await served(desk, 1)
    await walk(desk, matter, ("report_point", "verify_point"))
    assert (await desk.clock(matter, "revisit"))["state"] == "running"
    changed = {"points": [POINT] * 2, "reply_period": "two_months"}
    await walk(desk, matter, (("amend", changed), "deliver_amended", "reply"))
    assert (await desk.clock(matter, "revisit"))["state"] == "dropped"
    assert (await desk.clock(matter, "reply"))["rule"]["length"] == {"amount": 2, "unit": "months"}
    assert (await close(desk, matter))["status"] == 409
    assert await act(desk, matter, "verify_point", 1) == 409
    await walk(desk, matter, ("report_point", "verify_point"))
    assert (await close(desk, matter))["status"] == 409
    assert await act(desk, matter, "report_point", 2) == 200
    assert await act(desk, matter, "verify_point", 2) == 200
    assert (await close(desk, matter))["status"] == 200


@pytest.mark.parametrize("step", ["plan_point", "report_point", "verify_point"])
async def test_a_point_that_there_is_not_is_refused_with_the_field(desk: Desk, step: str) -> None:
    matter = await served(desk, 1)
    unit = OPENER if step == "verify_point" else ADDRESSEE
    body = await desk.body(unit, desk.mechanism.step_by_key[step], form={"point": 2})
    answer = await desk.post(unit, f"{desk.path}/{matter}/steps/{step}", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "item-unknown")
    assert [error["field"] for error in answer.json()["errors"]] == ["form.point"]


async def test_each_point_has_its_own_revisit(desk: Desk) -> None:
    matter = await served(desk, 2)
    for point in (1, 2):
        await act(desk, matter, "report_point", point)
        await act(desk, matter, "verify_point", point)
    assert await act(desk, matter, "revisit_point", 1) == 200
    runs = [run for run in await desk.read(matter, part="/clocks") if run["key"] == "revisit"]
    assert [(run["item"], run["state"]) for run in runs] == [(1, "met"), (2, "running")]
    assert {cite["mark"] for run in runs for cite in run["cites"]} == {"local_policy"}
