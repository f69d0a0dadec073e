"""The yearly assessment: frozen as of a day, by what was recorded until its end; the same bytes for ever."""

import asyncio
import base64
import hashlib
import io
import threading
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from deploy.local.servers import Servers
from services.suggestion.domain.assessment import Assessed, Period, tally, workbook
from services.suggestion.domain.standing import Counts, Course, PointCourse, course
from services.suggestion.main import SERVICE
from services.suggestion.store import assessments
from services.suggestion.store.assessments import XLSX, Assessments
from services.suggestion.store.keeping import SuggestionKeeping
from shared.clocks.calendar import SHANGHAI
from shared.mechanism.matter import ClockChange, Entry
from tests.services.referral.desk import Desk, desk_on, new_key
from tests.services.suggestion.conftest import (
    ADDRESSEE,
    CITY_PROCURATORATE,
    FAR_PROCURATORATE,
    NAMED,
    OPENER,
    SUGGESTION,
    UNITS,
)
from tests.services.suggestion.roads import TO_APPROVED, breach

POINT = {"problem": "未登记。", "suggestion": "补充登记。", "basis": "食品安全法第六十二条"}
PATH = "/v1/assessments"
CUT_OFF = "2026-03-31"
FIGURES = ("delivered", "withdrawn", "replied", "replied_in_time", "points", "verified", "closed")


class Time:
    """The server's time as the service takes it; it stands still until it is set."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def set(self, text: str) -> None:
        self.at = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    """A desk of its own, whose suggestions are all made here."""
    async with (
        servers.database() as database,
        desk_on(
            servers.mongo_url,
            database,
            service=SERVICE,
            mechanism=SUGGESTION,
            opener=OPENER,
            named=NAMED,
            units=UNITS,
        ) as running,
    ):
        yield running


@pytest.fixture
async def time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time, and no suggestion yet."""
    await desk.store.matters.collection.delete_many({})
    standing_still = Time()
    monkeypatch.setattr(desk.mongo.clock, "now", standing_still.now)
    return standing_still


def kept(desk: Desk) -> Assessments:
    assert isinstance(desk.store, SuggestionKeeping)
    return desk.store.assessments


async def served(desk: Desk, time: Time, at: str, points: int = 1, **proposal: Any) -> str:
    """Return a suggestion that was served then."""
    time.set(at)
    matter = await desk.open(form={"breach": breach(), **proposal})
    await desk.take(matter, "investigate", "record_measure", "report_investigation")
    await desk.take(matter, "draft", form={"points": [POINT] * points})
    await desk.take(matter, *map(str, TO_APPROVED[4:]), "deliver")
    return matter


async def make(desk: Desk, cut_off: str = CUT_OFF, unit: str = OPENER, **more: Any) -> dict[str, Any]:
    answer = await desk.post(unit, PATH, {"cut_off": cut_off}, **more)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{PATH}/{made['id']}"
    return made


async def file_of(desk: Desk, made: dict[str, Any]) -> bytes:
    answer = await desk.get(OPENER, made["file"]["href"])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == made["file"]["media_type"] == XLSX
    digest = hashlib.sha256(answer.content)
    assert (digest.hexdigest(), len(answer.content)) == (made["file"]["sha256"], made["file"]["size"])
    assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    return answer.content


