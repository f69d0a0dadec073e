"""Every road of a vice-principal's post, walked through the public API; what no road takes is refused."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services.minors.main import SERVICE
from services.notifier import events
from shared.bus import EXCHANGE
from shared.events import Event
from shared.mechanism.catalogue import catalogue
from shared.mechanism.grammar import Mark, cites_of
from tests.contracts.spoken import as_it_travels
from tests.services.minors.register.office import (
    MECHANISM,
    STRANGER,
    TO_SERVING,
    TO_TRAINED,
    Office,
    Story,
)

A_YEAR = ("open_year", "log_work", "log_work", "confirm_work", "fulfil_hours", "assess")
ROADS: Mapping[str, tuple[str, ...]] = {
    "served, renewed, dismissed": ("plan", *TO_SERVING, *A_YEAR, "renew", "dismiss"),
    "served to the end": ("plan", *TO_SERVING, "end_term"),
    "changed and replaced": ("plan", *TO_SERVING, "open_year", "report_change", "log_work", "replace"),
    "never appointed": ("plan", *TO_TRAINED, "cancel"),
    "of an older register": ("take_over", *A_YEAR, "report_change", "end_term"),
}


def story_of(office: Office, road: tuple[str, ...]) -> Story:
    story = Story()
    if road[-1] == "end_term":
        story = Story(began=300, ends_on=office.today)
    return story


async def begun(office: Office, road: tuple[str, ...], story: Story) -> str:
    return await (office.plan(story) if road[0] == "plan" else office.taken_over(story))


async def form_now(office: Office, matter: str, step: str) -> dict[str, Any]:
    """Return what the step's form can say only now."""
    if step == "confirm_work":
        history = await office.read(matter, part="/history")
        logged = [entry["version"] for entry in history["entries"] if entry["step"] == "log_work"]
        return {"entries": logged}
    if step == "replace":
        story = Story()
        successor = await office.plan(story)
        await office.walked(successor, story, "recommend")
        return {"successor": [successor]}
    return {}


def test_every_step_and_every_state_is_on_some_road() -> None:
    walked = {step for road in ROADS.values() for step in road}
    assert {step.key for step in MECHANISM.every_step} == walked
    led_to = {MECHANISM.step_by_key[step].to for step in walked}
    assert {state.key for state in MECHANISM.states} == led_to - {None}


async def test_every_road_is_walked_its_clocks_cite_their_articles_and_the_rest_is_refused(
    office: Office,
) -> None:
    ran, tried, matters = set[str](), set[str](), list[str]()
    for name, road in ROADS.items():
        story = story_of(office, road)
        matter = await begun(office, road, story)
        matters.append(matter)
        for step in (*road[1:], None):
            state = (await office.read(matter))["state"]["key"]
            if state not in tried:
                tried.add(state)
                await everything_else_is_refused(office, matter, state, story)
            if step is not None:
                form = await form_now(office, matter, step)
                receipt = await office.walked(matter, story, step, form=form)
                assert MECHANISM.step_by_key[step].to in (None, receipt["state"])
        verification = await office.read(matter, part="/history/verify")
        assert verification["intact"], (name, verification)
        for run in await office.read(matter, part="/clocks"):
            ran.add(run["key"])
            cited = [(cite["law"], cite["article"], cite["mark"]) for cite in run["cites"]]
            declared = cites_of(MECHANISM.clock_by_key[run["key"]].cite)
            assert cited == [(cite.law.title, cite.article, cite.mark.value) for cite in declared]
    assert tried == {state.key for state in MECHANISM.states}
    assert ran == {clock.key for clock in MECHANISM.clocks}
    await what_was_said_fits_the_catalogue_and_the_notifier(office, matters)


async def what_was_said_fits_the_catalogue_and_the_notifier(office: Office, matters: list[str]) -> None:
    messages = catalogue(SERVICE.name, EXCHANGE, [MECHANISM], {})["components"]["messages"]
    checks = {name: Draft202012Validator(message["payload"]) for name, message in messages.items()}
    for matter in matters:
        for document in await office.said(matter):
            event = as_it_travels(Event.from_document(document))
            checks[event.type].validate(event.data)
            heard = events.read(event)
            assert (heard.mechanism, heard.state) == (MECHANISM.key, event.data["state"])
            assert heard.told == tuple(event.data["tell"])
            assert "示例甲" not in str(document)


