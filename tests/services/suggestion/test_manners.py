"""Who is shown what, who may be named, and what a suggestion must hold."""

from typing import Any
from uuid import uuid4

import pytest

from tests.services.referral.desk import Desk
from tests.services.suggestion.conftest import (
    ADDRESSEE,
    CITY_PROCURATORATE,
    GOVERNMENT,
    OPENER,
    OTHER_ADDRESSEE,
)
from tests.services.suggestion.roads import TO_APPROVED, TO_DRAFT, TO_SERVED, breach, opened, walk


async def attempt(desk: Desk, matter: str, step: str, **changes: Any) -> tuple[int, dict[str, Any]]:
    """Try a step of the procuratorate; status and problem."""
    body = await desk.body(OPENER, desk.mechanism.step_by_key[step], **changes)
    answer = await desk.post(OPENER, f"{desk.path}/{matter}/steps/{step}", body)
    return answer.status_code, answer.json()


async def test_the_addressee_learns_of_it_with_the_service_and_not_before(desk: Desk) -> None:
    matter = await opened(desk, ())
    for stop in TO_APPROVED:
        await walk(desk, matter, (stop,))
        assert (await desk.get(ADDRESSEE, f"{desk.path}/{matter}")).status_code == 404
    await walk(desk, matter, ("deliver",))
    assert (await desk.read(matter, ADDRESSEE))["state"]["key"] == "delivered"


async def test_addressees_of_the_same_grouped_cases_do_not_see_one_another(desk: Desk) -> None:
    case = str(uuid4())
    matters = {}
    for unit in (ADDRESSEE, OTHER_ADDRESSEE):
        matter = matters[unit] = await opened(desk, ())
        await walk(desk, matter, (("group_cases", {"cases": [case]}), *TO_APPROVED))
        status, answer = await attempt(desk, matter, "deliver", parties={"addressee": unit})
        assert status == 200, answer
    for unit, other in ((ADDRESSEE, OTHER_ADDRESSEE), (OTHER_ADDRESSEE, ADDRESSEE)):
        listed = (await desk.get(unit, desk.path, limit=200)).json()["items"]
        assert matters[unit] in {each["id"] for each in listed}
        assert all(each["parties"]["addressee"] == unit for each in listed)
        assert (await desk.get(unit, f"{desk.path}/{matters[other]}")).status_code == 404
        # Nor do they learn what it was made of.
        assert (await desk.read(matters[unit], unit))["links"] == []
        assert (await desk.get(unit, desk.path, linked_to=case)).json()["items"] == []
        seen = (await desk.read(matters[unit], unit, "/history")) | (await desk.read(matters[unit], unit))
        assert case not in str(seen)
        assert other not in str(seen)
    found = (await desk.get(OPENER, desk.path, linked_to=case)).json()["items"]
    assert {each["id"] for each in found} == set(matters.values())
    assert (await desk.read(matters[ADDRESSEE]))["links"] == [{"rel": "takes_up", "matter": case}]


async def test_what_is_inside_the_procuratorate_is_sealed_for_others_and_the_chain_stays_whole(
    desk: Desk,
) -> None:
    matter = await opened(desk, ())
    secret = "现场发现三家商户无证经营。"
    await walk(desk, matter, ("investigate", ("record_measure", {"note": secret}), "report_investigation"))
    await walk(desk, matter, ("draft", "review_policy", "approve", "deliver"))
    own = (await desk.read(matter, part="/history"))["entries"]
    theirs = (await desk.read(matter, ADDRESSEE, "/history"))["entries"]
    inside = {"investigate", "record_measure", "report_investigation", "review_policy", "approve"}
    assert [entry["step"] for entry in theirs] == [
        "sealed" if entry["step"] in inside else entry["step"] for entry in own
    ]
    assert [(entry["previous"], entry["hash"]) for entry in theirs] == [
        (entry["previous"], entry["hash"]) for entry in own
    ]
    assert all(
        (entry["form"], entry["papers"], entry["person"], entry["clocks"]) == ({}, {}, None, [])
        for entry in theirs
        if entry["step"] == "sealed"
    )
    assert secret not in str(theirs)
    assert secret not in str(await desk.read(matter, ADDRESSEE))
    assert (await desk.read(matter, ADDRESSEE, "/history/verify"))["intact"]
    clocks = {run["key"] for run in await desk.read(matter, ADDRESSEE, "/clocks")}
    assert clocks == {"reply", "objection", "filing_up"}
    report = next(e["papers"] for e in own if e["step"] == "report_investigation")["investigation_report"][0][
        "id"
    ]
    assert (await desk.get(OPENER, f"{desk.path}/{matter}/papers/{report}")).status_code == 200
    # The desk's one paper of a unit serves for all its steps; what is sealed is judged by the entries.
    said = await desk.said(matter)
    sealed = [event for event in said if event["data"].get("step") in inside]
    assert len(sealed) == len(inside)
    assert all(event["units"] == [OPENER] for event in sealed)


