"""Who speaks and who hears hold together: every event that is said is read without loss, and no more is needed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.notifier import events
from services.notifier.domain import notice
from services.referral.mechanisms import MECHANISMS
from shared.directory import Directory
from shared.events import PREFIX, Event
from shared.mechanism.grammar import Kind, Mechanism
from shared.mongo import connect
from tests.journeys.city import KEEPER, UNITS, City
from tests.services.referral.desk import ORGAN, OTHER_POLICE, POLICE, TRANSFER, Desk, desk_on
from tests.services.referral.test_roads import ROADS, TO_DECISION, TO_REFUSAL

TOLD_OF_CLOCKS = {"duty_missed", "right_lapsed", "deadline_reminded", "time_elapsed", "deadline_moved"}


def sayable(mechanism: Mechanism) -> Iterator[str]:
    """The type of every event that the declaration lets be said."""
    kinds = {clock.kind for clock in mechanism.clocks}
    said = {step.said for step in (mechanism.opening, *mechanism.steps)} | {"deadline_moved"}
    if kinds & {Kind.DUTY, Kind.CYCLE}:
        said.add("duty_missed")
    if Kind.RIGHT in kinds:
        said.add("right_lapsed")
    if kinds & {Kind.SOFT, Kind.MINIMUM, Kind.VALIDITY}:
        said.add("time_elapsed")
    if any(clock.reminders for clock in mechanism.clocks):
        said.add("deadline_reminded")
    return (f"referral.{mechanism.key}.{each}" for each in said)


@pytest.fixture(scope="module")
async def said(servers: Servers) -> AsyncIterator[list[Event]]:
    """What a referral service says of matters on every road, as it stands in its outboxes."""
    async with servers.database() as database, desk_on(servers.mongo_url, database) as desk:
        await asyncio.gather(*(walk(desk, road) for road in ROADS.values()))
        await asyncio.gather(redirected(desk), extended(desk), moved(desk), overdue(desk))
        while await desk.timekeeper.tell():
            pass
        matters = desk.store.matters.collection.find({}, {"outbox": 1})
        yield [Event.from_document(each) async for matter in matters for each in matter["outbox"]]


async def walk(desk: Desk, steps: tuple[str, ...]) -> None:
    await desk.take(await desk.open(), *steps)


async def redirected(desk: Desk) -> None:
    matter = await desk.open()
    await desk.take(matter, *TO_DECISION, "find_no_jurisdiction")
    await desk.take(matter, "redirect", parties={"police": OTHER_POLICE})


async def extended(desk: Desk) -> None:
    matter = await desk.open(form={"case_type": "economic_crime"})
    await desk.take(
        matter, *TO_DECISION, "extend_to_ten_days", "extend_to_thirty_days", "extend_by_thirty_days"
    )


async def moved(desk: Desk) -> None:
    then = desk.now() - timedelta(days=2)
    matter = await desk.open(acted_at=then.isoformat())
    await desk.take(matter, *TO_DECISION[:-1], acted_at=then.isoformat())
    version = (await desk.take(matter, "sign_receipt"))["version"]
    acted_at = (then + timedelta(days=1)).isoformat()
    body = {
        "entry": version,
        "acted_at": acted_at,
        "reason": "回执日期有误。",
        "proof": [await desk.paper(POLICE)],
    }
    answer = await desk.post(POLICE, f"/v1/forward-transfers/{matter}/corrections", body)
    assert answer.is_success, answer.text


async def overdue(desk: Desk) -> None:
    """Nothing done for three weeks in any state in which a clock runs, then a complaint of it."""
    long_ago = (desk.now() - timedelta(days=21)).isoformat()
    for steps in (
        (),
        TO_DECISION[:-3],
        TO_DECISION[:-2],
        TO_DECISION[:-1],
        TO_DECISION,
        (*TO_REFUSAL, "serve_non_filing_notice"),
    ):
        matter = await desk.open(acted_at=long_ago)
        await desk.take(matter, *steps, acted_at=long_ago)
    while await desk.timekeeper.tell():
        pass
    matter = await desk.open(acted_at=long_ago)
    await desk.take(matter, *TO_DECISION, acted_at=long_ago)
    await desk.take(matter, "complain_of_delay")


def as_it_travels(event: Event, **more: Any) -> Event:
    """The event after its way over the broker, with what a later version of the speaker may add."""
    extended = replace(event, data={**event.data, **more})
    headers = {**extended.headers(), **{f"{PREFIX}{name}": "new" for name in more}}
    return Event.from_message(headers, extended.body())


async def test_the_roads_say_every_event_that_the_declaration_knows(said: list[Event]) -> None:
    known = {each for mechanism in MECHANISMS.values() for each in sayable(mechanism)}
    assert {event.type for event in said} == known


async def test_the_notifier_reads_each_event_without_loss(said: list[Event]) -> None:
    for event in said:
        data, heard = event.data, events.read(as_it_travels(event))
        assert (heard.id, heard.type, heard.matter, heard.time) == (
            event.id,
            event.type,
            event.subject,
            event.time,
        )
        assert (heard.version, heard.correlation) == (data["version"], event.correlation)
        assert (heard.mechanism, heard.state, heard.division) == (
            data["mechanism"],
            data["state"],
            data["division"],
        )
        assert heard.told == tuple(data["tell"])
        assert [due.key for due in heard.clocks] == [clock["key"] for clock in data["clocks"]]
        assert [due.unit for due in heard.clocks] == [clock["unit"] for clock in data["clocks"]]
        assert all(due.at.tzinfo for due in heard.clocks)
        assert [each.key for each in heard.moved] == [each["key"] for each in data.get("moved", ())]
        if heard.kind in TOLD_OF_CLOCKS:
            assert heard.clock is not None or heard.moved or heard.kind == "deadline_moved"
            assert (heard.clock and heard.clock.key) == data.get("clock", {}).get("key")
        else:
            assert heard.step == data["step"]
            assert TRANSFER.step_by_key[data["step"]].said == heard.kind


async def test_what_is_new_in_an_event_is_ignored(said: list[Event]) -> None:
    for event in {event.type: event for event in said}.values():
        clocks = [{**clock, "later": [1]} for clock in event.data["clocks"]]
        later = as_it_travels(event, later={"deep": ["new"]}, clocks=clocks)
        assert events.read(later) == events.read(as_it_travels(event))


async def test_every_event_becomes_a_notice_in_its_own_words(said: list[Event]) -> None:
    """The fallback is for mechanisms the notifier has no words for yet; this one it knows."""
    for event in said:
        for unit in event.data["tell"]:
            body = notice.of_matter(events.read(as_it_travels(event)), unit)
            assert body["title"]["zh"].startswith("涉嫌犯罪案件移送"), body
            assert body["title"]["en"].startswith("Transfer of a suspected crime"), body


async def test_events_carry_ids_and_keys_and_no_text_of_the_form(said: list[Event]) -> None:
    known = {
        "mechanism",
        "edition",
        "state",
        "version",
        "acted_at",
        "recorded_at",
        "parties",
        "division",
        "tell",
    }
    known |= {"clocks", "step", "opens", "by", "clock", "on", "moved", "because", "proposes"}
    for event in said:
        assert event.data.keys() <= known, event.type
        assert event.units, event.type
        assert ORGAN in event.units


async def test_what_the_directory_says_is_read_by_who_binds_parties_by_it(
    city: City, servers: Servers
) -> None:
    page = await city.read(KEEPER, "/v1/events", "events:read-all", service="notifier", limit=200)
    changed = [each for each in page["items"] if each["type"] == events.UNIT_CHANGED]
    assert {each["subject"] for each in changed} == set(UNITS)
    async with servers.database() as database:
        mongo = await connect(servers.mongo_url, database)
        kept = Directory(mongo.database["units"])
        for each in changed:
            of = {name: each[name] for name in ("id", "type", "subject", "data", "version", "correlation")}
            event = Event(source=events.SOURCE, time=datetime.fromisoformat(each["time"]), **of)
            await kept.hear(as_it_travels(event, later={"deep": ["new"]}))
        for each in changed:
            unit, record = await kept.find(each["subject"]), each["data"]
            assert unit is not None
            assert {**asdict(unit), "name": record["name"], "version": 1} == record
        await mongo.close()
