"""The directory over HTTP: kept, versioned, imported, said to the others, and its addresses to nobody."""

import asyncio
import io
import uuid
from datetime import UTC, datetime

import pytest
from openpyxl import Workbook

from services.notifier.domain.roster import CSV, XLSX
from shared.events import Event
from tests.services.notifier.house import KEEPER, House, eventually, new_unit, unit_body

CANARY = "13800138000-canary"


async def test_a_unit_is_created_read_and_said(house: House):
    code = new_unit()
    contact = {"role": "duty_desk", "channel": "phone", "address": CANARY}
    answer = await house.keep("PUT", f"/v1/units/{code}", json=unit_body(contact_points=[contact]))
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    read = await house.keep("GET", f"/v1/units/{code}")
    assert read.status_code == 200
    assert read.json() == answer.json()
    assert read.json() | unit_body() == read.json()

    async def said():
        return [event for event in house.said if event.subject == code]

    (event,) = await eventually(said)
    assert event.type == "notifier.unit.changed"
    assert event.data == {
        "code": code,
        "name": "西工公安分局",
        "kind": "public_security",
        "division": "410303",
        "superior": None,
        "active": True,
        "version": 1,
    }


async def test_where_a_unit_is_reached_is_shown_to_itself_and_to_the_keeper_alone(house: House):
    code = new_unit()
    contact = {"role": "duty_desk", "channel": "phone", "address": CANARY}
    await house.keep("PUT", f"/v1/units/{code}", json=unit_body(contact_points=[contact]))
    path = f"/v1/units/{code}"
    assert (await house.keep("GET", path)).json()["contact_points"] == [contact]
    assert (await house.call(code, "GET", path)).json()["contact_points"] == [contact]
    assert (await house.call("LY-X-1", "GET", path)).json()["contact_points"] == []
    assert CANARY not in (await house.call("LY-X-1", "GET", "/v1/units")).text


