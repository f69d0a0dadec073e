"""An operator loads an arrangement or a correction: which running clocks move, who is told, and what stays."""

import asyncio
import copy
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.local.process import Process
from deploy.local.server import free_port
from deploy.local.servers import Servers
from shared.bus import declare
from shared.clocks.calendar import SHANGHAI, statutory
from shared.mongo import Document
from tests.services.referral.desk import ORGAN, POLICE, SCOPES, Desk, new_key
from tests.services.referral.office import (
    ONE_DAY,
    PATH,
    TO_DECISION,
    TO_SERVICE,
    Office,
    at,
    copies,
    file_of,
    last_day_by_hand,
    midnight_after,
    office_on,
    walked,
)

ROOT = Path(__file__).parents[3]
CLOCKS = 10_000
NOTICE = "国办发明电〔0000〕9号"


def next_year() -> int:
    return datetime.now(SHANGHAI).year + 1


# A year that lies ahead whenever this runs, first as arranged, then with May Day's rest moved and prolonged.
YEAR = next_year()
FEAST = date(YEAR, 5, 1)
ARRANGED = file_of(YEAR, "国办发明电〔0000〕1号", [FEAST + n * ONE_DAY for n in range(4)])


def _corrected() -> dict[str, Any]:
    off = [FEAST + n * ONE_DAY for n in range(-2, 8)]
    working = [day for n in range(8, 40) if (day := FEAST + n * ONE_DAY).weekday() >= 5][:3]
    return file_of(YEAR, NOTICE, off, working)


CORRECTED = _corrected()

# The limits that begin on a day, by the way a matter stands then: clock, days, None for hours.
LIMITS: dict[str, tuple[tuple[str, ...], Mapping[str, int | None], Mapping[str, Any]]] = {
    "report": (("name_team", "submit_report"), {"approval": 3}, {}),
    "approved": (("name_team", "submit_report", "approve"), {"dispatch": None}, {}),
    "received": (TO_DECISION, {"decision": 3, "supplement_request": None}, {}),
    "economic": (
        (*TO_DECISION, "extend_to_ten_days"),
        {"decision": 10, "supplement_request": None},
        {"case_type": "economic_crime"},
    ),
    "served": (TO_SERVICE, {"reconsideration_window": 3}, {}),
}


@dataclass
class Evidence:
    """What is left when 10,000 running clocks were counted again by a worker that was killed on its way."""

    starts: Mapping[str, tuple[str, date]]  # the way and the day of each matter, by id
    before: Mapping[str, Document]
    dry: dict[str, Any]
    kept_nothing: bool
    loaded: dict[str, Any]
    counted_at_the_kill: int
    after: Mapping[str, Document] = field(default_factory=dict)
    said: list[Document] = field(default_factory=list)
    again: list[Document] = field(default_factory=list)


@pytest.fixture(scope="module")
async def evidence(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Evidence]:
    async with office_on(servers) as office, servers.vhost() as rabbit_urls:
        await office.loaded(ARRANGED)
        await office.desk.recounter.recount()
        starts = await _ten_thousand(office)
        before = await _all(office)
        kept = await _digest(office.desk)
        dry = (await office.load(CORRECTED, dry_run=True)).json()
        kept_nothing = await _digest(office.desk) == kept
        loaded = await office.loaded(CORRECTED)
        worker = _worker(office.desk, servers.mongo_url, rabbit_urls, tmp_path_factory.mktemp("worker"))
        await _run(worker("migrate"))
        await declare(rabbit_urls, queue="spy.events", binds=("#",))
        first, second = worker("worker"), worker("worker")
        try:
            await first.start()
            await _until(lambda: _counted(office.desk, loaded["edition"]), 300)
            await first.kill()
            at_the_kill = await _counted(office.desk, loaded["edition"])
            await second.start()
            await _until(lambda: _settled(office.desk, loaded), 10**9)
        finally:
            await asyncio.gather(first.kill(), second.stop())
        evidence = Evidence(starts, before, dry, kept_nothing, loaded, at_the_kill)
        evidence.after = await _all(office)
        evidence.said = await office.desk.mongo.database["said"].find({}).sort("_id", 1).to_list(None)
        yield evidence


