"""An older register is taken over row by row through the common door, once, and nothing of it stays in the clear."""

import asyncio
import base64
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openpyxl import Workbook, load_workbook

from deploy.local.servers import Servers
from services.minors.commands.importing import Importer
from services.minors.domain.sheet import COLUMNS, NEEDED, XLSX, Unreadable, read
from tests.services.minors.register.office import (
    AUTHORITY,
    CITY_AUTHORITY,
    FAR_AUTHORITY,
    ORGAN,
    POLICE,
    SCHOOL,
    SECOND_SCHOOL,
    THIRD_SCHOOL,
    UNITS,
    Office,
    office_on,
)
from tests.services.referral.desk import new_key, unit_event

PATH, REGISTER = "/v1/vice-principal-imports", "/v1/vice-principal-register"
TITLES = {name: title for title, name in COLUMNS.items()}


def row(number: int, **changes: Any) -> dict[str, Any]:
    good = {
        "school": SCHOOL,
        "school_type": "普通中小学",
        "sender": POLICE,
        "name": f"金丝雀{number}",
        "post": "民警",
        "phone": f"1990000{number:04}",
        "birth_year": 1980,
        "years_of_legal_work": 10,
        "retired": "否",
        "training_hours": 8,
        "letter_number": f"洛教聘〔2026〕{number}号",
        "starts_on": "2026年3月1日",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def workbook(rows: Iterable[Mapping[str, Any]], *, english: bool = False) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    names = list(COLUMNS.values())
    sheet.append([name if english else TITLES[name] for name in names])
    for each in rows:
        sheet.append([each.get(name) for name in names])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


async def send(
    office: Office, content: bytes, unit: str = AUTHORITY, *, key: str | None = None, dry_run: bool = False
) -> httpx.Response:
    headers = {**office.headers(unit), "Content-Type": XLSX, "Idempotency-Key": key or new_key()}
    params = {"dry_run": "true"} if dry_run else {}
    return await office.client.post(PATH, content=content, params=params, headers=headers)


def importer(office: Office, holder: str = "one") -> Importer:
    made: Importer = office.service.importer(office.parts, holder)  # type: ignore[attr-defined]
    return made


async def imported(office: Office, content: bytes, unit: str = AUTHORITY, *, dry_run: bool = False) -> str:
    """Import a file to its end; the address of the import."""
    answer = await send(office, content, unit, dry_run=dry_run)
    assert answer.status_code == 202, answer.text
    while await importer(office).work():
        pass
    address: str = answer.headers["Location"]
    return address


async def outcomes(office: Office, address: str, unit: str = AUTHORITY) -> list[tuple[int, str, list[Any]]]:
    return [
        (each["line"], each["outcome"], [(error["field"], error["code"]) for error in each["errors"]])
        for each in await office.shown(unit, f"{address}/rows", limit=200)
    ]


async def everything_kept(office: Office) -> str:
    """Return all that the service's own database holds, as one text."""
    database, kept = office.mongo.database, []
    for name in await database.list_collection_names():
        kept += [str(each) async for each in database[name].find({})]
    return "\n".join(kept)


async def test_a_register_is_taken_over_row_by_row(empty_office: Office) -> None:
    office, known = empty_office, str(uuid4())
    rows = [
        row(1),
        row(2, school="LY-XX-404"),
        row(3, sender=SCHOOL),
        row(4, training_hours=6),
        row(5, years_of_legal_work=1),
        row(6, retired="是", birth_year=1950),
        row(7, name=None, starts_on="昨天", phone=None),
        row(1, letter_number="洛教聘〔2026〕8号", school=SECOND_SCHOOL),  # the same person: name and phone
        row(9, letter_number="洛教聘〔2026〕1号"),
        row(1, letter_number="洛教聘〔2026〕10号", school=THIRD_SCHOOL),
        row(11, person_id=known, sender=ORGAN),
        row(12, school="LY-XX-323"),
        row(13, person="甲", school=SECOND_SCHOOL),
        row(14, person="甲", school=THIRD_SCHOOL),
    ]
    address = await imported(office, workbook(rows))
    assert await outcomes(office, address) == [
        (2, "created", []),
        (3, "refused", [("school", "unit-unknown")]),
        (4, "refused", [("sender", "unit-unknown")]),
        (5, "refused", [("training_hours", "greater-than-equal")]),
        (6, "refused", [("years_of_legal_work", "practice-too-short")]),
        (7, "refused", [("birth_year", "retired-too-old")]),
        (
            8,
            "refused",
            [("starts_on", "date-from-datetime-parsing"), ("name", "missing"), ("phone", "missing")],
        ),
        (9, "created", []),
        (10, "refused", [("letter_number", "row-repeated")]),
        (11, "refused", [("person_id", "serves-twice")]),
        (12, "created", []),
        (13, "refused", [("school", "school-elsewhere")]),
        (14, "created", []),
        (15, "created", []),
    ]
    view = (await office.get(AUTHORITY, address)).json()
    assert {name: view[name] for name in ("state", "rows", "created", "unchanged", "refused")} == {
        "state": "done", "rows": 14, "created": 5, "unchanged": 0, "refused": 9,
    }  # fmt: skip
    posts = await office.shown(AUTHORITY, REGISTER)
    assert len(posts) == 5
    persons = [each["person_id"] for each in posts]
    assert sorted(persons.count(each) for each in set(persons)) == [1, 2, 2]
    (other,) = [each for each in posts if each["person_id"] == known]
    assert (other["sender_kind"], other["state"], other["ends_on"]) == (
        "procuratorate",
        "serving",
        "2029-02-28",
    )
    history = (await office.read(other["matter"], part="/history"))["entries"]
    assert [(each["step"], each["person"]) for each in history] == [("take_over", f"P-{AUTHORITY}")]


async def test_nothing_of_the_file_stays_in_the_clear(empty_office: Office) -> None:
    office = empty_office
    answer = await send(office, workbook([row(1), row(2, training_hours=1)]))
    before = await everything_kept(office)
    assert "'sealed'" in before
    address = answer.headers["Location"]
    owner = (await office.kept.imports.jobs.find_one({}) or {})["owner"]
    keys = office.mongo.client[office.parts.settings.key_database]["keys"]  # type: ignore[attr-defined]
    assert await keys.count_documents({"keyAltNames": owner}) == 1
    while await importer(office).work():
        pass
    after = await everything_kept(office)
    report = await office.get(AUTHORITY, f"{address}/report")
    sheet = load_workbook(io.BytesIO(report.content)).worksheets[0]
    told = str([[cell.value for cell in line] for line in sheet.iter_rows()])
    rows = str(await outcomes(office, address))
    for canary in ("金丝雀", "1990000", "民警"):
        for kept in (before, after, told, rows, answer.text):
            assert canary not in kept
    assert await keys.count_documents({"keyAltNames": owner}) == 0
    assert await office.kept.imports.batches.count_documents({"sealed": {"$exists": True}}) == 0


async def test_the_report_is_a_workbook_with_a_line_for_each_row(empty_office: Office) -> None:
    office = empty_office
    answer = await send(office, workbook([row(1), row(2, school="LY-XX-404")], english=True))
    address = answer.headers["Location"]
    early = await office.get(AUTHORITY, f"{address}/report")
    assert (early.status_code, early.json()["code"]) == (409, "import-not-done")
    await importer(office).work()
    report = await office.get(AUTHORITY, f"{address}/report")
    assert report.headers["content-type"] == XLSX
    sheet = load_workbook(io.BytesIO(report.content)).worksheets[0]
    lines = [[cell.value for cell in line] for line in sheet.iter_rows()]
    (post,) = await office.shown(AUTHORITY, REGISTER)
    assert lines[1:] == [
        [2, "已登记", post["matter"], None, None, None],
        [3, "未登记", None, "unit-unknown", "学校代码", "the directory knows no such school"],
    ]


async def test_the_same_file_again_changes_nothing(empty_office: Office) -> None:
    office = empty_office
    content = workbook([row(1), row(2), row(3, school=SECOND_SCHOOL)])
    first = await imported(office, content)
    second = await imported(office, content)
    assert first != second
    assert [each[1] for each in await outcomes(office, second)] == ["unchanged"] * 3
    assert len(await office.shown(AUTHORITY, REGISTER)) == 3
    changed = await imported(office, workbook([row(1, birth_year=1970)]))
    assert await outcomes(office, changed) == [(2, "refused", [("letter_number", "letter-taken")])]
    (known, *_) = await office.shown(AUTHORITY, REGISTER)
    named = await imported(
        office,
        workbook([row(1, person_id=known["person_id"]), row(9, person_id=known["person_id"])]),
    )
    assert [each[1] for each in await outcomes(office, named)] == ["unchanged", "refused"]


async def test_a_dry_run_says_what_would_become_of_the_rows_and_registers_nothing(
    empty_office: Office,
) -> None:
    office = empty_office
    rows = [row(1), row(2, training_hours=2), row(3, school="LY-XX-323"), row(4, years_of_legal_work=0)]
    address = await imported(office, workbook(rows), dry_run=True)
    said = await outcomes(office, address)
    assert await office.store.matters.collection.count_documents({}) == 0
    assert said == await outcomes(office, await imported(office, workbook(rows)))
    assert [each[1] for each in said] == ["created", "refused", "refused", "refused"]


async def test_a_repeat_is_the_same_import_and_another_file_under_its_key_is_refused(office: Office) -> None:
    content, key = workbook([row(71)]), new_key()
    answers = await asyncio.gather(*(send(office, content, key=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    for other, dry_run in ((workbook([row(72)]), False), (content, True)):
        refused = await send(office, other, key=key, dry_run=dry_run)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    while await importer(office).work():
        pass
    assert (await office.get(AUTHORITY, answers[0].headers["Location"])).json()["rows"] == 1


async def test_who_may_import_and_who_may_read_it(office: Office) -> None:
    for unit in (SCHOOL, POLICE, ORGAN):
        refused = await send(office, workbook([row(80)]), unit)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-your-step")
    answer = await send(office, workbook([row(81)]))
    for unit in (FAR_AUTHORITY, CITY_AUTHORITY, SCHOOL):
        for part in ("", "/rows", "/report"):
            assert (await office.get(unit, answer.headers["Location"] + part)).status_code == 404
    keyless = {**office.headers(AUTHORITY), "Content-Type": XLSX}
    assert (await office.client.post(PATH, content=b"", headers=keyless)).status_code == 400


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"not a workbook", "register-unreadable"),
        (workbook([])[:300], "register-unreadable"),
    ],
)
async def test_a_file_that_cannot_be_taken_is_refused_whole(
    office: Office, content: bytes, code: str
) -> None:
    answer = await send(office, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    csv = {**office.headers(AUTHORITY), "Content-Type": "text/csv", "Idempotency-Key": new_key()}
    assert (await office.client.post(PATH, content=b"a,b", headers=csv)).status_code == 415


def test_a_heading_must_hold_what_is_needed_and_nothing_unknown() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for heading in ([*NEEDED, "身份证号"], NEEDED[1:], [*NEEDED, NEEDED[0]]):
        sheet.delete_rows(1)
        sheet.append(list(heading))
        stream = io.BytesIO()
        book.save(stream)
        with pytest.raises(Unreadable, match="heading"):
            read(stream.getvalue())


async def test_a_file_over_the_limit_is_refused(office: Office) -> None:
    limit = office.parts.settings.import_limit  # type: ignore[attr-defined]
    answer = await send(office, b"x" * (limit + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


async def test_a_worker_that_ends_half_way_is_followed_by_another_and_no_row_counts_twice(
    empty_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = empty_office
    rows = [row(number, school=(SCHOOL, SECOND_SCHOOL)[number % 2]) for number in range(250)]
    answer = await send(office, workbook(rows))
    first, opened = importer(office, "killed"), 0
    whole = office.commands.open_matter

    async def ending(*args: Any, **kwargs: Any) -> Any:
        nonlocal opened
        opened += 1
        if opened > 130:
            raise asyncio.CancelledError
        return await whole(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(office.commands, "open_matter", ending)
        with pytest.raises(asyncio.CancelledError):
            await first.work()
    address = answer.headers["Location"]
    assert len(await outcomes(office, address)) == 100
    second = importer(office, "next")
    assert await second.work() is False  # the lease is still held
    past = office.now() - timedelta(seconds=1)
    await office.mongo.database["leases"].update_one({"_id": "imports"}, {"$set": {"until": past}})
    assert await second.work() is True
    assert {each[1] for each in await outcomes(office, address)} == {"created"}
    view = (await office.get(AUTHORITY, address)).json()
    assert (view["created"], view["state"]) == (250, "done")
    assert await office.store.matters.collection.count_documents({}) == 250


async def test_what_was_received_half_way_is_removed_and_can_be_sent_again(empty_office: Office) -> None:
    office, content, key = empty_office, workbook([row(1)]), new_key()
    answer = await send(office, content, key=key)
    left = {"state": "receiving", "created_at": office.now() - timedelta(hours=1)}
    await office.kept.imports.jobs.update_one({}, {"$set": left})
    assert await importer(office).work() is False
    assert (await office.get(AUTHORITY, answer.headers["Location"])).status_code == 404
    assert await office.kept.imports.batches.count_documents({}) == 0
    assert (await send(office, content, key=key)).status_code == 202
    assert await importer(office).work() is True


@pytest.mark.proof
async def test_ten_thousand_rows_are_imported_in_one_go(
    servers: Servers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    schools = [f"LY-XX-{number + 1000}" for number in range(2000)]
    async with office_on(servers, tmp_path, units={**UNITS}) as office:
        for start in range(0, len(schools), 50):
            await asyncio.gather(
                *(
                    office.store.directory.hear(unit_event(code, "school", "410329"))
                    for code in schools[start : start + 50]
                )
            )
        rows = [row(number, school=schools[number % 2000]) for number in range(10_000)]
        content = await asyncio.to_thread(workbook, rows)
        began = time.monotonic()
        answer = await send(office, content)
        assert answer.status_code == 202, answer.text
        received = time.monotonic()
        assert await importer(office).work()
        done = time.monotonic()
        view = (await office.get(AUTHORITY, answer.headers["Location"])).json()
        assert (view["created"], view["refused"], view["state"]) == (10_000, 0, "done")
        assert await office.store.matters.collection.count_documents({"state": "serving"}) == 10_000
        report = await office.get(AUTHORITY, f"{answer.headers['Location']}/report")
        sheet = load_workbook(io.BytesIO(report.content), read_only=True).worksheets[0]
        assert sum(1 for _ in sheet.iter_rows()) == 10_001
        took = {
            "received": received - began,
            "imported": done - received,
            "reported": time.monotonic() - done,
        }
        record_property("seconds", {name: round(seconds, 1) for name, seconds in took.items()})


def variables(office: Office, rabbit_urls: list[str]) -> dict[str, str]:
    """Return what the same service is told as a process of its own."""
    settings: Any = office.parts.settings
    told = {
        "MONGO_URL": settings.mongo_url,
        "MONGO_DATABASE": settings.mongo_database,
        "RABBIT_URLS": ",".join(rabbit_urls),
        "JWKS_URL": settings.jwks_url,
        "ISSUER": settings.issuer,
        "AUDIENCE": settings.audience,
        "WORKER_PORT": "0",
        "KEY_DATABASE": settings.key_database,
        "KEY_PROVIDER": "local",
        "KEY_NAME": settings.key_name,
        "HASH_KEY": base64.b64encode(settings.hash_key).decode(),
        "LOCAL_KEYS": str(settings.local_keys),
    }
    return {**os.environ, **{f"MINORS_{name}": value for name, value in told.items()}}


async def process(command: str, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.minors.main", command, env=env, stderr=asyncio.subprocess.DEVNULL
    )


@pytest.mark.proof
async def test_a_killed_worker_is_followed_by_another(empty_office: Office, rabbit_urls: list[str]) -> None:
    office, count = empty_office, 900
    env = variables(office, rabbit_urls)
    assert await (await process("migrate", env)).wait() == 0
    rows = [row(number, school=(SCHOOL, SECOND_SCHOOL)[number % 2]) for number in range(count)]
    address = (await send(office, workbook(rows))).headers["Location"]

    async def waits(state: str, least: int) -> dict[str, Any]:
        async with asyncio.timeout(120):
            while True:
                view: dict[str, Any] = (await office.get(AUTHORITY, address)).json()
                if view["state"] == state and view["created"] >= least:
                    return view
                await asyncio.sleep(0.1)

    first = await process("worker", env)
    await waits("waiting", 200)
    first.kill()
    await first.wait()
    second = await process("worker", env)
    try:
        view = await waits("done", 0)
    finally:
        second.terminate()
        await second.wait()
    assert (view["created"], view["unchanged"], view["refused"]) == (count, 0, 0)
    assert await office.store.matters.collection.count_documents({}) == count
    lines = [line for line, _, _ in await outcomes(office, address)]
    assert lines == list(range(2, count + 2))