async def test_a_change_needs_the_version_that_was_read(house: House):
    path = f"/v1/units/{new_unit()}"
    await house.keep("PUT", path, json=unit_body())
    body = unit_body(name="改名后的分局")
    assert (await house.keep("PUT", path, json=body)).status_code == 428
    changed = await house.keep("PUT", path, json=body, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    stale = await house.keep("PUT", path, json=unit_body(), headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["version"]) == (412, 2)
    same = await house.keep("PUT", path, json=body, headers={"If-Match": '"2"'})
    assert (same.status_code, same.headers["ETag"]) == (200, '"2"')
    new = await house.keep("PUT", f"/v1/units/{new_unit()}", json=body, headers={"If-Match": '"1"'})
    assert new.status_code == 412


async def test_a_unit_never_vanishes(house: House):
    code = new_unit()
    path = f"/v1/units/{code}"
    await house.keep("PUT", path, json=unit_body())
    assert (await house.keep("DELETE", path)).status_code == 428
    assert (await house.keep("DELETE", path, headers={"If-Match": '"1"'})).status_code == 204
    read = await house.keep("GET", path)
    assert (read.status_code, read.json()["active"], read.json()["version"]) == (200, False, 2)
    assert (
        await house.keep("DELETE", f"/v1/units/{new_unit()}", headers={"If-Match": '"1"'})
    ).status_code == 404

    async def said():
        return [event for event in house.said if event.subject == code and not event.data["active"]]

    await eventually(said)


async def test_a_faulty_record_is_refused_field_by_field_and_nothing_is_kept(house: House):
    code = new_unit()
    body = unit_body(division="410381", uscc="114103030050000001", superior="LY-NOBODY")
    answer = await house.keep("PUT", f"/v1/units/{code}", json=body)
    assert answer.status_code == 422
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [
        ("division", "division-abolished"),
        ("uscc", "uscc-invalid"),
        ("superior", "superior-unknown"),
    ]
    assert (await house.keep("GET", f"/v1/units/{code}")).status_code == 404


async def test_a_line_of_superiors_cannot_become_a_circle(house: House):
    top, below = new_unit(), new_unit()
    await house.keep("PUT", f"/v1/units/{top}", json=unit_body())
    await house.keep("PUT", f"/v1/units/{below}", json=unit_body(superior=top))
    answer = await house.keep(
        "PUT", f"/v1/units/{top}", json=unit_body(superior=below), headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "superior-cycle"


async def test_writing_needs_its_scope(house: House):
    unit = new_unit()
    for method, path in (
        ("PUT", f"/v1/units/{unit}"),
        ("DELETE", f"/v1/units/{unit}"),
        ("POST", "/v1/units/import"),
    ):
        answer = await house.call(unit, method, path, json=unit_body())
        assert (answer.status_code, answer.json()["scopes"]) == (403, ["directory:write"])


async def test_units_are_listed_page_by_page_with_filters(house: House):
    codes = [new_unit() for _ in range(5)]
    for code in codes:
        await house.keep("PUT", f"/v1/units/{code}", json=unit_body(kind="civil_affairs", division="410327"))
    await house.keep("DELETE", f"/v1/units/{codes[0]}", headers={"If-Match": '"1"'})
    query = {"kind": "civil_affairs", "division": "410327", "active": "true", "limit": 3}
    first = await house.keep("GET", "/v1/units", params=query)
    assert [each["code"] for each in first.json()["items"]] == codes[1:4]
    assert 'rel="next"' in first.headers["Link"]
    rest = await house.keep("GET", "/v1/units", params={**query, "cursor": first.json()["next"]})
    assert [each["code"] for each in rest.json()["items"]] == codes[4:]
    assert rest.json()["next"] is None
    other = await house.keep("GET", "/v1/units", params={"kind": "court", "cursor": first.json()["next"]})
    assert (other.status_code, other.json()["code"]) == (400, "cursor-mismatch")


async def test_divisions_are_listed_with_the_abolished_ones(house: House):
    items = (await house.keep("GET", "/v1/divisions")).json()["items"]
    (old,) = [each for each in items if each["code"] == "410381"]
    assert old == {
        "code": "410381",
        "name": "偃师市",
        "parent": "410300",
        "valid_from": "1993-01-01",
        "valid_to": "2021-03-18",
        "successor": "410307",
        "live": False,
    }
    live = (await house.keep("GET", "/v1/divisions", params={"live": "true"})).json()["items"]
    assert "410381" not in {each["code"] for each in live}


async def test_an_import_reports_on_every_row_and_keeps_the_sound_ones(house: House):
    top, below, bad = new_unit(), new_unit(), new_unit()
    text = (
        "单位代码,单位名称,单位类别,行政区划代码,上级单位代码,联系方式\n"
        f"{below},西工分局,公安机关,410303,{top},duty_desk:phone:{CANARY}\n"
        f"{top},洛阳市公安局,公安机关,410300,,\n"
        f"{bad},偃师市公安局,公安机关,410381,,\n"
    ).encode()
    dry = await house.keep(
        "POST", "/v1/units/import", params={"dry_run": "true"}, content=text, headers={"Content-Type": CSV}
    )
    assert (await house.keep("GET", f"/v1/units/{top}")).status_code == 404
    done = await house.keep("POST", "/v1/units/import", content=text, headers={"Content-Type": CSV})
    assert done.status_code == 200
    assert done.json() == dry.json() | {"dry_run": False}
    report = done.json()
    assert [report[each] for each in ("created", "updated", "unchanged", "refused")] == [2, 0, 0, 1]
    assert report["rows"][2]["errors"][0]["field"] == "division"
    assert CANARY not in done.text
    assert (await house.keep("GET", f"/v1/units/{below}")).json()["superior"] == top
    again = await house.keep("POST", "/v1/units/import", content=text, headers={"Content-Type": CSV})
    assert again.json()["unchanged"] == 2

    async def said():
        return {top, below} <= {event.subject for event in house.said}

    await eventually(said)


async def test_a_workbook_is_imported(house: House):
    code = new_unit()
    book = Workbook()
    book.worksheets[0].append(["code", "name", "kind", "division"])
    book.worksheets[0].append([code, "涧西区教育局", "education_authority", 410305])
    file = io.BytesIO()
    book.save(file)
    done = await house.keep(
        "POST", "/v1/units/import", content=file.getvalue(), headers={"Content-Type": XLSX}
    )
    assert (done.status_code, done.json()["created"]) == (200, 1)


@pytest.mark.parametrize(
    ("kind", "content", "status", "code"),
    [
        ("application/json", b"{}", 415, "media-type-unsupported"),
        (CSV, b"name\n", 422, "roster-columns"),
        (XLSX, b"code\n", 422, "roster-unreadable"),
        (CSV, b"x" * (9 * 1024 * 1024), 413, "body-too-large"),
    ],
)
async def test_a_file_that_is_no_roster_is_refused(house: House, kind, content, status, code):
    answer = await house.keep("POST", "/v1/units/import", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_many_writers_never_leave_half_a_change(house: House):
    code = new_unit()
    answers = await asyncio.gather(
        *(house.keep("PUT", f"/v1/units/{code}", json=unit_body(name=f"分局{n}号")) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [428] * 7


async def test_the_directory_is_said_again_when_a_service_asks(house: House):
    code = new_unit()
    await house.keep("PUT", f"/v1/units/{code}", json=unit_body())

    async def said():
        return [event for event in house.said if event.subject == code]

    await eventually(said)
    house.said.clear()
    asked = str(uuid.uuid4())
    await house.bus.publish(
        Event(asked, "/minors", "minors.directory.asked", "directory", datetime.now(UTC), {}, 0, asked)
    )
    (again,) = await eventually(said)
    assert again.data["version"] == 1


async def test_what_the_directory_said_can_be_fetched(house: House):
    code = new_unit()
    await house.keep("PUT", f"/v1/units/{code}", json=unit_body())

    async def fetched():
        answer = await house.call(code, "GET", "/v1/events")
        return answer.json()["items"]

    (event,) = await eventually(fetched)
    assert (event["type"], event["subject"]) == ("notifier.unit.changed", code)


async def test_addresses_of_contact_points_stand_in_no_event_log_or_span(house: House):
    code = new_unit()
    contact = {"role": "duty_desk", "channel": "phone", "address": CANARY}
    await house.keep("PUT", f"/v1/units/{code}", json=unit_body(contact_points=[contact]))
    await house.keep("PUT", f"/v1/units/{code}", json=unit_body(contact_points=[contact | {"role": "1"}]))

    async def said():
        return [event for event in house.said if event.subject == code]

    await eventually(said)
    assert CANARY not in str(house.said)
    assert CANARY not in str(await house.mongo.database["said"].find({}).to_list(None))
    assert CANARY not in house.logs()
    assert CANARY not in str(house.spans())
    assert KEEPER  # the trace and the log did run
    assert house.spans()
