"""Who reads what of a child and of a reporter: field by field, by the role in the very matter, and never unseen."""

import asyncio
import base64
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.servers import Servers
from services.minors.main import SERVICE
from shared.events import Event
from shared.matters.secrecy.accesses import Logged
from shared.matters.secrecy.erasure import Erasure
from shared.mechanism.grammar import Mechanism, Secret
from tests.services.minors.conftest import (
    CIVIL_AFFAIRS,
    EDUCATION,
    POLICE,
    PROCURATORATE,
    REPORTING_MECHANISMS,
    REPORTING_NAMED,
    REPORTING_UNITS,
    SCHOOL,
    WOMENS_FEDERATION,
)
from tests.services.minors.roads import ADMINISTRATIVE, CHILD, FACTS, REPORTER, SECRETS, walk
from tests.services.referral.desk import Desk, desk_on, new_key
from tests.shared.keyserver import key_server

REPORT = REPORTING_MECHANISMS["mandatory_report"]
GUARD = ("minors_officer",)
CALLED = tuple(step.key for step in REPORT.steps if step.key.startswith("call_in_"))
STRANGER = "LY-XX-330"


@pytest.fixture(scope="module")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    async with servers.database() as database, report_desk(servers, database) as running:
        yield running


def report_desk(servers: Servers, database: str, mechanism: Mechanism = REPORT, **more: Any) -> Any:
    return desk_on(
        servers.mongo_url,
        database,
        service=SERVICE,
        mechanism=mechanism,
        opener=SCHOOL,
        named=REPORTING_NAMED,
        units=REPORTING_UNITS,
        **more,
    )


async def reported(desk: Desk, **secrets: Any) -> str:
    given = secrets or {"child": CHILD, "facts": FACTS, "reporter": REPORTER}
    return await desk.open(form=given)


async def everybody_called_in(desk: Desk) -> str:
    """Return a report in which every organ that can be a party is one."""
    matter = await reported(desk)
    await desk.take(matter, "accept", "file_for_record", *CALLED)
    return matter


async def labels(desk: Desk, unit: str, matter: str) -> dict[str, str]:
    """Return the label of each secret that the unit knows of."""
    answer = await desk.get(unit, f"{desk.path}/{matter}/secrets")
    assert answer.status_code == 200, answer.text
    return {each["secret"]: each["label"] for each in answer.json()}


async def disclose(
    desk: Desk, unit: str, matter: str, label: str, *fields: str, posts: tuple[str, ...] = GUARD, **more: Any
) -> httpx.Response:
    body = {"label": label, "purpose": "case_handling", **more}
    if fields:
        body["fields"] = list(fields)
    return await desk.post(unit, f"{desk.path}/{matter}/disclosures", body, posts=posts)


async def logged(desk: Desk, matter: str) -> list[Logged]:
    """Return what the log says of a matter, the oldest first."""
    found = await desk.store.accesses.page("410329", matter=matter, before=None, limit=10_000)
    return found[::-1]


def declared(secret: Secret, parties: Mapping[str, str], field: str, unit: str) -> bool:
    return any(parties.get(party.key) == unit for party in secret.readers[field])


async def test_every_cell_of_role_field_and_matter_is_as_declared_and_every_reading_is_logged(
    desk: Desk,
) -> None:
    whole, bare = await everybody_called_in(desk), await reported(desk)
    read, tried = 0, 0
    for matter in (whole, bare):
        parties = (await desk.store.matters.find_own(matter)).parties  # type: ignore[union-attr]
        known = await labels(desk, POLICE, matter)
        assert set(known) == {"child", "facts", "reporter"}
        granted = set()
        for unit, secret in itertools.product(REPORTING_UNITS, REPORT.secrets):
            for field in secret.readers:
                answer = await disclose(desk, unit, matter, known[secret.key], field)
                tried += 1
                if declared(secret, parties, field, unit):
                    assert answer.status_code == 200, (unit, secret.key, field, answer.text)
                    assert answer.json()["fields"] == {field: SECRETS[secret.key][field]}
                    granted.add((unit, known[secret.key], field))
                else:
                    assert answer.status_code in (403, 404), (unit, secret.key, field, answer.text)
                    assert SECRETS[secret.key][field] not in answer.text
        entries = [each.access for each in await logged(desk, matter)]
        found = {(e.unit, e.subject, e.fields[0]) for e in entries if e.outcome == "granted"}
        assert found == granted
        assert len([e for e in entries if e.outcome == "granted"]) == len(granted)
        read += len(granted)
    assert tried == 2 * len(REPORTING_UNITS) * sum(len(secret.readers) for secret in REPORT.secrets)
    assert read > 2 * 17
    assert (await desk.store.accesses.verify(0, 100_000))[1] is None


