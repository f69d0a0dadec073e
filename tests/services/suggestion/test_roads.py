"""Every road of a procuratorial suggestion, walked through the public API; what no road takes is refused."""

from collections.abc import AsyncIterator, Mapping

import pytest
from jsonschema import Draft202012Validator

from deploy.local.servers import Servers
from services.notifier import events
from services.suggestion.main import SERVICE
from shared.bus import EXCHANGE
from shared.events import Event
from shared.mechanism.catalogue import catalogue
from shared.mechanism.grammar import Mechanism, cites_of
from tests.contracts.spoken import as_it_travels
from tests.services.referral.desk import Desk, desk_on
from tests.services.suggestion.conftest import NAMED, OPENER, UNITS
from tests.services.suggestion.roads import LATER, PUBLIC_INTEREST, ROADS, TO_DRAFT, Road, opened, walk
from tests.services.suggestion.roads_public_interest import ROADS as SUITS

STRANGER = "LY-SC-002"
OF: Mapping[str, Mapping[str, Road]] = {
    "procuratorial_suggestion": {**ROADS, "sued for": PUBLIC_INTEREST, "for a retrial": (*TO_DRAFT, "approve")},
    "public_interest_litigation": SUITS,
    "supervision_draft": {
        "adopted as a suggestion": (
            "change", "approve_suggestion",
        ),
        "adopted, issued elsewhere": ("approve", "record_number"),
        "discarded": ("discard",),
    },
    "minors_protection_advice": {"answered": ("answer", "close")},
}  # fmt: skip
FIRST = {"sued for": {"type": "public_interest"}, "for a retrial": {"type": "retrial"}}
MECHANISMS = {key: mechanism for (key, _), mechanism in SERVICE.mechanisms.items()}
WALKS = [(key, road) for key, roads in OF.items() for road in roads]


@pytest.fixture(scope="module", params=list(OF))
async def desk_of(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Desk]:
    mechanism = MECHANISMS[request.param]
    async with (
        servers.database() as database,
        desk_on(
            servers.mongo_url,
            database,
            service=SERVICE,
            mechanism=mechanism,
            opener=OPENER,
            named=NAMED,
            units=UNITS,
        ) as desk,
    ):
        yield desk


def test_every_mechanism_of_the_service_has_its_roads() -> None:
    assert set(OF) == set(MECHANISMS)


@pytest.mark.parametrize("key", OF)
def test_every_step_and_every_state_is_on_some_road(key: str) -> None:
    mechanism = MECHANISMS[key]
    walked = {stop if isinstance(stop, str) else stop[0] for road in OF[key].values() for stop in road}
    elsewhere = {"urge"} if key == "minors_protection_advice" else set()
    assert {step.key for step in mechanism.steps} == (walked - {LATER}) | elsewhere
    led_to = {mechanism.step_by_key[step].to for step in walked - {LATER}} | {mechanism.opening.to}
    assert {state.key for state in mechanism.states} == led_to - {None}


async def test_every_road_is_walked_its_clocks_cite_their_articles_and_the_rest_is_refused(
    desk_of: Desk,
) -> None:
    mechanism, ran, tried = desk_of.mechanism, set[str](), set[str]()
    for name, road in OF[mechanism.key].items():
        matter = await opened(desk_of, road, **FIRST.get(name, {}))
        for place in range(len(road) + 1):
            state = (await desk_of.read(matter))["state"]["key"]
            if state not in tried:
                tried.add(state)
                await _everything_else_is_refused(desk_of, mechanism, matter, state)
            await walk(
                desk_of, matter, road[place : place + 1] if LATER not in road[place:] else _one(road, place)
            )
        verification = await desk_of.read(matter, part="/history/verify")
        assert verification["intact"], (name, verification)
        for run in await desk_of.read(matter, part="/clocks"):
            ran.add(run["key"])
            cited = [(cite["law"], cite["article"], cite["mark"]) for cite in run["cites"]]
            declared = cites_of(mechanism.clock_by_key[run["key"]].cite)
            assert cited == [(cite.law.title, cite.article, cite.mark.value) for cite in declared]
    await _what_was_said_fits_the_catalogue_and_the_notifier(desk_of)
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


def _one(road: Road, place: int) -> Road:
    """Return one stop of a road that is still in the past."""
    return () if road[place] == LATER else (road[place], LATER)


async def _everything_else_is_refused(desk: Desk, mechanism: Mechanism, matter: str, state: str) -> None:
    before = await desk.store.matters.collection.find_one({"_id": matter})
    assert before is not None
    for step in mechanism.steps:
        takers = {before["parties"].get(party.recorded_by or party.key) for party in step.parties}
        for unit in {*before["readers"], STRANGER}:
            if state in mechanism.sources_of(step) and unit in takers:
                continue
            body = await desk.body(unit, step)
            answer = await desk.post(unit, f"{desk.path}/{matter}/steps/{step.key}", body)
            problem = answer.json()
            if unit not in before["readers"]:
                assert answer.status_code == 404, (step.key, unit, problem)
            elif unit not in takers:
                assert (answer.status_code, problem["code"]) == (403, "not-your-step"), (step.key, problem)
            else:
                assert (answer.status_code, problem["code"]) == (409, "step-not-open"), (step.key, problem)
    assert await desk.store.matters.collection.find_one({"_id": matter}) == before