async def _ten_thousand(office: Office) -> dict[str, tuple[str, date]]:
    """Keep running clocks that begin on every day from January to November, in five ways."""
    starts: dict[str, tuple[str, date]] = {}
    for day in (date(YEAR, 1, 2) + n * ONE_DAY for n in range(320)):
        documents: list[Document] = []
        for way, (steps, limits, form) in LIMITS.items():
            change = walked(f"{way}-{day}", at(day), steps, office.calendar, form)
            names = [
                change.matter.id,
                *(f"{change.matter.id[:-2]}x{n}" for n in range(3 + len(limits) // 2)),
            ]
            documents += copies(change, names)
            starts |= dict.fromkeys(names, (way, day))
        await office.desk.store.matters.collection.insert_many(documents, ordered=False)
    return starts


async def _digest(desk: Desk) -> Any:
    """Return what tells one state of everything that the service keeps from another."""
    return (await desk.mongo.database.command("dbHash"))["collections"]


async def _all(office: Office) -> dict[str, Document]:
    wanted = dict.fromkeys(("clocks", "version", "updated_at", "history", "outbox"), 1)
    found = office.desk.store.matters.collection.find({}, wanted)
    return {each["_id"]: each for each in await found.to_list(None)}


def _worker(desk: Desk, mongo_url: str, rabbit_urls: list[str], folder: Path) -> Callable[[str], Process]:
    variables = {
        "MONGO_URL": mongo_url,
        "MONGO_DATABASE": desk.mongo.database.name,
        "RABBIT_URLS": ",".join(rabbit_urls),
        "JWKS_URL": desk.issuer.jwks_url,
        "ISSUER": desk.issuer.url,
        "AUDIENCE": "referral",
        "WORKER_PORT": "0",
    }

    def process(command: str) -> Process:
        argv = [sys.executable, "-m", "services.referral.main", command]
        env = {f"REFERRAL_{name}": value for name, value in variables.items()}
        env["REFERRAL_WORKER_PORT"] = str(free_port())
        return Process(command, argv, output=folder / f"{command}.log", env=env, cwd=ROOT)

    return process


async def _run(process: Process) -> None:
    await process.start()
    assert await process.wait() == 0, process.last_words()


async def _counted(desk: Desk, edition: int) -> int:
    return await desk.store.matters.collection.count_documents({"calendar": edition})


async def _settled(desk: Desk, loaded: Mapping[str, Any]) -> int:
    """Whether every clock is counted again and everything is said; as a large number."""
    left = await desk.store.matters.counted_before(
        {loaded["edition"] - 1: midnight_after(date.fromisoformat(loaded["changed_from"])) - ONE_DAY}, 1
    )
    unsent = await desk.store.matters.collection.count_documents({"send_at": {"$exists": True}})
    return 0 if left or unsent else 10**9


async def _until(count: Callable[[], Any], least: int) -> None:
    async with asyncio.timeout(90):
        while await count() < least:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def by_hand(
    starts: Mapping[str, tuple[str, date]], file: Mapping[str, Any]
) -> dict[tuple[str, str], datetime]:
    """Where each clock of days ends by a file, counted without the service's own code."""
    days = {
        (start, length): midnight_after(last_day_by_hand(start, length, [file]))
        for start in {start for _, start in starts.values()}
        for length in (3, 10)
    }
    return {
        (matter, clock): days[start, length]
        for matter, (way, start) in starts.items()
        for clock, length in LIMITS[way][1].items()
        if length is not None
    }


@pytest.fixture(scope="module")
def expected(evidence: Evidence) -> dict[str, dict[str, tuple[datetime, datetime]]]:
    """The clocks that must move: by matter and clock, from where to where."""
    old, new = by_hand(evidence.starts, ARRANGED), by_hand(evidence.starts, CORRECTED)
    moves: dict[str, dict[str, tuple[datetime, datetime]]] = {}
    for (matter, clock), was in old.items():
        if new[matter, clock] != was:
            moves.setdefault(matter, {})[clock] = (was, new[matter, clock])
    return moves


def running(document: Document) -> dict[str, Document]:
    return {run["key"]: run for run in document["clocks"] if run["state"] == "running"}


async def test_there_are_ten_thousand_running_clocks_of_which_some_must_move(
    evidence: Evidence, expected: Mapping[str, Any]
) -> None:
    clocks = [run for document in evidence.before.values() for run in running(document).values()]
    assert len(clocks) >= CLOCKS
    assert 150 < len(expected) < CLOCKS / 5
    old = by_hand(evidence.starts, ARRANGED)
    for (matter, clock), due in old.items():
        assert running(evidence.before[matter])[clock]["due_at"] == due
    # May Day's rest is both longer and shorter for somebody: dates move in either direction.
    directions = {new > was for moves in expected.values() for was, new in moves.values()}
    assert directions == {True, False}


async def test_a_dry_run_says_the_same_moves_beforehand_and_keeps_nothing(
    evidence: Evidence, expected: Mapping[str, Mapping[str, Any]]
) -> None:
    assert evidence.kept_nothing
    assert (evidence.dry["dry_run"], evidence.loaded["dry_run"]) == (True, False)
    assert evidence.dry == evidence.loaded | {"dry_run": True}
    assert evidence.dry["clocks_moved"] == sum(len(moves) for moves in expected.values())
    assert len(evidence.dry["moved"]) == 200
    for move in evidence.dry["moved"]:
        was, now = expected[move["matter"]][move["clock"]]
        assert (datetime.fromisoformat(move["was_due_at"]), datetime.fromisoformat(move["due_at"])) == (
            was,
            now,
        )


async def test_the_worker_was_killed_in_the_middle(evidence: Evidence) -> None:
    assert 300 <= evidence.counted_at_the_kill < evidence.dry["matters_counted"]


async def test_exactly_the_clocks_move_that_a_count_by_hand_moves(
    evidence: Evidence, expected: Mapping[str, Mapping[str, tuple[datetime, datetime]]]
) -> None:
    moved = 0
    for matter, before in evidence.before.items():
        for key, run in running(before).items():
            now = running(evidence.after[matter])[key]
            _, due = expected.get(matter, {}).get(key, (None, run["due_at"]))
            assert now["due_at"] == due, (matter, key)
            assert now["started_at"] == run["started_at"]
            if now["due_on"] is not None:
                assert midnight_after(date.fromisoformat(now["due_on"])) == due
            moved += now["due_at"] != run["due_at"]
    assert moved == evidence.dry["clocks_moved"]


async def test_each_moved_matter_has_one_entry_with_the_reason_and_no_other_has_any(
    evidence: Evidence, expected: Mapping[str, Mapping[str, tuple[datetime, datetime]]]
) -> None:
    edition = evidence.loaded["edition"]
    for matter, before in evidence.before.items():
        after = evidence.after[matter]
        added = after["history"][len(before["history"]) :]
        assert after["history"][: len(before["history"])] == before["history"]
        if matter not in expected:
            assert (added, after["version"], after["updated_at"]) == (
                [],
                before["version"],
                before["updated_at"],
            )
            continue
        (entry,) = added
        assert (entry["kind"], entry["version"]) == ("calendar", before["version"] + 1)
        assert entry["form"] == {"calendar": edition, "notice": NOTICE}
        assert {
            (change["clock"], change["change"], change["was_due_at"], change["due_at"])
            for change in entry["clocks"]
        } == {(clock, "moved", was, now) for clock, (was, now) in expected[matter].items()}


async def test_each_moved_matter_is_told_once_and_no_other(
    evidence: Evidence, expected: Mapping[str, Mapping[str, tuple[datetime, datetime]]]
) -> None:
    told = [event for event in evidence.said if event["type"] == "referral.forward_transfer.deadline_moved"]
    assert Counter(event["subject"] for event in told) == dict.fromkeys(expected, 1)
    for event in told:
        moves = expected[event["subject"]]
        debtor = {"approval": ORGAN, "reconsideration_window": ORGAN, "decision": POLICE}
        data = event["data"]
        assert set(data["tell"]) == {debtor[clock] for clock in moves}
        assert data["because"] == {"calendar": evidence.loaded["edition"], "notice": NOTICE}
        assert {
            (each["key"], each["unit"], each["was_due_at"], each["due_at"]) for each in data["moved"]
        } == {(clock, debtor[clock], _text(was), _text(now)) for clock, (was, now) in moves.items()}
    others = {event["type"] for event in evidence.said} - {"referral.forward_transfer.deadline_moved"}
    assert others <= {"referral.directory.asked"}
    assert not any(document["outbox"] for document in evidence.after.values())


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
async def office(servers: Servers) -> AsyncIterator[Office]:
    """A service of its own; each test below changes years that no other one looks at."""
    async with office_on(servers) as office:
        yield office


async def test_a_year_not_published_gives_a_provisional_date_that_is_final_once_it_is_loaded(
    office: Office,
) -> None:
    year = YEAR + 1
    feast = date(year, 10, 1)
    moving = await office.walk(at(feast - 2 * ONE_DAY), "name_team", "submit_report")
    staying = await office.walk(at(date(year, 9, 5)), "name_team", "submit_report")
    for matter in (moving, staying):
        clock = await office.desk.clock(matter, "approval")
        assert clock["provisional"]
        assert clock["earliest"] <= clock["due_on"] <= clock["latest"]
    likely = (await office.desk.clock(moving, "approval"))["due_on"]
    before = await office.desk.clock(staying, "approval")
    file = file_of(year, "国办发明电〔0000〕2号", [feast + n * ONE_DAY for n in range(8)])
    await office.loaded(file)
    await office.recount()
    published = last_day_by_hand(feast - 2 * ONE_DAY, 3, [file]).isoformat()
    assert published != likely
    clock = await office.desk.clock(moving, "approval")
    assert (clock["due_on"], clock["provisional"]) == (published, False)
    assert clock["earliest"] == clock["latest"] == published
    assert file["notice"] in clock["moved_by"]
    (entry,) = await office.entries(moving, "calendar")
    assert entry["form"]["notice"] == file["notice"]
    assert (await office.desk.read(moving, part="/history/verify"))["intact"]
    after = await office.desk.clock(staying, "approval")
    assert (after["provisional"], after["due_at"]) == (False, before["due_at"])
    assert await office.entries(staying, "calendar") == await office.moves(staying) == []


async def test_what_lapsed_or_went_overdue_and_is_not_over_by_the_correction_is_open_again(
    office: Office,
) -> None:
    today = datetime.now(SHANGHAI).date()
    years = range(today.year - 1, today.year + 2)
    plain = {year: file_of(year, f"国办发明电〔{year}〕3号") for year in years}
    for file in plain.values():
        await office.load(file)
    await office.recount()
    last = today - ONE_DAY
    while last.weekday() >= 5 or last in statutory(last.year):
        last -= ONE_DAY
    started = at(last - 3 * ONE_DAY)
    right = await office.walk(started, *TO_SERVICE)
    duty = await office.walk(started, "name_team", "submit_report")
    await office.desk.timekeeper.tell()
    assert (await office.desk.clock(right, "reconsideration_window"))["state"] == "lapsed"
    assert (await office.desk.clock(duty, "approval"))["state"] == "overdue"
    assert (await office.desk.read(duty))["overdue"]
    assert "ask_reconsideration" not in [step["step"] for step in (await office.desk.read(right))["next"]]
    # All the days from that last one to the day after tomorrow turn out to have been days off.
    off = [last + n * ONE_DAY for n in range((today - last).days + 3)]
    corrected = []
    for year in years:
        added = [day for day in off if day.year == year]
        corrected.append(file_of(year, f"国办发明电〔{year}〕4号", added))
        if added:
            await office.load(corrected[-1])
    await office.recount()
    end = midnight_after(last_day_by_hand(started.date(), 3, corrected))
    for matter, key in ((right, "reconsideration_window"), (duty, "approval")):
        clock = await office.desk.clock(matter, key)
        assert clock["state"] == "running"
        assert datetime.fromisoformat(clock["due_at"]) == end
        assert len(await office.moves(matter)) == 1
    assert not (await office.desk.read(duty))["overdue"]
    await office.desk.timekeeper.tell()
    assert (await office.desk.clock(right, "reconsideration_window"))["state"] == "running"
    await office.desk.take(right, "ask_reconsideration")
    assert (await office.desk.read(right, part="/history/verify"))["intact"]
    assert (await office.desk.clock(right, "reconsideration_window"))["state"] == "met"


async def test_a_met_clock_keeps_its_passport_under_the_edition_it_was_counted_by(office: Office) -> None:
    feast = date(YEAR + 2, 10, 1)
    first = file_of(feast.year, "国办发明电〔0000〕5号", [feast + n * ONE_DAY for n in range(7)])
    edition = (await office.loaded(first))["edition"]
    met = await office.walk(
        at(feast - ONE_DAY), "name_team", "submit_report", "approve", approve=at(feast + 5 * ONE_DAY)
    )
    before = await office.desk.clock(met, "approval")
    assert (before["state"], before["calendar"]) == ("met", edition)
    assert before["due_on"] == last_day_by_hand(feast - ONE_DAY, 3, [first]).isoformat()
    second = file_of(feast.year, "国办发明电〔0000〕6号", [feast + n * ONE_DAY for n in range(3)])
    assert (await office.loaded(second))["edition"] > edition
    await office.recount()
    assert await office.desk.clock(met, "approval") == before
    assert first["notice"] in before["moved_by"]
    assert await office.moves(met) == await office.entries(met, "calendar") == []
    old = (await office.desk.get(ORGAN, f"/v1/calendar/editions/{edition}")).json()
    assert first["notice"] in {year["notice"] for year in old["years"]}
    now = (await office.desk.get(ORGAN, "/v1/calendar")).json()
    assert first["notice"] not in {year["notice"] for year in now["years"]}


async def test_the_longer_spring_festival_of_2020_moves_what_ended_in_it(office: Office) -> None:
    january = [date(2020, 1, day) for day in range(24, 31)]
    arranged = file_of(2020, "国办发明电〔2019〕16号", january, [date(2020, 1, 19), date(2020, 2, 1)])
    extended = [*january, date(2020, 1, 31), date(2020, 2, 1), date(2020, 2, 2)]
    prolonged = file_of(2020, "国办发明电〔2020〕1号", extended, [date(2020, 1, 19)])
    await office.loaded(arranged)
    await office.recount()
    cases = {
        date(2020, 1, 15): ("2020-01-19", "2020-01-19"),  # a Sunday that is worked, by either
        date(2020, 1, 27): ("2020-01-31", "2020-02-03"),
        date(2020, 1, 29): ("2020-02-01", "2020-02-03"),  # a Saturday to be worked, and then not
        date(2020, 1, 31): ("2020-02-03", "2020-02-03"),
    }
    matters = {day: await office.walk(at(day), "name_team", "submit_report") for day in cases}
    await office.desk.timekeeper.tell()
    for day, (was, _) in cases.items():
        clock = await office.desk.clock(matters[day], "approval")
        assert (clock["due_on"], clock["state"]) == (was, "overdue")
    await office.loaded(prolonged)
    await office.recount()
    await office.desk.timekeeper.tell()
    for day, (was, due) in cases.items():
        clock = await office.desk.clock(matters[day], "approval")
        assert (clock["due_on"], clock["state"]) == (due, "overdue")
        assert len(await office.moves(matters[day])) == (was != due)
        # It was overdue and is overdue: that is not said again.
        said = [event["type"].rpartition(".")[2] for event in await office.desk.said(matters[day])]
        assert said.count("duty_missed") == 1


async def test_the_reason_names_the_notice_that_moved_the_clock_also_when_others_came_after(
    office: Office,
) -> None:
    year = YEAR + 3
    spring, autumn = date(year, 4, 15), date(year, 11, 11)
    await office.loaded(file_of(year, "国办发明电〔0000〕7号"))
    matter = await office.walk(at(spring - 3 * ONE_DAY), "name_team", "submit_report")
    off = [spring + n * ONE_DAY for n in range(4)]
    await office.loaded(file_of(year, "国办发明电〔0000〕71号", off))
    last = await office.loaded(
        file_of(year, "国办发明电〔0000〕72号", [*off, *(autumn + n * ONE_DAY for n in range(4))])
    )
    await office.recount()
    (entry,) = await office.entries(matter, "calendar")
    assert entry["form"] == {"calendar": last["edition"], "notice": "国办发明电〔0000〕71号"}


GOOD = file_of(YEAR + 5, "国办发明电〔0000〕8号")


def _without_a_feast(file: dict[str, Any]) -> None:
    feast = next(day for day in file["days"] if day["date"].endswith("-10-01"))
    file["days"].remove(feast)


def _day(**changes: Any) -> dict[str, Any]:
    return {"name": "假", "date": f"{YEAR + 5}-08-08", "isOffDay": True} | changes


_WEEKDAY = next(
    day for n in range(7) if (day := date(YEAR + 5, 8, 10) + n * ONE_DAY).weekday() < 5
).isoformat()
LAST = f"days.{len(GOOD['days'])}"
FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no year": (lambda file: file.pop("year"), "year"),
    "a year without arrangements": (lambda file: file.update(year=1999), "year"),
    "no notice": (lambda file: file.update(notice=" "), "notice"),
    "no address": (lambda file: file.update(papers=["gov.cn"]), "papers.0"),
    "no days": (lambda file: file.update(days=[]), "days"),
    "no date": (lambda file: file["days"].append(_day(date="2月30日")), f"{LAST}.date"),
    "no such date": (lambda file: file["days"].append(_day(date=f"{YEAR + 5}-02-30")), f"{LAST}.date"),
    "neither off nor worked": (lambda file: file["days"].append(_day(isOffDay=None)), f"{LAST}.isOffDay"),
    "a day without name": (lambda file: file["days"].append(_day(name="")), f"{LAST}.name"),
    "a day named twice": (lambda file: file["days"].append(file["days"][0]), f"{LAST}.date"),
    "another year's day": (lambda file: file["days"].append(_day(date=f"{YEAR + 4}-12-19")), f"{LAST}.date"),
    "a weekday worked": (
        lambda file: file["days"].append(_day(date=_WEEKDAY, isOffDay=False)),
        f"{LAST}.date",
    ),
    "a feast of the law left out": (_without_a_feast, "days"),
    "something else": (lambda file: file.update(colour="red"), "*"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_file_that_is_no_arrangement_is_refused_with_the_field(office: Office, fault: str) -> None:
    spoil, named = FAULTS[fault]
    file = copy.deepcopy(GOOD)
    spoil(file)
    edition = office.calendar.edition
    for dry_run in (True, False):
        answer = await office.load(file, dry_run=dry_run)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "validation"), problem
        assert named in {error["field"] for error in problem["errors"]}, problem
    assert (await office.desk.store.calendars.refresh()).edition == edition


async def test_the_same_file_twice_is_refused_and_makes_one_edition_also_when_sent_at_once(
    office: Office,
) -> None:
    file = file_of(YEAR + 6, "国办发明电〔0000〕10号")
    edition = office.calendar.edition
    answers = await asyncio.gather(*(office.load(file) for _ in range(6)))
    assert {answer.status_code for answer in answers} <= {200, 422}
    assert {answer.json()["edition"] for answer in answers if answer.status_code == 200} == {edition + 1}
    for dry_run in (True, False):
        answer = await office.load(file, dry_run=dry_run)
        assert answer.status_code == 422
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
            ("days", "unchanged")
        ]
    assert (await office.desk.store.calendars.refresh()).edition == edition + 1


async def test_only_an_operator_loads_and_everybody_reads(office: Office) -> None:
    claims: dict[str, Any] = {"unit": ORGAN, "scope": SCOPES.replace(" calendar:write", "")}
    headers = {
        "Authorization": f"Bearer {office.desk.issuer.token(**claims)}",
        "Idempotency-Key": new_key(),
    }
    answer = await office.desk.client.post(PATH, json=GOOD, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
    shown = (await office.desk.client.get("/v1/calendar", headers=headers)).json()
    assert shown["edition"] == office.calendar.edition
    assert (await office.desk.get(ORGAN, "/v1/calendar/editions/999999")).status_code == 404
