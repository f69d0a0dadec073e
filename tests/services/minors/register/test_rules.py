"""What the declaration cannot say is refused with the field at fault; of one person's places two are the most."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from services.minors.store.register import _only
from tests.services.minors.register.office import (
    AUTHORITY,
    CITY_AUTHORITY,
    FAR_AUTHORITY,
    FAR_SCHOOL,
    ORGAN,
    SCHOOL,
    SECOND_SCHOOL,
    THIRD_SCHOOL,
    TO_SERVING,
    TO_TRAINED,
    Office,
    Story,
)
from tests.services.referral.desk import unit_event


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code in (409, 422), answer.text
    return [(error["field"], error["code"]) for error in answer.json().get("errors", ())]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"years_of_legal_work": 2}, ("form.years_of_legal_work", "practice-too-short")),
        ({"retired": True, "birth_year": 1955}, ("form.birth_year", "retired-too-old")),
        ({"retired": True, "term": 2}, ("form.term", "retired-again")),
        ({"training_hours": 7}, ("form.training_hours", "greater-than-equal")),
        ({"school_type": "university"}, ("form.school_type", "enum")),
        ({"ends_on": "2020-01-01"}, ("form.ends_on", "ends-before-start")),
        ({"letter_number": "张三的聘书"}, ("form.letter_number", "string-pattern-mismatch")),
        ({"person_id": "6fa459ea-ee8a-3ca4-894e-db77e160355e"}, ("form.person_id", "uuid-version")),
    ],
)
async def test_a_post_that_the_rules_forbid_is_refused_by_its_field(
    office: Office, form: dict[str, Any], expected: tuple[str, str]
) -> None:
    answer = await office.take_over(Story(), form=form)
    assert faults(answer) == [expected], answer.text


async def test_who_is_retired_serves_one_term_up_to_sixty_five(office: Office) -> None:
    born = office.today.year - 65
    story = Story()
    matter = await office.taken_over(story, form={"retired": True, "birth_year": born})
    assert faults(await office.attempt(matter, "renew", story)) == [("form.retired", "retired-again")]
    await office.walked(matter, story, "dismiss")
    await office.kept.register.refresh(matter)
    again = await office.take_over(story, form={"retired": True, "birth_year": born})
    assert faults(again) == [("form.term", "retired-again")]


@pytest.mark.parametrize(
    ("step", "form", "expected"),
    [
        ("recommend", {"years_of_legal_work": 1}, ("form.years_of_legal_work", "practice-too-short")),
        ("train", {"hours": 7}, ("form.hours", "greater-than-equal")),
        ("appoint", {"starts_on": "2020-01-01"}, ("form.starts_on", "training-too-late")),
        ("log_work", {"class_hours": 9}, ("form.class_hours", "less-than-equal")),
        ("log_work", {"class_hours": -1}, ("form.class_hours", "greater-than-equal")),
        ("log_work", {"done_on": "2020-01-01"}, ("form.done_on", "outside-term")),
        ("log_work", {"done_on": "2099-01-01"}, ("form.done_on", "act-in-future")),
        ("confirm_work", {"entries": [1]}, ("form.entries.0", "entry-unknown")),
        ("assess", {"year": 2020}, ("form.year", "outside-term")),
        ("open_year", {"year": 2020}, ("form.year", "year-not-next")),
        ("open_year", {"last_day": "2099-01-01"}, ("form.last_day", "year-ends-otherwise")),
        ("fulfil_hours", {}, ("form.year", "year-not-open")),
        ("renew", {"ends_on": "2026-11-30", "starts_on": "2026-01-01"}, ("form.ends_on", "term-not-later")),
        ("end_term", {}, ("acted_at", "term-not-over")),
    ],
)
async def test_a_step_that_the_history_forbids_is_refused_by_its_field(
    office: Office, step: str, form: dict[str, Any], expected: tuple[str, str]
) -> None:
    story = Story()
    matter = await office.plan(story)
    before = {"recommend": (), "train": ("recommend", "pool"), "appoint": TO_TRAINED}
    await office.walked(matter, story, *before.get(step, TO_SERVING))
    assert faults(await office.attempt(matter, step, story, form=form)) == [expected]


async def test_work_is_confirmed_once_and_hours_are_fulfilled_by_confirmed_work_alone(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story)
    await office.walked(matter, story, "open_year", "log_work", "log_work")
    assert faults(await office.attempt(matter, "fulfil_hours", story)) == [("form.year", "hours-short")]
    await office.walked(matter, story, "confirm_work", form={"entries": [3]})
    twice = await office.attempt(matter, "confirm_work", story, form={"entries": [3, 4]})
    assert faults(twice) == [("form.entries.0", "entry-confirmed")]
    assert faults(await office.attempt(matter, "fulfil_hours", story)) == [("form.year", "hours-short")]
    await office.walked(matter, story, "confirm_work", form={"entries": [4]})
    await office.walked(matter, story, "fulfil_hours")


async def test_a_year_is_assessed_once(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story)
    await office.walked(matter, story, "assess")
    assert faults(await office.attempt(matter, "assess", story)) == [("form.year", "year-assessed")]


async def test_somebody_new_for_the_same_school_takes_the_place(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story)
    await office.walked(matter, story, "report_change")
    elsewhere, planned = await office.plan(Story(school=SECOND_SCHOOL)), await office.plan(story)
    for successor, code in (
        (str(uuid4()), "successor-unknown"),
        (matter, "successor-unknown"),
        (elsewhere, "successor-unknown"),
        (planned, "successor-not-recommended"),
    ):
        answer = await office.attempt(matter, "replace", story, form={"successor": [successor]})
        assert faults(answer) == [("form.successor.0", code)]


async def test_a_post_belongs_where_its_school_is(office: Office) -> None:
    far = await office.take_over(Story(), unit=FAR_AUTHORITY)
    assert faults(far) == [("parties.school", "school-elsewhere")]
    unsaid = await office.take_over(Story(), unit=CITY_AUTHORITY)
    assert faults(unsaid) == [("division", "division-not-the-schools")]
    await office.taken_over(Story(), unit=CITY_AUTHORITY, division="410329")
    hospital = await office.take_over(Story(school="LY-YY-001"))
    assert faults(hospital) == [("parties.school", "unit-wrong-kind")]
    wrong = await office.take_over(Story(), form={"sender_kind": "court"})
    assert faults(wrong) == [("parties.dispatching_organ", "unit-wrong-kind")]
    assert (await office.take_over(Story(school=FAR_SCHOOL), unit=AUTHORITY)).status_code == 422
    assert (await office.take_over(Story(), unit=ORGAN)).status_code == 403


# Two schools at once.


async def test_a_person_serves_at_two_schools_and_at_no_third(office: Office) -> None:
    story = Story()
    first = await office.taken_over(story)
    here = Story(person_id=story.person_id)
    assert faults(await office.take_over(here, form={"second_school": True})) == [
        ("form.person_id", "serves-here")
    ]
    second = Story(person_id=story.person_id, school=SECOND_SCHOOL)
    assert faults(await office.take_over(second)) == [("form.second_school", "place-taken")]
    await office.taken_over(second, form={"second_school": True})
    third = Story(person_id=story.person_id, school=THIRD_SCHOOL)
    for told in (False, True):
        refused = await office.take_over(third, form={"second_school": told})
        assert faults(refused) == [("form.person_id", "serves-twice")]
    await office.walked(first, story, "dismiss")
    await office.taken_over(third)


async def test_what_the_database_keeps_apart_is_what_the_rules_look_for(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story)
    document = await office.store.matters.collection.find_one({"_id": matter})
    assert document is not None
    assert document["only"] == _only(story.person_id, second=False)
    (seat,) = await office.kept.register.seats(story.person_id)
    assert (seat.matter, seat.school, seat.second) == (matter, SCHOOL, False)
    await office.walked(matter, story, "dismiss")
    assert await office.kept.register.seats(story.person_id) == []


async def test_of_twenty_appointments_of_one_person_at_once_exactly_two_succeed(empty_office: Office) -> None:
    office, person = empty_office, str(uuid4())
    schools = [f"LY-XX-{number}" for number in range(500, 520)]
    for code in schools:
        await office.store.directory.hear(unit_event(code, "school", "410329"))
    stories = [Story(person_id=person, school=code) for code in schools]
    matters = [await office.plan(story) for story in stories]
    for matter, story in zip(matters, stories, strict=True):
        await office.walked(matter, story, *TO_TRAINED)
    answers = await asyncio.gather(
        *(
            office.attempt(matter, "appoint", story, AUTHORITY, form={"second_school": place % 2 == 1})
            for place, (matter, story) in enumerate(zip(matters, stories, strict=True))
        )
    )
    outcomes = Counter(answer.status_code for answer in answers)
    assert outcomes[200] == 2, outcomes
    assert set(outcomes) <= {200, 409, 422}
    serving = await office.store.matters.collection.count_documents({"state": "serving"})
    assert serving == 2
    # Again, one after another: nothing has come free.
    for matter, story, answer in zip(matters, stories, answers, strict=True):
        if answer.status_code != 200:
            again = await office.attempt(matter, "appoint", story, AUTHORITY)
            assert faults(again) == [("form.person_id", "serves-twice")]


async def test_a_repeat_is_answered_alike_though_the_rule_would_now_refuse(office: Office) -> None:
    story = Story()
    form = office.form("take_over", story)
    first = await office.take_over(story, form=form, key="the-same")
    again = await office.take_over(story, form=form, key="the-same")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


async def test_a_term_lasts_three_years_where_no_last_day_is_given(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story, form={"starts_on": "2026-03-01"})
    fields = (await office.read(matter))["fields"]
    assert fields["ends_on"] == "2029-02-28"