async def test_all_fields_are_those_of_the_role_and_what_was_not_given_is_not_there(desk: Desk) -> None:
    matter = await reported(desk, child={"name": CHILD["name"], "school": CHILD["school"]})
    await desk.take(matter, "accept", "call_in_civil_affairs")
    label = (await labels(desk, CIVIL_AFFAIRS, matter))["child"]
    answer = await disclose(desk, CIVIL_AFFAIRS, matter, label)
    assert answer.json()["fields"] == {"name": CHILD["name"]}
    listed = (await desk.get(CIVIL_AFFAIRS, f"{desk.path}/{matter}/secrets")).json()
    assert [(each["secret"], set(each["fields"])) for each in listed] == [
        ("child", {"name", "born_on", "gender", "home", "guardians"})
    ]


@pytest.mark.parametrize("child", [{}, {"born_on": None}, {"born_on": "2015-02-28"}])
async def test_a_child_under_fourteen_or_of_unknown_age_is_read_by_its_officer_only(
    desk: Desk, child: dict[str, Any]
) -> None:
    matter = await reported(desk, child={"name": CHILD["name"], **child})
    label = (await labels(desk, POLICE, matter))["child"]
    refused = await disclose(desk, POLICE, matter, label, "name", posts=())
    assert (refused.status_code, refused.json()["code"]) == (403, "post-required")
    assert (await disclose(desk, POLICE, matter, label, "name")).status_code == 200
    outcomes = [(each.access.outcome, each.access.age) for each in await logged(desk, matter)]
    assert outcomes == [("refused", "under_14"), ("granted", "under_14")]


async def test_an_older_child_is_read_by_the_case_team(desk: Desk) -> None:
    matter = await reported(desk, child={"name": CHILD["name"], "born_on": "2011-01-01"})
    label = (await labels(desk, POLICE, matter))["child"]
    assert (await disclose(desk, POLICE, matter, label, "name", posts=())).status_code == 200


async def test_a_purpose_is_needed_and_it_must_be_one_of_the_secrets_own(desk: Desk) -> None:
    matter = await reported(desk)
    known = await labels(desk, POLICE, matter)
    path = f"{desk.path}/{matter}/disclosures"
    for body in ({"label": known["child"]}, {"label": known["child"], "purpose": "curiosity"}):
        answer = await desk.post(POLICE, path, body, posts=GUARD)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "purpose"
    answer = await disclose(desk, POLICE, matter, known["reporter"], purpose="child_protection")
    assert (answer.status_code, answer.json()["code"]) == (422, "purpose-unknown")
    assert await logged(desk, matter) == []
    answer = await disclose(desk, POLICE, matter, known["child"], "colour")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "fields.0")


async def test_who_may_not_see_a_matter_is_answered_as_if_there_were_none(desk: Desk) -> None:
    matter = await reported(desk)
    label = (await labels(desk, POLICE, matter))["child"]
    none = "00000000-0000-5000-8000-000000000000"
    for place in (matter, none):
        answer = await disclose(desk, STRANGER, place, label)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    foreign = await disclose(desk, POLICE, matter, "C-AAAAAAAA")
    assert (foreign.status_code, foreign.json()) == (404, answer.json())


async def test_the_reporter_follows_and_sees_nothing_of_the_child(desk: Desk) -> None:
    matter = await everybody_called_in(desk)
    for part in ("", "/history", "/clocks"):
        text = (await desk.get(SCHOOL, f"{desk.path}/{matter}{part}")).text
        assert not [
            value for value in CHILD.values() if value in text and value not in ("female", "resident_id")
        ]
    assert {each["secret"] for each in (await desk.get(SCHOOL, f"{desk.path}/{matter}/secrets")).json()} == {
        "child",
        "facts",
        "reporter",
    }
    for label in (await labels(desk, SCHOOL, matter)).values():
        assert (await disclose(desk, SCHOOL, matter, label)).json()["code"] == "not-granted"