async def test_one_suggestion_for_the_same_kind_of_breach(desk: Desk) -> None:
    kind = breach()
    first = await opened(desk, (), breach=kind)
    await walk(desk, first, TO_SERVED)
    second = await opened(desk, (), breach=kind)
    await walk(desk, second, TO_APPROVED)
    status, problem = await attempt(desk, second, "deliver")
    assert (status, problem["code"]) == (409, "already-open")
    assert first in problem["detail"]
    assert (await desk.read(second))["state"]["key"] == "approved"
    # To another unit it may go; and once the first is over, to this one again.
    await walk(desk, first, ("reply", "report_point", "verify_point", "close"))
    assert (await attempt(desk, second, "deliver"))[0] == 200
    # Then the first one cannot come to life beside it.
    status, problem = await attempt(desk, first, "reopen_point")
    assert (status, problem["code"]) == (409, "already-open")


async def test_another_level_or_place_is_for_its_own_procuratorate_unless_the_unit_is_in_the_case(
    desk: Desk,
) -> None:
    matter = await opened(desk, ())
    await walk(desk, matter, TO_APPROVED)
    status, problem = await attempt(desk, matter, "deliver", parties={"addressee": "LY-SC-300"})
    assert (status, problem["code"]) == (422, "unit-elsewhere")
    assert [error["field"] for error in problem["errors"]] == ["parties.addressee"]
    changes: dict[str, Any] = {"parties": {"addressee": "LY-SC-300"}, "form": {"unit_in_case": True}}
    assert (await attempt(desk, matter, "deliver", **changes))[0] == 200


async def test_each_type_has_its_addressees(desk: Desk) -> None:
    matter = await opened(desk, (), type="retrial")
    await walk(desk, matter, (*TO_DRAFT, "approve"))
    status, problem = await attempt(desk, matter, "deliver")
    assert (status, problem["code"]) == (422, "unit-wrong-kind")
    assert "court" in problem["detail"]


async def test_who_was_heard_on_the_draft_is_who_gets_it(desk: Desk) -> None:
    matter = await opened(desk, ())
    await walk(desk, matter, (*TO_DRAFT, "review_policy", "consult", "approve"))
    status, problem = await attempt(desk, matter, "deliver", parties={"addressee": OTHER_ADDRESSEE})
    assert (status, problem["code"]) == (422, "unit-bound")
    assert (await attempt(desk, matter, "deliver"))[0] == 200


@pytest.mark.parametrize("step", ["consult", "approve"])
async def test_social_governance_needs_the_policy_review(desk: Desk, step: str) -> None:
    matter = await opened(desk, ())
    await walk(desk, matter, TO_DRAFT)
    status, problem = await attempt(desk, matter, step)
    assert (status, problem["code"]) == (409, "step-not-open")


async def test_the_copies_are_told_and_may_read(desk: Desk) -> None:
    matter = await opened(desk, ())
    await walk(desk, matter, TO_APPROVED)
    status, problem = await attempt(desk, matter, "deliver", form={"copies": ["LY-XX-999"]})
    assert (status, [error["field"] for error in problem["errors"]]) == (422, ["form.copies.0"])
    assert (await desk.get(GOVERNMENT, f"{desk.path}/{matter}")).status_code == 404
    assert (await attempt(desk, matter, "deliver", form={"copies": [GOVERNMENT]}))[0] == 200
    assert (await desk.read(matter, GOVERNMENT))["next"] == []
    assert set((await desk.said(matter))[-1]["data"]["tell"]) == {ADDRESSEE, GOVERNMENT}


@pytest.mark.parametrize(
    ("step", "form", "field"),
    [
        ("draft", {"objection_days": None}, "body.form.objection_days"),
        ("draft", {"reply_period": None}, "body.form.reply_period"),
        ("draft", {"reply_period": "as_printed"}, "body.form"),
        ("draft", {"reply_days": 10}, "body.form"),
        ("draft", {"points": []}, "body.form.points"),
        ("deliver", {"method": "announce"}, "body.form"),
    ],
)
async def test_what_the_paper_must_hold(desk: Desk, step: str, form: dict[str, Any], field: str) -> None:
    matter = await opened(desk, ())
    await walk(desk, matter, ("investigate", "report_investigation") if step == "draft" else TO_APPROVED)
    status, problem = await attempt(desk, matter, step, form=form)
    assert status == 422, problem
    assert [error["field"].removeprefix("body.") for error in problem["errors"]] == [
        field.removeprefix("body.")
    ]


async def test_the_level_above_sees_it_once_it_is_filed_there_and_may_order_its_correction(
    desk: Desk,
) -> None:
    matter = await opened(desk, ())
    await walk(desk, matter, TO_SERVED)
    assert (await desk.get(CITY_PROCURATORATE, f"{desk.path}/{matter}")).status_code == 404
    await walk(desk, matter, ("file_up",))
    offered = (await desk.read(matter, CITY_PROCURATORATE))["next"]
    assert [step["step"] for step in offered] == ["order_correction"]
