"""Whoever reported is answered: by a token that reveals nothing, without an account and without seeing the child."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from deploy.local.servers import Servers
from services.minors.commands.protection import Protection
from services.minors.main import SERVICE
from shared.events import Event
from shared.mechanism.grammar import Mechanism
from tests.services.minors.conftest import (
    CITY_POLICE,
    EDUCATION,
    HOTLINE,
    POLICE,
    PROCURATORATE,
    REPORTING_MECHANISMS,
    REPORTING_NAMED,
    REPORTING_UNITS,
    SCHOOL,
)
from tests.services.minors.roads import ADMINISTRATIVE, CHILD, FACTS, REPORTER, TOLD_OF_PERSONS, walk
from tests.services.referral.desk import Desk, desk_on, new_key, unit_event

REPORT = REPORTING_MECHANISMS["mandatory_report"]
COMPLAINT = REPORTING_MECHANISMS["retaliation_complaint"]
PROTECTION = REPORTING_MECHANISMS["child_protection"]


@pytest.fixture
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    async with (
        servers.database() as database,
        desk_on(
            servers.mongo_url,
            database,
            service=SERVICE,
            mechanism=REPORT,
            opener=SCHOOL,
            named=REPORTING_NAMED,
            units=REPORTING_UNITS,
        ) as running,
    ):
        yield running


async def taken_down(desk: Desk, **form: Any) -> str:
    """Open a report as the hotline does for a person, who may stay unknown."""
    step = REPORT.step_by_key["take_down"]
    body = await desk.body(HOTLINE, step, form={"child": CHILD, "facts": FACTS, **form})
    answer = await desk.post(HOTLINE, f"{desk.path}/openings/take_down", body)
    assert answer.status_code == 201, answer.text
    matter: str = answer.json()["matter"]
    return matter


async def token_of(desk: Desk, unit: str, matter: str) -> str:
    answer = await desk.post(unit, f"{desk.path}/{matter}/follow-token", {})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


async def followed(desk: Desk, token: str) -> httpx.Response:
    return await desk.client.post("/v1/followed", json={"token": token})


@pytest.mark.parametrize("reporter", [REPORTER, None])
async def test_a_person_follows_the_report_by_its_token_alone(desk: Desk, reporter: Any) -> None:
    matter = await taken_down(desk, reporter=reporter)
    token = await token_of(desk, HOTLINE, matter)
    assert await token_of(desk, HOTLINE, matter) == token
    assert matter not in token
    first = (await followed(desk, token)).json()
    assert (first["told"], first["mark"]) == ([], None)
    await walk(desk, matter, (ADMINISTRATIVE,))
    accepted = (await followed(desk, token.replace("-", "").lower())).json()
    assert accepted["state"] != first["state"]
    assert len(accepted["told"]) == 1
    assert accepted["awaited"]
    await walk(desk, matter, ("open_admin_case", "give_feedback", "close_admin"))
    closed = (await followed(desk, token)).json()
    assert [each["at"] for each in closed["told"]] == sorted(each["at"] for each in closed["told"])
    assert closed["awaited"] == []
    shown = str([first, accepted, closed])
    assert not [word for word in (*TOLD_OF_PERSONS, matter, POLICE, HOTLINE) if word in shown]


async def test_nobody_but_the_opener_gets_the_token_and_a_wrong_one_finds_nothing(desk: Desk) -> None:
    matter = await taken_down(desk)
    for unit in (POLICE, PROCURATORATE, EDUCATION):
        assert (await desk.post(unit, f"{desk.path}/{matter}/follow-token", {})).status_code == 404
    token = await token_of(desk, HOTLINE, matter)
    wrong = ("B" if token[0] == "A" else "A") + token[1:]
    answer = await followed(desk, wrong)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert (await followed(desk, "short")).status_code == 422
    assert token not in str(await desk.mongo.database["followers"].find().to_list(None))


async def test_tokens_are_not_to_be_tried(desk: Desk) -> None:
    answers = [(await followed(desk, "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ")).status_code for _ in range(12)]
    assert answers == [404] * 10 + [429] * 2


async def test_a_late_answer_is_marked_until_it_is_given(desk: Desk) -> None:
    past = (desk.now() - timedelta(days=20)).isoformat()
    body = await desk.body(HOTLINE, REPORT.step_by_key["take_down"], acted_at=past)
    opened = await desk.post(HOTLINE, f"{desk.path}/openings/take_down", body)
    matter = opened.json()["matter"]
    token = await token_of(desk, HOTLINE, matter)
    await desk.timekeeper.tell()
    assert (await followed(desk, token)).json()["mark"] == "yellow"
    await walk(desk, matter, (ADMINISTRATIVE, "give_feedback"))
    assert (await followed(desk, token)).json()["mark"] is None


async def test_a_complaint_by_token_reaches_the_procuratorate_and_nobody_else(desk: Desk) -> None:
    matter = await taken_down(desk)
    token = await token_of(desk, HOTLINE, matter)
    body = {"token": token, "kind": "threat", "complaint": {"narrative": "试验申诉辰。"}}
    keys = [new_key()] * 2 + [""]
    answers = [
        await desk.client.post(
            "/v1/followed/complaints", json=body, headers={"Idempotency-Key": key} if key else {}
        )
        for key in keys
    ]
    assert [each.status_code for each in answers] == [204, 204, 400], answers[0].text
    path = f"/v1/{COMPLAINT.path}"
    mine = (await desk.get(PROCURATORATE, path)).json()["items"]
    assert [each["state"]["key"] for each in mine] == ["complained"]
    for unit in (SCHOOL, HOTLINE, POLICE, EDUCATION):
        assert (await desk.get(unit, path)).json()["items"] == []
        assert (await desk.get(unit, f"{path}/{mine[0]['id']}")).status_code == 404
    label = (await desk.get(PROCURATORATE, f"{path}/{mine[0]['id']}/secrets")).json()[0]["label"]
    asked = {"label": label, "purpose": "reporter_protection"}
    opened = await desk.post(PROCURATORATE, f"{path}/{mine[0]['id']}/disclosures", asked)
    assert opened.json()["fields"] == {"narrative": "试验申诉辰。"}
    wrong = {**body, "token": "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ"}
    answer = await desk.client.post("/v1/followed/complaints", json=wrong, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 404


async def test_the_childs_protection_begins_once_with_acceptance_and_never_holds_the_report_up(
    desk: Desk,
) -> None:
    matter = await taken_down(desk)
    await walk(desk, matter, (ADMINISTRATIVE,))
    (said,) = [each for each in await desk.said(matter) if each["type"].endswith(".accepted")]
    for _ in range(3):
        await Protection(desk.commands).begin(Event.from_document(said))
    path = f"/v1/{PROTECTION.path}"
    found = (await desk.get(POLICE, path, linked_to=matter)).json()["items"]
    assert [(each["state"]["key"], each["correlation"]) for each in found] == [("open", matter)]
    await walk(desk, matter, ("open_admin_case", "give_feedback", "close_admin"))
    assert (await desk.get(POLICE, f"{path}/{found[0]['id']}")).json()["state"]["key"] == "open"


async def test_a_report_that_is_not_accepted_climbs_to_the_superior_and_is_never_closed(desk: Desk) -> None:
    superior = unit_event(POLICE, "public_security", "410329", version=2)
    superior = replace(superior, data={**superior.data, "superior": CITY_POLICE})
    await desk.store.directory.hear(superior)
    told = {}
    for minutes in (5, 40, 150):
        then = (desk.now() - timedelta(minutes=minutes)).isoformat()
        matter = await desk.open(acted_at=then)
        await desk.timekeeper.tell()
        said = [
            each["data"] for each in await desk.said(matter) if each["type"].endswith("deadline_reminded")
        ]
        told[minutes] = [(each["clock"]["key"], set(each["tell"])) for each in said]
        assert (await desk.read(matter, POLICE))["state"]["key"] == "reported"
    first = ("acceptance_target", {POLICE, PROCURATORATE})
    assert told == {
        5: [],
        40: [first],
        150: [first, ("acceptance_ladder", {POLICE, PROCURATORATE, CITY_POLICE})],
    }


@pytest.mark.parametrize("mechanism", REPORTING_MECHANISMS.values(), ids=REPORTING_MECHANISMS)
def test_no_guardian_is_ever_told_by_the_system(mechanism: Mechanism) -> None:
    """A guardian is no party, and decides nothing here: there is nobody whom a step could tell."""
    assert not [party.key for party in mechanism.parties if "guardian" in party.key]
