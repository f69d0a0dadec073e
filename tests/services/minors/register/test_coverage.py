"""Which schools have nobody, among 2,000 of them with 10,000 posts; every page is read from an index."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from deploy.local.servers import Servers
from services.minors.domain.register import Owed, Post
from services.minors.store.coverage import _DERIVED
from services.minors.store.register import _document
from shared.events import Event
from shared.mongo import Document
from tests.services.minors.register.office import (
    AUTHORITY,
    CITY_AUTHORITY,
    CITY_PROCURATORATE,
    FAR_AUTHORITY,
    FAR_PROCURATORATE,
    FAR_SCHOOL,
    ORGAN,
    POLICE,
    SCHOOL,
    SECOND_SCHOOL,
    STRANGER,
    THIRD_SCHOOL,
    Office,
    Story,
    office_on,
)
from tests.services.referral.desk import unit_event

PATH, REGISTER = "/v1/vice-principal-coverage", "/v1/vice-principal-register"
SCHOOLS, POSTS, PAGE = 2000, 10_000, 51
COUNTIES = ("410329", "410323", "410328", "410327")
DIVISIONS = ("410300", "410000")


async def shown(office: Office, unit: str, **params: Any) -> dict[str, int]:
    return {each["school"]: each["serving"] for each in await office.shown(unit, PATH, **params)}


async def test_a_school_is_covered_while_somebody_serves(empty_office: Office) -> None:
    office, story = empty_office, Story()
    assert await shown(office, AUTHORITY, without=True) == dict.fromkeys(
        (SCHOOL, SECOND_SCHOOL, THIRD_SCHOOL, STRANGER), 0
    )
    matter = await office.taken_over(story)
    other = await office.taken_over(Story())
    await office.hear(matter, other)
    assert (await shown(office, AUTHORITY))[SCHOOL] == 2
    assert await shown(office, AUTHORITY, without=False) == {SCHOOL: 2}
    await office.walked(matter, story, "report_change")
    await office.hear(matter)
    assert (await shown(office, SCHOOL)) == {SCHOOL: 2}  # who leaves serves until replaced
    for each in (matter, other):
        if each == other:
            await office.walked(each, story, "report_change")
        await office.store.matters.collection.update_one({"_id": each}, {"$set": {"state": "replaced"}})
        await office.store.matters.collection.update_one({"_id": each}, {"$inc": {"version": 1}})
        await office.kept.register.refresh(each)
    (row,) = [each for each in await office.shown(AUTHORITY, PATH, without=True) if each["school"] == SCHOOL]
    assert (row["serving"], row["overdue"]) == (0, False)
    assert row["without_since"] is not None


async def test_a_gap_of_more_than_a_month_is_overdue(empty_office: Office) -> None:
    office = empty_office
    for school, days in ((SCHOOL, 25), (SECOND_SCHOOL, 40)):
        await office.kept.coverage.schools.update_one(
            {"_id": school}, {"$set": {"without_since": office.now() - timedelta(days=days)}}
        )
    rows = {each["school"]: each["overdue"] for each in await office.shown(AUTHORITY, PATH, without=True)}
    assert (rows[SCHOOL], rows[SECOND_SCHOOL]) == (False, True)


async def test_each_unit_sees_what_it_may_and_counts_of_no_other(empty_office: Office) -> None:
    office = empty_office
    matter = await office.taken_over(Story())
    other = await office.taken_over(
        Story(), form={"sender_kind": "public_security"}, parties={"dispatching_organ": POLICE}
    )
    await office.hear(matter, other)
    everything = {SCHOOL: 2, SECOND_SCHOOL: 0, THIRD_SCHOOL: 0, STRANGER: 0}
    assert await shown(office, AUTHORITY) == everything
    assert await shown(office, ORGAN) == everything  # a procuratorate of the division, too
    assert await shown(office, CITY_AUTHORITY) == {**everything, FAR_SCHOOL: 0}
    assert await shown(office, CITY_PROCURATORATE, division="410323") == {FAR_SCHOOL: 0}
    assert await shown(office, FAR_AUTHORITY) == {FAR_SCHOOL: 0}
    assert await shown(office, FAR_AUTHORITY, division="410329") == {}
    assert await shown(office, FAR_PROCURATORATE, without=True) == {FAR_SCHOOL: 0}
    assert await shown(office, POLICE) == {SCHOOL: 1}
    assert await shown(office, POLICE, without=True) == {}
    assert await shown(office, SCHOOL) == {SCHOOL: 2}
    assert await shown(office, STRANGER) == {STRANGER: 0}


async def test_a_school_follows_the_directory(empty_office: Office) -> None:
    office = empty_office
    hear = office.service.heard(office.parts)["notifier.unit.changed"]

    async def say(code: str, kind: str, division: str, version: int, *, active: bool = True) -> None:
        event = unit_event(code, kind, division, version)
        told = Event.from_document({**event.document(), "data": {**event.data, "active": active}})
        await hear(told)

    await say("LY-XX-700", "school", "410329", 1)
    assert "LY-XX-700" in await shown(office, AUTHORITY)
    assert await office.store.directory.find("LY-XX-700") is not None  # the directory heard it as well
    await say("LY-XX-700", "school", "410323", 3)
    await say("LY-XX-700", "school", "410329", 2)
    assert "LY-XX-700" not in await shown(office, AUTHORITY)
    assert "LY-XX-700" in await shown(office, FAR_AUTHORITY)
    await say("LY-XX-700", "school", "410323", 4, active=False)
    assert "LY-XX-700" not in await shown(office, FAR_AUTHORITY)
    await say("LY-XX-700", "school", "410323", 5)
    await say("LY-XX-700", "employer", "410323", 6)
    assert "LY-XX-700" not in await shown(office, FAR_AUTHORITY)


async def test_a_post_may_come_before_its_school_is_told_of(empty_office: Office) -> None:
    office = empty_office
    matter = await office.taken_over(Story())
    await office.kept.coverage.schools.delete_one({"_id": SCHOOL})
    await office.kept.register.refresh(matter)
    assert SCHOOL not in await shown(office, AUTHORITY)
    await office.kept.coverage.hear(unit_event(SCHOOL, "school", "410329", 2))
    assert (await shown(office, AUTHORITY))[SCHOOL] == 1


# What it costs.


@pytest.fixture(scope="module")
async def many(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """2,000 schools, every fifth with nobody, and 10,000 posts at the others, half of them ended."""
    async with office_on(servers, tmp_path_factory.mktemp("keys")) as office:
        codes = [f"LY-XX-{number + 1000}" for number in range(SCHOOLS)]
        for start in range(0, SCHOOLS, 50):
            await asyncio.gather(
                *(
                    office.kept.coverage.hear(unit_event(code, "school", COUNTIES[number % 4]))
                    for number, code in enumerate(codes[start : start + 50], start=start)
                )
            )
        posts = [post(number, office) for number in range(POSTS)]
        register, coverage = office.kept.register, office.kept.coverage
        await register.posts.insert_many([_document(each, register.kind) for each in posts], ordered=False)
        for each in posts:
            await coverage.schools.update_one(
                {"_id": each.school},
                {
                    "$push": {
                        "posts": {
                            "matter": each.matter,
                            "version": 1,
                            "sender": each.sender,
                            "serving": each.serving,
                            "since": each.since,
                        }
                    }
                },
            ) if each.serving else None
        await coverage.schools.update_many({}, list(_DERIVED))
        yield office


def post(number: int, office: Office) -> Post:
    covered = [place for place in range(SCHOOLS) if place % 5]
    place = covered[number % len(covered)]
    county, serving = COUNTIES[place % 4], number // len(covered) % 2 == 0
    ends_on = office.today + timedelta(days=number % 1000)
    return Post(
        matter=str(uuid5(NAMESPACE_URL, f"urn:post:{number}")),
        version=1,
        state="serving" if serving else "ended",
        since=office.now(),
        school=f"LY-XX-{place + 1000}",
        sender=f"LY-GA-{number % 40:03}",
        sender_kind="public_security",
        authority=f"LY-JY-{county[-3:]}",
        division=county,
        divisions=(county, *DIVISIONS),
        person=str(uuid5(NAMESPACE_URL, f"urn:person:{number}")),
        birth_year=1980,
        retired=False,
        second_school=False,
        letters=(f"聘〔2026〕{number}号",),
        starts_on=date(2025, 1, 1),
        ends_on=ends_on,
        term=1,
        hours={},
        unconfirmed=0,
        assessed=(),
        opened=None,
        why=None,
        owed=Owed(office.year - number % 3 % 2, ends_on, None, None) if serving else None,
    )


async def examined(office: Office, unit: str, path: str, **params: Any) -> tuple[Document, int]:
    """Read one page; return what the server examined for it, and how many items came."""
    database = office.mongo.database
    await database.command({"profile": 2})
    try:
        answer = await office.get(unit, path, **{"limit": PAGE - 1, **params})
        assert answer.status_code == 200, answer.text
    finally:
        await database.command({"profile": 0})
    reads = {"op": "query", "ns": {"$regex": r"\.(posts|schools|matters)$"}}
    found = await database["system.profile"].find(reads).to_list(None)
    await database["system.profile"].drop()
    assert found
    for each in found:
        assert "IXSCAN" in each["planSummary"], each["planSummary"]
        assert "COLLSCAN" not in each["planSummary"]
    keys = sum(each["keysExamined"] for each in found)
    documents = sum(each["docsExamined"] for each in found)
    return {"keys": keys, "documents": documents}, len(answer.json()["items"])


@pytest.mark.parametrize("unit", [CITY_AUTHORITY, AUTHORITY, CITY_PROCURATORATE, "LY-XX-1001"])
@pytest.mark.parametrize("params", [{}, {"without": True}, {"division": "410329"}])
async def test_a_page_of_schools_reads_a_page(many: Office, unit: str, params: dict[str, Any]) -> None:
    await many.store.directory.hear(unit_event("LY-XX-1001", "school", COUNTIES[1]))
    cost, items = await examined(many, unit, PATH, **params)
    assert cost["documents"] <= PAGE
    assert cost["keys"] <= 2 * PAGE + 5
    assert items == (PAGE - 1 if unit != "LY-XX-1001" else (0 if params else 1))


FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "school": {"school": "LY-XX-1001"},
    "sender": {"sender": "LY-GA-004"},
    "division": {"division": "410329"},
    "ends_before": {"ends_before": "2027-06-01"},
    "hours_short": {"hours_short": True},
    "enough hours": {"hours_short": False},
}


@pytest.mark.parametrize("unit", [CITY_AUTHORITY, AUTHORITY, "LY-GA-004"])
@pytest.mark.parametrize("name", FILTERS)
async def test_a_page_of_posts_reads_a_page(many: Office, unit: str, name: str) -> None:
    await many.store.directory.hear(unit_event("LY-GA-004", "public_security", "410329"))
    cost, items = await examined(many, unit, REGISTER, **FILTERS[name])
    # An organ's posts in one county are looked for among its own, of which there are 250.
    most = 260 if (unit, name) == ("LY-GA-004", "division") else PAGE
    assert cost["documents"] <= most
    assert cost["keys"] <= most + PAGE + 5
    assert items or (unit, name) in {
        (AUTHORITY, "school"),
        ("LY-GA-004", "school"),
        ("LY-GA-004", "hours_short"),
        ("LY-GA-004", "enough hours"),
    }


async def test_a_far_page_costs_no_more(many: Office) -> None:
    for path, params in ((PATH, {}), (REGISTER, {}), (REGISTER, {"hours_short": True})):
        cursor = None
        for _ in range(4):
            query = {**params, "limit": 200, **({"cursor": cursor} if cursor else {})}
            cursor = (await many.get(CITY_AUTHORITY, path, **query)).json()["next"]
        cost, items = await examined(many, CITY_AUTHORITY, path, **params, limit=200, cursor=cursor)
        assert items == 200
        assert cost["documents"] <= 2 * 201
        assert cost["keys"] <= 2 * 201 + 10


async def test_every_school_without_anybody_is_found_once(many: Office) -> None:
    found = [each["school"] for each in await many.shown(CITY_AUTHORITY, PATH, without=True, limit=200)]
    ours = [code for code in found if len(code) == len("LY-XX-1000")]
    assert ours == [f"LY-XX-{number + 1000}" for number in range(0, SCHOOLS, 5)]


async def test_what_is_to_be_settled_is_found_by_reading_it_alone(many: Office) -> None:
    register, database = many.kept.register, many.mongo.database
    waiting = await register.posts.find({"owed": {"$exists": True}}).limit(30).to_list(30)
    for place, each in enumerate(waiting):
        field = "owed.next" if place % 2 else "owed.reached"
        await register.posts.update_one({"_id": each["_id"]}, {"$set": {field: 2026}})
    await database.command({"profile": 2})
    ids = await register.unsettled(2026, "", 100)
    await database.command({"profile": 0})
    assert sorted(ids) == sorted(each["_id"] for each in waiting)
    found = (
        await database["system.profile"].find({"op": "query", "ns": {"$regex": r"\.posts$"}}).to_list(None)
    )
    await database["system.profile"].drop()
    assert sum(each["keysExamined"] for each in found) <= 32
