"""Every road that begins with a report, walked through the public API; what no road takes is refused."""

from collections.abc import Mapping

import pytest
from jsonschema import Draft202012Validator

from services.minors.main import SERVICE
from services.notifier import events
from shared.bus import EXCHANGE
from shared.events import Event
from shared.mechanism.catalogue import catalogue
from shared.mechanism.grammar import Mechanism, cites_of
from tests.contracts.spoken import as_it_travels
from tests.services.minors.conftest import (
    OTHER_SCHOOL,
    PROCURATORATE,
    REPORTING_MECHANISMS,
)
from tests.services.minors.roads import (
    COMPLAINTS,
    FAILURES,
    LATER,
    POSTS,
    PROTECTIONS,
    REPORTS,
    TOLD_OF_PERSONS,
    Road,
    body,
    opened,
    walk,
)
from tests.services.referral.desk import Desk

OF: Mapping[str, Mapping[str, Road]] = {
    "mandatory_report": REPORTS,
    "child_protection": PROTECTIONS,
    "failure_to_report": FAILURES,
    "retaliation_complaint": COMPLAINTS,
}


@pytest.mark.parametrize("key", OF)
def test_every_step_and_every_state_is_on_some_road(key: str) -> None:
    mechanism = REPORTING_MECHANISMS[key]
    walked = {stop if isinstance(stop, str) else stop[0] for road in OF[key].values() for stop in road}
    walked = (walked - {LATER}) | {mechanism.opening.key}
    assert {step.key for step in mechanism.every_step} == walked
    led_to = {mechanism.step_by_key[step].to for step in walked}
    assert {state.key for state in mechanism.states} == led_to - {None}


@pytest.mark.parametrize("key", OF)
def test_a_report_is_neither_edited_nor_taken_back_by_those_who_made_it(key: str) -> None:
    mechanism = REPORTING_MECHANISMS[key]
    reporting = {"reporter_unit", "receiver"}
    own = [step for step in mechanism.steps if reporting & {party.key for party in step.parties}]
    assert all(step.to is None for step in own)


async def test_every_road_is_walked_its_clocks_cite_their_articles_and_the_rest_is_refused(
    reporting_desk: Desk,
) -> None:
    desk, mechanism = reporting_desk, reporting_desk.mechanism
    ran, tried = set[str](), set[str]()
    for name, whole in OF[mechanism.key].items():
        matter, road = await opened(desk, whole)
        for place in range(len(road) + 1):
            state = (await desk.read(matter, PROCURATORATE))["state"]["key"]
            if state not in tried:
                tried.add(state)
                await _everything_else_is_refused(desk, mechanism, matter, state)
            await walk(
                desk, matter, road[place : place + 1] if LATER not in road[place:] else _one(road, place)
            )
        verification = await desk.read(matter, PROCURATORATE, part="/history/verify")
        assert verification["intact"], (name, verification)
        for run in await desk.read(matter, PROCURATORATE, part="/clocks"):
            ran.add(run["key"])
            cited = [(cite["law"], cite["article"], cite["mark"]) for cite in run["cites"]]
            declared = cites_of(mechanism.clock_by_key[run["key"]].cite)
            assert cited == [(cite.law.title, cite.article, cite.mark.value) for cite in declared]
    await _what_was_said_fits_the_catalogue_and_the_notifier(desk)
    await _nothing_told_of_persons_is_kept_in_the_clear(desk)
    assert tried == {state.key for state in mechanism.states}
    assert ran == {clock.key for clock in mechanism.clocks}


async def _what_was_said_fits_the_catalogue_and_the_notifier(desk: Desk) -> None:
    messages = catalogue(SERVICE.name, EXCHANGE, [desk.mechanism], {})["components"]["messages"]
    checks = {name: Draft202012Validator(message["payload"]) for name, message in messages.items()}
    async for matter in desk.store.matters.collection.find({}, {"outbox": 1}):
        for document in matter["outbox"]:
            event = as_it_travels(Event.from_document(document))
            checks[event.type].validate(event.data)
            heard = events.read(event)
            assert (heard.mechanism, heard.state) == (desk.mechanism.key, event.data["state"])
            assert heard.told == tuple(event.data["tell"])


async def _nothing_told_of_persons_is_kept_in_the_clear(desk: Desk) -> None:
    database = desk.store.matters.collection.database
    # A calendar knows every day, a birthday too.
    for name in set(await database.list_collection_names()) - {"calendars"}:
        async for document in database[name].find({}):
            kept = str(document)
            assert not [value for value in TOLD_OF_PERSONS if value in kept], name


def _one(road: Road, place: int) -> Road:
    """Return one stop of a road that is still in the past."""
    return () if road[place] == LATER else (road[place], LATER)


async def _everything_else_is_refused(desk: Desk, mechanism: Mechanism, matter: str, state: str) -> None:
    before = await desk.store.matters.collection.find_one({"_id": matter})
    assert before is not None
    for step in mechanism.steps:
        takers = {before["parties"].get(party.recorded_by or party.key) for party in step.parties}
        for unit in {*before["readers"], OTHER_SCHOOL}:
            if state in mechanism.sources_of(step) and unit in takers:
                continue
            asked = await body(desk, unit, step)
            answer = await desk.post(unit, f"{desk.path}/{matter}/steps/{step.key}", asked, posts=POSTS)
            problem = answer.json()
            if unit not in before["readers"]:
                assert answer.status_code == 404, (step.key, unit, problem)
            elif unit not in takers:
                assert (answer.status_code, problem["code"]) == (403, "not-your-step"), (step.key, problem)
            else:
                assert (answer.status_code, problem["code"]) == (409, "step-not-open"), (step.key, problem)
    assert await desk.store.matters.collection.find_one({"_id": matter}) == before