async def test_who_reported_is_not_told_to_those_who_are_called_in(desk: Desk) -> None:
    matter = await everybody_called_in(desk)
    view = await desk.read(matter, CIVIL_AFFAIRS)
    assert "reporter_unit" not in view["parties"]
    assert (await desk.read(matter, POLICE))["parties"]["reporter_unit"] == SCHOOL
    for part in ("", "/history"):
        assert SCHOOL not in (await desk.get(CIVIL_AFFAIRS, f"{desk.path}/{matter}{part}")).text
        assert f"P-{SCHOOL}" not in (await desk.get(WOMENS_FEDERATION, f"{desk.path}/{matter}{part}")).text
    mine = (await desk.get(CIVIL_AFFAIRS, desk.path, party=SCHOOL)).json()
    assert mine["items"] == []
    assert matter in {
        each["id"] for each in (await desk.get(POLICE, desk.path, party=SCHOOL)).json()["items"]
    }
    for each in await desk.said(matter):
        event = Event.from_document(each)
        assert SCHOOL not in str({**event.data, "tell": ()})


async def test_the_feed_tells_neither_whom_else_nor_how_much_else(desk: Desk) -> None:
    matters = [await everybody_called_in(desk), await reported(desk), await reported(desk)]
    events = [Event.from_document(each) for matter in matters for each in await desk.said(matter)]
    await desk.store.feed.append(events)
    mine = (await desk.get(CIVIL_AFFAIRS, "/v1/events")).json()
    assert {each["number"] for each in mine["items"]} == {None}
    assert {unit for each in mine["items"] for unit in each["data"]["tell"]} == {CIVIL_AFFAIRS}
    assert SCHOOL not in str(mine)
    assert mine["after"] == mine["items"][-1]["id"]
    assert (await desk.get(CIVIL_AFFAIRS, "/v1/events", after=mine["after"])).json()["items"] == []
    foreign = next(event.id for event in events if CIVIL_AFFAIRS not in event.units)
    none = "00000000-0000-5000-8000-000000000000"
    answers = [await desk.get(CIVIL_AFFAIRS, "/v1/events", after=each) for each in (foreign, none, "17")]
    assert [each.status_code for each in answers] == [422] * 3
    assert len({each.text for each in answers}) == 1


async def test_a_foreign_matter_is_answered_as_fast_as_none(desk: Desk) -> None:
    matter, none = await everybody_called_in(desk), "00000000-0000-5000-8000-000000000000"
    took: dict[str, list[float]] = {matter: [], none: []}
    for _ in range(300):
        for each, times in took.items():
            began = time.perf_counter()
            answer = await desk.get(STRANGER, f"{desk.path}/{each}")
            times.append(time.perf_counter() - began)
            assert answer.status_code == 404
    foreign, missing = statistics.median(took[matter]), statistics.median(took[none])
    assert abs(foreign - missing) < 0.2 * missing, (foreign, missing)


async def test_a_matter_is_found_by_the_whole_number_of_a_child_and_only_where_it_may_be_read(
    desk: Desk,
) -> None:
    number = "990000201402300000"
    matter = await reported(desk, child={**CHILD, "id_number": number})
    path = f"{desk.path}/lookups/child"
    for value in (number, f" {number} "):
        body = {"value": value, "purpose": "case_handling"}
        found = (await desk.post(POLICE, path, body, posts=GUARD)).json()
        assert [each["id"] for each in found] == [matter]
    for unit in (SCHOOL, CIVIL_AFFAIRS, EDUCATION, STRANGER):
        assert (await desk.post(unit, path, body, posts=GUARD)).json() == []
    assert (await desk.post(POLICE, path, body, posts=())).status_code == 403
    part = {"value": number[:-1], "purpose": "case_handling"}
    assert (await desk.post(POLICE, path, part, posts=GUARD)).json() == []
    log = await desk.store.accesses.page("410329", matter=None, before=None, limit=8)
    assert next(each.access.hits for each in log if each.access.subject == "child") == 0