async def everything_else_is_refused(office: Office, matter: str, state: str, story: Story) -> None:
    before = await office.store.matters.collection.find_one({"_id": matter})
    assert before is not None
    for step in MECHANISM.steps:
        takers = {before["parties"].get(party.recorded_by or party.key) for party in step.parties}
        for unit in sorted({*before["readers"], STRANGER}):
            if state in MECHANISM.sources_of(step) and unit in takers:
                continue
            answer = await office.attempt(matter, step.key, story, unit)
            problem = answer.json()
            if unit not in before["readers"]:
                assert answer.status_code == 404, (step.key, unit, problem)
            elif unit not in takers:
                assert (answer.status_code, problem["code"]) == (403, "not-your-step"), (step.key, problem)
            else:
                assert (answer.status_code, problem["code"]) == (409, "step-not-open"), (step.key, problem)
    assert await office.store.matters.collection.find_one({"_id": matter}) == before


# What the clocks say.


async def test_class_hours_are_owed_until_the_last_day_of_the_year_and_met_by_four_of_them(
    office: Office,
) -> None:
    story = Story()
    matter = await office.taken_over(story)
    await office.walked(matter, story, "open_year")
    clock = await office.clock(matter, "hours")
    assert clock["due_at"].startswith(f"{office.year}-12-31T16:00:00")  # midnight in Shanghai
    assert clock["kind"] == "duty"
    await office.walked(matter, story, "log_work", "log_work")
    await office.walked(matter, story, "confirm_work", form=await form_now(office, matter, "confirm_work"))
    await office.walked(matter, story, "fulfil_hours")
    assert (await office.clock(matter, "hours"))["state"] == "met"


async def test_a_term_is_warned_of_ninety_days_before_it_expires(office: Office) -> None:
    ends_on = office.today + timedelta(days=400)
    matter = await office.taken_over(Story(ends_on=ends_on))
    term, warning = await office.clock(matter, "term"), await office.clock(matter, "term_warning")
    assert (term["kind"], warning["kind"]) == ("validity", "soft")
    assert warning["cites"][0]["mark"] == Mark.LOCAL
    midnight = f"{ends_on.isoformat()}T16:00:00"
    assert term["due_at"].startswith(midnight)
    assert warning["due_at"][:10] == (ends_on - timedelta(days=91)).isoformat()  # 90 whole days lie between
    late = await office.taken_over(Story(ends_on=office.today + timedelta(days=30)))
    await office.timekeeper.tell()
    said = [each["data"] for each in await office.said(late) if "clock" in each["data"]]
    assert {each["clock"]["key"] for each in said} == {"term_warning"}


async def test_who_leaves_is_replaced_within_a_month(office: Office) -> None:
    story = Story()
    matter = await office.taken_over(story)
    await office.walked(matter, story, "report_change")
    clock = await office.clock(matter, "replacement")
    assert (clock["state"], clock["rule"]["length"]) == ("running", {"amount": 1, "unit": "months"})
    assert clock["cites"][0]["mark"] == Mark.TO_CONFIRM


async def test_a_missed_year_is_said_to_the_organ_and_those_who_oversee(office: Office) -> None:
    matter = await office.taken_over(Story())
    await office.walked(matter, Story(), "open_year")
    document = await office.store.matters.collection.find_one({"_id": matter})
    assert document is not None
    (hours,) = [run for run in document["clocks"] if run["key"] == "hours"]
    # As if the year were over: the law's date is moved, not the clock of the server.
    past = office.now() - timedelta(minutes=1)
    await office.store.matters.collection.update_one(
        {"_id": matter, "clocks.key": "hours"},
        {"$set": {"clocks.$.due_at": past, "attention_at": past}},
    )
    assert hours["item"] == office.year
    await office.timekeeper.tell()
    (missed,) = [each for each in await office.said(matter) if each["type"].endswith("duty_missed")]
    parties = document["parties"]
    told = {parties[key] for key in ("dispatching_organ", "education_authority", "procuratorate")}
    assert set(missed["data"]["tell"]) == told
    assert (await office.read(matter))["state"]["key"] == "serving"


@pytest.mark.parametrize("field", ["name", "phone"])
async def test_no_history_holds_a_name_or_a_phone(office: Office, field: str) -> None:
    matter = await office.taken_over(Story())
    value = {"name": "示例甲", "phone": "0379-00000000"}[field]
    document = await office.store.matters.collection.find_one({"_id": matter})
    assert value not in str(document)
