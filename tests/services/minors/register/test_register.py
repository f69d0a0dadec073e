"""The register follows the histories, whatever comes again or late; each unit reads its own."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.minors.domain.register import Flag, day_of, flags
from services.minors.domain.years import YearKind, first_owed, is_late, last_day, year_of
from services.minors.store.register import heard
from shared.events import Event
from tests.services.minors.register.office import (
    AUTHORITY,
    CITY_AUTHORITY,
    CITY_PROCURATORATE,
    FAR_AUTHORITY,
    FAR_PROCURATORATE,
    MECHANISM,
    ORGAN,
    POLICE,
    SCHOOL,
    SECOND_SCHOOL,
    UNITS,
    Office,
    Story,
    office_on,
)

PATH = "/v1/vice-principal-register"


async def row(office: Office, story: Story, unit: str = AUTHORITY) -> dict[str, Any]:
    (found,) = await office.shown(unit, PATH, person=story.person_id)
    return found


async def test_a_post_is_shown_as_its_history_says(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story, form={"taught_hours": 1})
    await office.walked(matter, story, "open_year", "log_work", "log_work")
    await office.walked(matter, story, "log_work", form={"duty": "crime_prevention", "class_hours": 1})
    await office.hear(matter)
    assert (await row(office, story))["hours"] == {"legal_education": 1}
    await office.walked(matter, story, "confirm_work", form={"entries": [3, 5]})
    await office.hear(matter)
    found = await row(office, story)
    assert found["hours"] == {"legal_education": 3, "crime_prevention": 1}
    assert (found["unconfirmed_hours"], found["hours_short"], found["assessed"]) == (2, True, False)
    # Said from the tenth month on.
    assert (Flag.HOURS_SHORT in found["flags"]) is is_late(YearKind.CALENDAR, office.today)
    await office.walked(matter, story, "confirm_work", form={"entries": [4]})
    await office.walked(matter, story, "assess")
    await office.hear(matter)
    found = await row(office, story)
    assert (found["hours"]["legal_education"], found["hours_short"], found["assessed"]) == (5, False, True)
    assert found["flags"] == []
    await office.walked(matter, story, "dismiss")
    await office.hear(matter)
    found = await row(office, story)
    assert (found["state"], found["why_ended"], found["hours_short"]) == (
        "dismissed",
        "not_performing",
        False,
    )
    assert "示例" not in str(found)


async def test_events_again_and_in_any_order_change_nothing(office: Office) -> None:
    story = Story()
    matter = await office.serving(story)
    await office.walked(matter, story, "log_work", "log_work")
    await office.walked(matter, story, "confirm_work", form={"entries": [6, 7]})
    await office.walked(matter, story, "report_change")
    said = [Event.from_document(each) for each in await office.said(matter)] * 10
    random.Random(5).shuffle(said)
    for event in said:
        await office.kept.register.hear(event)
    found = await row(office, story)
    assert (found["state"], found["hours"]) == ("leaving", {"legal_education": 4})
    school = await office.kept.coverage.schools.find_one({"_id": SCHOOL})
    assert school is not None
    assert [each["matter"] for each in school["posts"]].count(matter) == 1


async def test_an_older_reading_changes_nothing(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story)
    older = await office.store.matters.find_own(matter)
    assert older is not None
    await office.walked(matter, story, "dismiss")
    await office.kept.register.refresh(matter)
    await office.kept.register.keep(older)
    assert (await row(office, story))["state"] == "dismissed"
    school = await office.kept.coverage.schools.find_one({"_id": SCHOOL})
    assert school is not None
    assert [each["serving"] for each in school["posts"] if each["matter"] == matter] == [False]


async def test_what_is_gone_is_built_again_from_the_histories(office: Office) -> None:
    story = Story()
    await office.taken_over(story)
    await office.store.migrate()
    before = await office.shown(AUTHORITY, PATH)
    covered = await office.shown(AUTHORITY, "/v1/vice-principal-coverage", without=False)
    assert story.person_id in [each["person_id"] for each in before]
    assert SCHOOL in [each["school"] for each in covered]
    await office.kept.register.posts.delete_many({})
    await office.kept.coverage.schools.delete_many({})
    assert await office.shown(AUTHORITY, PATH) == []
    await office.store.migrate()
    assert await office.shown(AUTHORITY, PATH) == before
    assert await office.shown(AUTHORITY, "/v1/vice-principal-coverage", without=False) == covered


def test_every_step_is_heard() -> None:
    assert set(heard()) == {f"minors.vice_principal.{step.said}" for step in MECHANISM.every_step}


# Who sees what.


async def test_each_unit_reads_its_own(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story)
    await office.hear(matter)
    seen = {unit: len(await office.shown(unit, PATH, person=story.person_id)) for unit in UNITS}
    seeing = {AUTHORITY, CITY_AUTHORITY, CITY_PROCURATORATE, ORGAN, SCHOOL}
    assert {unit for unit, count in seen.items() if count} == seeing
    assert await office.shown(FAR_AUTHORITY, PATH, division="410329") == []
    assert await office.shown(FAR_PROCURATORATE, PATH, school=SCHOOL) == []
    unknown = await office.get("LY-ZZ-999", PATH)
    assert (unknown.status_code, unknown.json()["code"]) == (403, "unit-unknown")


async def test_every_filter_narrows(office: Office) -> None:
    story = Story(ends_on=office.today + timedelta(days=60), school=SECOND_SCHOOL)
    matter = await office.taken_over(story)
    await office.hear(matter)
    soon = (office.today + timedelta(days=61)).isoformat()
    right: dict[str, Any] = {
        "school": SECOND_SCHOOL, "sender": ORGAN, "division": "410329", "ends_before": soon, "hours_short": True,
    }  # fmt: skip
    wrong: dict[str, Any] = {
        "school": "LY-XX-404", "sender": POLICE, "division": "410323", "hours_short": False,
        "ends_before": (office.today + timedelta(days=60)).isoformat(),
    }  # fmt: skip
    assert len(await office.shown(CITY_AUTHORITY, PATH, **right, person=story.person_id)) == 1
    for name, value in right.items():
        alone = await office.shown(CITY_AUTHORITY, PATH, **{name: value}, limit=3)
        assert matter in [each["matter"] for each in alone], name
        others = {**right, name: wrong[name], "person": story.person_id}
        assert await office.shown(CITY_AUTHORITY, PATH, **others) == [], name
    (found,) = await office.shown(SECOND_SCHOOL, PATH, **right)
    assert Flag.TERM_ENDING in found["flags"]


@pytest.mark.parametrize("order", ["none", "ends_before", "hours_short", "sender"])
async def test_pages_hold_every_post_once(office: Office, order: str) -> None:
    filters: dict[str, dict[str, Any]] = {
        "none": {},
        "ends_before": {"ends_before": "2090-01-01"},
        "hours_short": {"hours_short": True},
        "sender": {"sender": ORGAN},
    }
    params = filters[order]
    for _ in range(3):
        await office.hear(await office.taken_over(Story()))
    whole = [each["matter"] for each in await office.shown(CITY_AUTHORITY, PATH, **params, limit=200)]
    paged = [each["matter"] for each in await office.shown(CITY_AUTHORITY, PATH, **params, limit=1)]
    assert paged == whole
    assert len(set(whole)) == len(whole) > 2


# Years.


async def test_years_are_opened_and_closed_by_the_service_itself(empty_office: Office) -> None:
    office, story = empty_office, Story()
    matter = await office.taken_over(story)
    await office.kept.register.refresh(matter)
    years = office.service.years(office.parts, "one")  # type: ignore[attr-defined]
    assert await years.settle() == 1
    assert await years.settle() == 0
    await office.walked(matter, story, "log_work", "log_work")
    await office.walked(matter, story, "confirm_work", form={"entries": [3, 4]})
    await office.hear(matter)
    assert await years.settle() == 1
    assert await years.settle() == 0
    history = (await office.read(matter, part="/history"))["entries"]
    own = [
        (each["step"], each["person"]) for each in history if each["step"] in ("open_year", "fulfil_hours")
    ]
    assert own == [("open_year", "service:minors"), ("fulfil_hours", "service:minors")]
    assert (await office.clock(matter, "hours"))["state"] == "met"


async def test_another_worker_leaves_years_to_the_one_that_is_at_it(empty_office: Office) -> None:
    matter = await empty_office.taken_over(Story())
    await empty_office.kept.register.refresh(matter)
    first = empty_office.service.years(empty_office.parts, "one")  # type: ignore[attr-defined]
    second = empty_office.service.years(empty_office.parts, "two")  # type: ignore[attr-defined]
    assert await first.settle() == 1
    await empty_office.kept.register.refresh(await empty_office.taken_over(Story()))
    assert await second.settle() == 0
    assert await first.settle() == 1


async def test_a_deployment_may_count_by_school_years_and_ask_for_more_practice(
    servers: Servers, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"vice_principal_year": "school", "vice_principal_years": 9}
    async with office_on(servers, tmp_path, **settings) as office:
        story = Story()
        short = await office.take_over(story)
        assert short.json()["errors"][0]["field"] == "form.years_of_legal_work"
        matter = await office.taken_over(story, form={"years_of_legal_work": 9})
        await office.kept.register.refresh(matter)
        assert await office.service.years(office.parts, "one").settle() == 1  # type: ignore[attr-defined]
        clock = await office.clock(matter, "hours")
        assert clock["due_at"].startswith(f"{office.year + 1}-08-31T16:00:00")


@pytest.mark.parametrize(
    ("kind", "day", "year", "late"),
    [
        (YearKind.CALENDAR, date(2026, 9, 30), 2026, False),
        (YearKind.CALENDAR, date(2026, 10, 1), 2026, True),
        (YearKind.CALENDAR, date(2027, 1, 1), 2027, False),
        (YearKind.SCHOOL, date(2026, 8, 31), 2025, True),
        (YearKind.SCHOOL, date(2026, 9, 1), 2026, False),
        (YearKind.SCHOOL, date(2027, 5, 31), 2026, False),
        (YearKind.SCHOOL, date(2027, 6, 1), 2026, True),
    ],
)
def test_years(kind: YearKind, day: date, year: int, *, late: bool) -> None:
    assert (year_of(kind, day), is_late(kind, day)) == (year, late)
    assert first_owed(kind, day) == year + late
    assert last_day(kind, year) >= day
    assert year_of(kind, last_day(kind, year) + timedelta(days=1)) == year + 1


def test_a_day_is_that_of_the_offices() -> None:
    assert day_of(datetime(2026, 12, 31, 16, tzinfo=UTC)) == date(2027, 1, 1)


@pytest.mark.parametrize(("month", "flagged"), [(9, False), (10, True)])
async def test_hours_are_flagged_as_short_from_the_tenth_month_on(
    office: Office, month: int, *, flagged: bool
) -> None:
    matter = await office.taken_over(Story())
    await office.kept.register.refresh(matter)
    post = await office.kept.register.find(matter)
    assert post is not None
    assert (Flag.HOURS_SHORT in flags(post, date(office.year, month, 1), YearKind.CALENDAR)) is flagged