def sheets(content: bytes) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each sheet by their headings; a day as its text."""
    book = load_workbook(io.BytesIO(content))
    return {sheet.title: list(_rows(sheet.iter_rows(values_only=True))) for sheet in book.worksheets}


def _rows(lines: Iterator[Any]) -> Iterator[dict[str, Any]]:
    heading = next(lines)
    for line in lines:
        values = [each.date().isoformat() if isinstance(each, datetime) else each for each in line]
        yield dict(zip(heading, values, strict=True))


def numbers(made: dict[str, Any]) -> dict[str, int]:
    return {name: made["figures"][name] for name in FIGURES}


# What stands in it.


async def test_it_shows_the_year_as_it_was_recorded_by_the_end_of_the_cut_off_day(
    desk: Desk, time: Time
) -> None:
    await served(desk, time, "2025-12-31T10:00:00")  # of another year
    closed = await served(desk, time, "2026-01-05T10:00:00")
    time.set("2026-01-20T10:00:00")
    await desk.take(closed, "reply", "report_point")
    time.set("2026-01-25T10:00:00")
    await desk.take(closed, "verify_point", "close")
    late = await served(desk, time, "2026-01-06T10:00:00", points=2)
    time.set("2026-03-20T10:00:00")
    await desk.take(late, "urge_reply", "reply")
    await desk.take(late, "report_point", form={"point": 2})
    await desk.take(late, "reject_point", form={"point": 2})
    silent = await served(desk, time, "2026-01-07T10:00:00")
    gone = await served(desk, time, "2026-02-02T10:00:00")
    time.set("2026-02-20T10:00:00")
    await desk.take(gone, "withdraw")
    last = await served(desk, time, "2026-03-31T23:59:59")
    # After the day: one that was served in time and recorded late, one served late, and what was done about others.
    time.set("2026-04-01T00:00:00")
    recorded_late = await desk.open(form={"breach": breach()}, acted_at="2026-03-30T09:00:00+08:00")
    await desk.take(recorded_late, *map(str, TO_APPROVED), "deliver", acted_at="2026-03-30T09:00:00+08:00")
    await desk.take(silent, "reply", acted_at="2026-03-31T10:00:00+08:00")
    await desk.take(closed, "reopen_point")
    await desk.take(last, "withdraw")
    await served(desk, time, "2026-04-01T10:00:00")

    made = await make(desk)
    assert (made["unit"], made["since"], made["cut_off"]) == (OPENER, "2026-01-01", CUT_OFF)
    assert numbers(made) == {
        "delivered": 4,
        "withdrawn": 1,
        "replied": 2,
        "replied_in_time": 1,
        "points": 5,
        "verified": 1,
        "closed": 1,
    }
    assert (made["figures"]["reply_rate"], made["figures"]["rectification_rate"]) == (0.5, 0.2)
    content = sheets(await file_of(desk, made))
    assert list(content) == ["建议清单", "回复清单", "核实清单"]
    issued = {each["事项编号"]: each for each in content["建议清单"]}
    assert list(issued) == [closed, late, silent, gone, last]
    assert issued[closed] == {
        "事项编号": closed,
        "文号": "洛检建〔2026〕8号",
        "类型": "社会治理检察建议",
        "违法情形": issued[closed]["违法情形"],
        "领域": "食品药品安全",
        "被建议单位代码": ADDRESSEE,
        "送达日期": "2026-01-05",
        "修改后送达日期": None,
        "整改事项数": 1,
        "核实已整改数": 1,
        "办结日期": "2026-01-25",
        "撤回日期": None,
    }
    assert issued[gone]["撤回日期"] == "2026-02-20"
    assert [each["撤回日期"] for each in issued.values()].count(None) == 4
    replies = {each["事项编号"]: each for each in content["回复清单"]}
    assert {matter: (each["回复日期"], each["是否按期"]) for matter, each in replies.items()} == {
        closed: ("2026-01-20", "按期"),
        late: ("2026-03-20", "逾期回复"),
        silent: (None, "逾期未回复"),
        last: (None, "未回复，期限未届满"),
    }
    # Two months from 5 January, and the last day of that, not the midnight after it.
    assert replies[closed]["回复期限"] == "2026-03-05"
    points = [
        (each["事项编号"], each["整改事项序号"], each["核实情况"], each["是否核实已整改"], each["核实日期"])
        for each in content["核实清单"]
    ]
    assert points == [
        (closed, 1, "核实已整改", "是", "2026-01-25"),
        (late, 1, "未报告整改", "否", None),
        (late, 2, "核实未整改", "否", None),
        (silent, 1, "未报告整改", "否", None),
        (last, 1, "未报告整改", "否", None),
    ]


async def test_it_never_changes_and_a_later_one_of_the_same_day_says_the_same(desk: Desk, time: Time) -> None:
    matter = await served(desk, time, "2026-02-02T10:00:00")
    time.set("2026-04-02T10:00:00")
    made = await make(desk)
    first = await file_of(desk, made)
    assert numbers(made)["replied"] == 0
    # The reply is recorded now, though done before; its date, and that of the service, are corrected.
    await desk.take(matter, "reply", "report_point", "verify_point", acted_at="2026-03-01T10:00:00+08:00")
    entries = (await desk.read(matter, part="/history"))["entries"]
    correction = {
        "entry": next(each["version"] for each in entries if each["step"] == "deliver"),
        "acted_at": "2026-02-02T11:00:00+08:00",
        "reason": "送达回证上的日期。",
        "proof": [await desk.paper(OPENER)],
    }
    answer = await desk.post(OPENER, f"{desk.path}/{matter}/corrections", correction)
    assert answer.status_code == 200, answer.text
    assert (await desk.get(OPENER, f"{PATH}/{made['id']}")).json() == made
    assert await file_of(desk, made) == first
    again = await make(desk)
    assert again["id"] != made["id"]
    assert again["figures"] == made["figures"]
    assert sheets(await file_of(desk, again)) == sheets(first)
    assert numbers(await make(desk, "2026-04-01")) == numbers(made)
    time.set("2026-04-03T10:00:00")
    after = await make(desk, "2026-04-02")
    assert (numbers(after)["replied"], numbers(after)["verified"]) == (1, 1)


async def test_it_is_only_of_what_the_procuratorate_itself_has_issued(desk: Desk, time: Time) -> None:
    matter = await served(desk, time, "2026-02-02T10:00:00")
    await desk.take(matter, "file_up")  # the superior reads it from now on
    time.set("2026-04-02T10:00:00")
    assert (await make(desk))["figures"]["delivered"] == 1
    assert (await make(desk, unit=CITY_PROCURATORATE))["figures"]["delivered"] == 0
    assert (await make(desk, unit=CITY_PROCURATORATE))["figures"]["reply_rate"] is None


async def test_nobody_is_named_in_the_file(desk: Desk, time: Time) -> None:
    matter = await served(desk, time, "2026-02-02T10:00:00")
    await desk.take(matter, "reply", "report_point", "verify_point")
    time.set("2026-04-02T10:00:00")
    content = await file_of(desk, await make(desk))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert ADDRESSEE in text
    assert "P-LY" not in text


# Who may ask for it, and for what.


async def test_only_a_procuratorate_makes_one(desk: Desk, time: Time) -> None:
    time.set("2026-04-02T10:00:00")
    refused = await desk.post(ADDRESSEE, PATH, {"cut_off": CUT_OFF})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-your-step")
    unknown = await desk.post("LY-XX-999", PATH, {"cut_off": CUT_OFF})
    assert (unknown.status_code, unknown.json()["code"]) == (403, "unit-unknown")
    token = desk.issuer.token(unit=OPENER, scope="matters:read")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_key()}
    unscoped = await desk.client.post(PATH, json={"cut_off": CUT_OFF}, headers=headers)
    assert (unscoped.status_code, unscoped.json()["code"]) == (403, "scope-missing")


@pytest.mark.parametrize(
    ("now", "cut_off", "code"),
    [
        ("2026-03-31T23:59:59", CUT_OFF, "day-not-over"),
        (
            "2026-04-01T00:00:30",
            CUT_OFF,
            "day-not-over",
        ),  # what was done before midnight may still be written
        ("2026-04-02T00:00:00", "9999-12-31", "day-not-over"),
        ("2026-04-02T00:00:00", "0001-01-01", "greater-than-equal"),
        ("2026-04-02T00:00:00", "2026-02-30", "date-from-datetime-parsing"),
    ],
)
async def test_the_cut_off_is_a_day_that_is_over(
    desk: Desk, time: Time, now: str, cut_off: str, code: str
) -> None:
    time.set(now)
    answer = await desk.post(OPENER, PATH, {"cut_off": cut_off})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("cut_off", code)


async def test_the_day_is_over_at_midnight_in_china(desk: Desk, time: Time) -> None:
    time.set("2026-04-01T00:01:00")
    assert (await make(desk))["cut_off"] == CUT_OFF


async def test_a_repeat_makes_one_and_another_request_under_its_key_none(desk: Desk, time: Time) -> None:
    await served(desk, time, "2026-02-02T10:00:00")
    time.set("2026-04-02T10:00:00")
    files = desk.mongo.database["fs.files"]
    key, before = new_key(), await files.count_documents({})
    made = await asyncio.gather(*(make(desk, key=key) for _ in range(5)))
    assert all(each == made[0] for each in made)
    assert await make(desk, key=key) == made[0]
    assert await files.count_documents({}) == before + 1
    stray = {"files_id": {"$nin": await files.distinct("_id")}}
    assert await desk.mongo.database["fs.chunks"].count_documents(stray) == 0
    await file_of(desk, made[0])
    other = await desk.post(OPENER, PATH, {"cut_off": "2026-03-30"}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await make(desk, unit=CITY_PROCURATORATE, key=key))["id"] != made[0]["id"]
    keyless = await desk.client.post(PATH, json={"cut_off": CUT_OFF}, headers=desk.headers(OPENER))
    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency-key-missing")


async def test_a_unit_reads_its_own_page_by_page_and_no_other(desk: Desk, time: Time) -> None:
    time.set("2026-04-02T10:00:00")
    made = [await make(desk, unit=FAR_PROCURATORATE) for _ in range(3)]
    read: list[dict[str, Any]] = []
    page = (await desk.get(FAR_PROCURATORATE, PATH, limit=1)).json()
    while True:
        read += page["items"]
        if page["next"] is None:
            break
        page = (await desk.get(FAR_PROCURATORATE, PATH, limit=1, cursor=page["next"])).json()
    assert read == made[::-1]
    others: list[httpx.Response] = []
    for unit in (CITY_PROCURATORATE, ADDRESSEE):
        items = (await desk.get(unit, PATH)).json()["items"]
        assert not {each["id"] for each in items} & {each["id"] for each in made}
        others.append(await desk.get(unit, f"{PATH}/{made[0]['id']}"))
        others.append(await desk.get(unit, made[0]["file"]["href"]))
    others.append(await desk.get(FAR_PROCURATORATE, f"{PATH}/00000000-0000-4000-8000-000000000000"))
    assert {(each.status_code, each.text) for each in others} == {(404, others[0].text)}
    assert (await desk.get("LY-XX-999", PATH)).status_code == 403


# What it costs.


async def test_more_than_it_takes_is_refused_and_nothing_kept(
    desk: Desk, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await served(desk, time, "2026-02-02T10:00:00")
    time.set("2026-04-02T10:00:00")
    monkeypatch.setattr(kept(desk), "most", 1)
    key, before = new_key(), len((await desk.get(OPENER, PATH, limit=200)).json()["items"])
    answer = await desk.post(OPENER, PATH, {"cut_off": CUT_OFF}, key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "assessment-too-large")
    assert answer.json()["limit"] == 1
    assert len((await desk.get(OPENER, PATH, limit=200)).json()["items"]) == before
    monkeypatch.setattr(kept(desk), "most", 2)
    assert (await make(desk, key=key))["figures"]["delivered"] == 2


async def test_suggestions_are_read_page_by_page_along_an_index(
    desk: Desk, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    matters = [await served(desk, time, "2026-02-02T10:00:00") for _ in range(3)]
    await served(desk, time, "2024-02-02T10:00:00")  # not looked at: nothing has happened to it since
    time.set("2026-04-02T10:00:00")
    monkeypatch.setattr(assessments, "_BATCH", 2)
    database = desk.mongo.database
    await database.command({"profile": 2})
    try:
        since = datetime.now(UTC)
        made = await make(desk)
    finally:
        await database.command({"profile": 0})
    assert made["figures"]["delivered"] == len(matters)
    wanted = {"ts": {"$gte": since}, "ns": f"{database.name}.matters"}
    looked = [each async for each in database["system.profile"].find(wanted)]
    assert [each["nreturned"] for each in looked] == [2, 1]
    assert {each["planSummary"].split(" {")[0] for each in looked} == {"IXSCAN"}
    assert [each["docsExamined"] for each in looked] == [2, 1]


async def test_the_workbook_is_written_beside_the_event_loop(
    desk: Desk, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def written(period: Period, assessed: Sequence[Assessed]) -> bytes:
        threads.append(threading.get_ident())
        return workbook(period, assessed)

    monkeypatch.setattr(assessments, "workbook", written)
    time.set("2026-04-02T10:00:00")
    await make(desk)
    assert threads
    assert threads != [threading.get_ident()]


# Pure.

MARCH = datetime(2026, 3, 1, 2, tzinfo=UTC)


def entry(version: int, step: str, **more: Any) -> Entry:
    """Return the entry of a step that was done and recorded on that day of March."""
    at = MARCH + timedelta(days=version - 1)
    given: dict[str, Any] = {"kind": "step", "source": "delivered", "to": "delivered", "acted_at": at}
    return Entry(version=version, step=step, **{**given, "recorded_at": at, **more})


def due(day: int, change: str = "started", number: int = 1) -> tuple[ClockChange, ...]:
    return (ClockChange("reply", number, change, datetime(2026, 3, day, 16, tzinfo=UTC)),)


HISTORY = (
    entry(1, "propose", form={"type": "other", "breach": "无证", "field": "食品"}),
    entry(2, "draft", form={"points": [POINT, POINT]}),
    entry(3, "deliver", clocks=due(5)),
    entry(4, "reply", clocks=due(5, "met")),
    entry(5, "report_point", form={"point": 2}),
    entry(6, "verify_point", form={"point": 2}),
    entry(7, "close", to="closed_implemented"),
    entry(8, "reopen_point", form={"point": 2}, to="following_up"),
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (3, None),
        (4, Counts(1, 0, 0, 2, 0, 0)),
        (5, Counts(1, 1, 1, 2, 0, 0)),
        (6, Counts(1, 1, 1, 2, 0, 0)),
        (7, Counts(1, 1, 1, 2, 1, 0)),
        (8, Counts(1, 1, 1, 2, 1, 1)),
        (9, Counts(1, 1, 1, 2, 0, 0)),
    ],
)
def test_a_history_is_replayed_up_to_a_moment(day: int, expected: Counts | None) -> None:
    until = datetime(2026, 3, day, tzinfo=UTC)
    found = course(HISTORY, until)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert tally([Assessed("m", ADDRESSEE, found)]).counts == expected
    # What comes after that moment may be anything.
    known = [each for each in HISTORY if each.recorded_at < until]
    assert course(known) == found


def test_a_corrected_date_or_a_moved_limit_turns_a_reply_late_from_when_it_was_recorded() -> None:
    correction = entry(
        9,
        "reply",
        kind="correction",
        acted_at=datetime(2026, 3, 5, 16, tzinfo=UTC),
        form={"corrects": 4},
        clocks=due(5, "moved"),
    )
    moved = entry(10, "recount", kind="calendar", clocks=due(9, "moved"))
    history = (*HISTORY, correction, moved)
    in_time = []
    for until in (correction.recorded_at, moved.recorded_at, None):
        found = course(history, until)
        assert found is not None
        in_time.append(found.replied_in_time)
    assert in_time == [True, False, True]


def test_what_a_unit_typed_is_text_in_the_file_whatever_it_begins_with() -> None:
    typed = ('=HYPERLINK("http://a")', "+1", "-1", "@SUM(A1)", "\t=1", "正常\x01\x0b文字", "=")
    assessed = [
        Assessed(
            str(place),
            ADDRESSEE,
            Course(
                answers={"type": "other", "breach": text, "field": text, "number": text},
                state="delivered",
                delivered_at=MARCH,
                delivered_again_at=None,
                reply_due_at=None,
                replied_at=None,
                points=(PointCourse(1),),
                closed_at=None,
                withdrawn_at=None,
            ),
        )
        for place, text in enumerate(typed)
    ]
    content = workbook(Period(date(2026, 3, 31)), assessed)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            assert b"<f>" not in archive.read(name), name
    book = load_workbook(io.BytesIO(content))
    for place, text in enumerate(typed):
        cells = [
            *book["建议清单"][place + 2][1:5],
            book["回复清单"][place + 2][1],
            book["核实清单"][place + 2][1],
        ]
        for cell in (cells[0], *cells[2:]):
            assert cell.data_type == "s"
            assert cell.value == text.replace("\x01\x0b", "")
            if not text.startswith("正"):
                assert (cell.number_format, bool(cell.quotePrefix)) == ("@", True)
