"""A forward transfer from its registration to the desks of everybody concerned, through running processes."""

import asyncio
import time
from datetime import datetime, timedelta

from tests.journeys import order
from tests.journeys.city import (
    COMMISSION,
    MATTERS,
    ORGAN,
    OTHER_POLICE,
    POLICE,
    PROCURATORATE,
    UNITS,
    City,
    until,
)

TO_DELIVERY = ("name_team", "submit_report", "approve", "deliver")
TO_FILING = (*TO_DELIVERY, "sign_receipt", "file", "serve_filing_notice", "hand_over", "sign_handover")
TO_SUPERVISION = (
    *(*TO_DELIVERY, "sign_receipt", "ask_supplement", "supply", "decline", "serve_non_filing_notice"),
    *("ask_reconsideration", "uphold", "serve_reconsideration_decision", "suggest_supervision"),
)


async def test_every_unit_is_told_of_its_matters_in_order_by_webhook_and_by_feed(city: City) -> None:
    ways = (TO_FILING, TO_SUPERVISION, ("ask_opinion", "give_opinion", "name_team", "refer_duty_crime"))
    matters = await asyncio.gather(*(city.walk(*way) for way in ways for _ in range(3)))
    states = [(await city.read(ORGAN, f"{MATTERS}/{matter}"))["state"]["key"] for matter in matters]
    assert states == ["handed_over"] * 3 + ["supervision_suggested"] * 3 + ["verifying"] * 3
    await city.settle()
    for unit in (ORGAN, POLICE, PROCURATORATE, COMMISSION):
        due = await order.due(city, unit, matters)
        assert due, unit
        assert all(told == due for told in (await order.told(city, unit, matters)).values()), unit
    # Who is no party of a matter hears nothing of it, nor may it be seen.
    assert not [each for each in await city.feed(OTHER_POLICE) if each["matter"] in matters]
    assert (await city.call(OTHER_POLICE, "GET", f"{MATTERS}/{matters[0]}")).status_code == 404


async def test_a_notice_says_what_is_due_and_until_when(city: City) -> None:
    matter = await city.walk(*TO_DELIVERY, "sign_receipt")
    await city.settle()
    notice = (await city.feed(ORGAN))[-1]
    assert (notice["matter"], notice["step"], notice["state"]) == (matter, "sign_receipt", "received")
    assert "公安已接收" in notice["text"]["zh"]
    assert "received by the police" in notice["text"]["en"]
    clocks = await city.read(POLICE, f"{MATTERS}/{matter}/clocks")
    due = {clock["key"]: clock["due_at"] for clock in clocks}
    assert {"decision", "supplement_request"} <= due.keys()


async def test_overdue_and_lapsed_are_said_within_two_seconds(city: City) -> None:
    earlier, just_now = city.ago(hours=30), city.ago(hours=24, seconds=-8)
    approved, received = await asyncio.gather(
        city.walk("name_team", "submit_report", acted_at=earlier),
        city.walk(*TO_DELIVERY, acted_at=earlier),
    )
    await city.go_on(approved, "approve", acted_at=just_now)
    await city.go_on(received, "sign_receipt", acted_at=just_now)
    moment = datetime.fromisoformat(just_now) + timedelta(hours=24)
    wanted = {
        (approved, "referral.forward_transfer.duty_missed", "dispatch"),
        (received, "referral.forward_transfer.right_lapsed", "supplement_request"),
    }

    async def spied() -> dict[tuple[str, str, str], float]:
        return {
            (each.event.subject, each.event.type, each.event.data["clock"]["key"]): each.at
            for each in list(city.spied)
            if each.event.subject in (approved, received) and "clock" in each.event.data
        }

    assert not wanted & (await spied()).keys()
    assert time.time() < moment.timestamp()

    async def over() -> bool:
        return wanted <= (await spied()).keys()

    await until(over, 15)
    times = await spied()
    assert all(0 <= times[each] - moment.timestamp() < 2 for each in wanted)
    # Not before the moment and not by a repeat: once, to the debtor and to who oversees it.
    await city.settle()
    for unit in (ORGAN, PROCURATORATE):
        missed = [
            n for n in await city.feed(unit) if n["matter"] == approved and n["type"].endswith("duty_missed")
        ]
        assert [notice["clock"] for notice in missed] == ["dispatch"]
    assert (await city.read(ORGAN, f"{MATTERS}/{approved}"))["overdue"]
    assert approved in [each["id"] for each in (await city.read(ORGAN, MATTERS, overdue=True))["items"]]


async def test_the_roster_is_said_to_who_binds_parties_by_it(city: City) -> None:
    report = await city.import_roster()
    assert (report["unchanged"], report["refused"]) == (len(UNITS), 0)
    roster = "code,name,kind,division,active\nLY-GA-999,伊川县公安局某分局,public_security,410329,{}\n"
    assert (await city.import_roster(roster.format("true")))["created"] == 1

    async def bound() -> bool:
        matter = await city.walk("name_team", "submit_report", "approve")
        answer = await city.act(ORGAN, "deliver", matter, parties={"police": "LY-GA-999"})
        assert answer.status_code in {200, 422}
        return answer.status_code == 200

    await until(bound)
    assert (await city.import_roster(roster.format("false")))["updated"] == 1

    async def given_up() -> bool:
        return not await bound()

    await until(given_up)
    wrong = await city.walk("name_team", "submit_report", "approve")
    answer = await city.act(ORGAN, "deliver", wrong, parties={"police": PROCURATORATE})
    assert (answer.status_code, answer.json()["code"]) == (422, "unit-wrong-kind")


async def test_a_service_without_a_directory_gets_it_by_asking(city: City) -> None:
    worker, kept = city.suite.services["referral"].worker, city.databases["referral"].database["units"]
    await worker.stop()
    before = await kept.find({}).sort("_id", 1).to_list(None)
    await kept.delete_many({})
    await asyncio.sleep(2.1)  # for so long a unit is believed without looking again
    answer = await city.act(ORGAN, "register")
    assert (answer.status_code, answer.json()["code"]) == (403, "unit-unknown")
    await city.started()
    await until(city.known)

    async def the_same() -> bool:
        return await kept.find({}).sort("_id", 1).to_list(None) == before

    await until(the_same)
    asked = [each for each in city.spied if each.event.type == "referral.directory.asked"]
    assert asked
    await asyncio.sleep(2.1)
    assert (await city.act(ORGAN, "register")).status_code == 201