async def test_the_glass_is_broken_by_two_of_one_unit_for_half_an_hour_and_the_owners_are_told(
    desk: Desk,
) -> None:
    matter = await everybody_called_in(desk)
    label = (await labels(desk, WOMENS_FEDERATION, matter))["child"]
    base = f"{desk.path}/{matter}/grants"
    body = {"label": label, "fields": ["home"], "purpose": "rescue", "reason": "试验紧急理由寅"}
    asked = await desk.post(WOMENS_FEDERATION, base, body, posts=())
    assert asked.status_code == 201, asked.text
    grant = asked.json()["id"]

    async def read() -> httpx.Response:
        return await disclose(desk, WOMENS_FEDERATION, matter, label, "home", posts=(), grant=grant)

    assert (await read()).json()["code"] == "grant-closed"
    release = f"{base}/{grant}/release"
    alone = await desk.post(WOMENS_FEDERATION, release, {}, posts=("department_head",))
    assert (alone.status_code, alone.json()["code"]) == (403, "second-officer-needed")
    second: dict[str, Any] = {"unit": WOMENS_FEDERATION, "sub": "P-second", "scope": "secrets:read"}
    plain = desk.issuer.token(**second, posts=[])
    head = desk.issuer.token(**second, posts=["department_head"])
    for token, code in ((plain, 403), (head, 200), (head, 200)):
        answer = await desk.client.post(release, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == code, answer.text
    outsider = await desk.post(CIVIL_AFFAIRS, release, {}, posts=("department_head",))
    assert outsider.status_code == 404
    assert (await read()).json()["fields"] == {"home": CHILD["home"]}
    # Not another field, not another person of the unit, not after its time.
    wider = await disclose(desk, WOMENS_FEDERATION, matter, label, "school", posts=(), grant=grant)
    assert wider.json()["code"] == "not-granted"
    theirs = {"label": label, "purpose": "rescue", "grant": grant, "fields": ["home"]}
    headers = {"Authorization": f"Bearer {head}"}
    other = await desk.client.post(f"{desk.path}/{matter}/disclosures", json=theirs, headers=headers)
    assert other.json()["code"] == "grant-closed"
    document = await desk.store.grants.collection.find_one({"_id": grant})
    assert document is not None
    (said,) = (Event.from_document(each) for each in document["outbox"])
    assert said.type == "minors.mandatory_report.glass_broken"
    assert set(said.data["tell"]) == {POLICE, PROCURATORATE}
    assert "试验紧急理由寅".encode() not in bytes(document["reason"])
    past = {"$set": {"until": desk.store.accesses.now()}}
    await desk.store.grants.collection.update_one({"_id": grant}, past)
    assert (await read()).json()["code"] == "grant-closed"
    outcomes = [(e.access.outcome, e.access.released_by) for e in await logged(desk, matter)]
    assert ("asked", None) in outcomes
    assert ("granted", "P-second") in outcomes
    assert [outcome for outcome, _ in outcomes].count("released") == 1


async def test_papers_are_sealed_and_read_through_the_matter_only(desk: Desk) -> None:
    matter = await everybody_called_in(desk)
    await desk.take(matter, "not_file")
    paper = await desk.paper(POLICE)
    assert (await desk.get(POLICE, f"/v1/papers/{paper}")).status_code == 404
    assert (await desk.get(POLICE, f"{desk.path}/{matter}/papers/{paper}")).status_code == 404
    path = f"{desk.path}/{matter}/papers/{paper}/disclosures"
    body = {"purpose": "case_handling"}
    answer = await desk.post(POLICE, path, body, posts=GUARD)
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF-1.7")
    assert (await desk.post(POLICE, path, body, posts=())).json()["code"] == "post-required"
    assert (await desk.post(CIVIL_AFFAIRS, path, body, posts=GUARD)).status_code in (403, 404)
    async for chunk in desk.mongo.database["fs.chunks"].find({}):
        assert b"%PDF" not in chunk["data"]


async def test_what_was_erased_is_gone_for_everybody_and_nothing_is_added_again(desk: Desk) -> None:
    matter, other = await reported(desk), await reported(desk)
    known = await labels(desk, POLICE, matter)
    before = await desk.store.matters.collection.find_one({"_id": matter})
    await walk(desk, matter, (ADMINISTRATIVE, "open_admin_case", "give_feedback", "close_admin"))
    step = REPORT.step_by_key["erase"]
    body = await desk.body(PROCURATORATE, step)
    path = f"{desk.path}/{matter}/steps/erase"
    assert (await desk.post(PROCURATORATE, path, body, posts=())).json()["code"] == "post-required"
    answer = await desk.post(PROCURATORATE, path, body, posts=("data_officer",))
    assert answer.status_code == 200, answer.text
    document = await desk.store.matters.collection.find_one({"_id": matter})
    assert document is not None
    assert not {"secrets", "found_by"} & document.keys()
    (said,) = [each for each in document["outbox"] if each["type"].endswith(".erased")]
    await Erasure(desk.store).hear(Event.from_document(said))
    for label in known.values():
        assert (await disclose(desk, POLICE, matter, label)).status_code == 410
    assert (await desk.read(matter, POLICE, "/history/verify"))["intact"]
    # A copy of the data from before does not help.
    assert before is not None
    await desk.store.matters.collection.replace_one({"_id": matter}, before)
    for label in known.values():
        assert (await disclose(desk, POLICE, matter, label)).status_code == 410
    await desk.store.matters.collection.replace_one({"_id": matter}, document)
    more = await desk.body(POLICE, REPORT.step_by_key["supplement"], form={"facts": FACTS})
    refused = await desk.post(POLICE, f"{desk.path}/{matter}/steps/supplement", more)
    assert refused.status_code == 409
    assert (
        await disclose(desk, POLICE, other, (await labels(desk, POLICE, other))["child"])
    ).status_code == 200


async def test_with_the_key_server_away_secrets_are_answered_503_and_all_else_goes_on(
    servers: Servers, tmp_path: Path
) -> None:
    async with servers.database() as database, key_server(tmp_path) as server:
        key = await server.new_key()
        kmip: dict[str, Any] = {
            "hash_key": base64.b64encode(b"k" * 32).decode(),
            "key_provider": "kmip",
            "key_name": key,
            "kmip_endpoint": f"127.0.0.1:{server.port}",
            "kmip_ca_file": server.ca_file,
            "kmip_certificate_file": server.certificate_file,
        }
        async with report_desk(servers, database, **kmip) as desk:
            matter = await reported(desk)
            label = (await labels(desk, POLICE, matter))["child"]
            assert (await disclose(desk, POLICE, matter, label)).status_code == 200
        await server.process.kill()
        # Another process, that has no key in memory.
        async with report_desk(servers, database, **kmip) as desk:
            before = await desk.mongo.database["matters"].count_documents({})
            answer = await disclose(desk, POLICE, matter, label)
            assert (answer.status_code, answer.json()["code"]) == (503, "secrets-unavailable")
            assert "Retry-After" in answer.headers
            body = await desk.body(SCHOOL, REPORT.opening, form={"child": CHILD})
            key_of_request = new_key()
            answer = await desk.post(SCHOOL, desk.path, body, key=key_of_request)
            assert (answer.status_code, answer.json()["code"]) == (503, "secrets-unavailable")
            assert await desk.mongo.database["matters"].count_documents({}) == before
            assert (await logged(desk, matter))[-1].access.outcome == "granted"
            # What tells nothing of persons goes on: a report without names, its acceptance, and reading.
            bare = await desk.open()
            assert (await desk.read(bare, POLICE))["state"]["key"] == "reported"
            await server.process.start()
            answer = await desk.post(SCHOOL, desk.path, body, key=key_of_request)
            while answer.status_code == 503:
                await asyncio.sleep(0.2)
                answer = await desk.post(SCHOOL, desk.path, body, key=key_of_request)
            assert answer.status_code == 201


async def test_a_new_master_key_keeps_every_secret_readable(servers: Servers, tmp_path: Path) -> None:
    async with servers.database() as database, report_desk(servers, database) as desk:
        matter = await reported(desk)
        label = (await labels(desk, POLICE, matter))["child"]
        folder = desk.parts.settings.local_keys
        (folder / "second.key").write_text((folder / "first.key").read_text()[::-1].replace("=", "A"))
        newer = {"key_name": "second", "local_keys": folder}
        settings = desk.parts.settings.model_copy(update=newer)
        async with SERVICE.parts(settings) as parts:
            assert parts.keeping.vault is not None
            assert await parts.keeping.vault.rewrap() > 0
        (folder / "first.key").unlink()
        async with SERVICE.parts(settings) as parts:
            assert parts.keeping.vault is not None
            kept = await parts.keeping.matters.sealed(matter, label)
            assert kept is not None
            assert (await parts.keeping.vault.open(matter, kept["fields"]))["name"] == CHILD["name"]
