"""Who speaks and who hears hold together: every event that is said is read without loss, and no more is needed."""

from dataclasses import asdict
from datetime import datetime

from deploy.local.servers import Servers
from services.notifier import events
from services.notifier.domain import notice
from services.referral.mechanisms import MECHANISMS
from shared.directory import Directory
from shared.events import Event
from shared.mongo import connect
from tests.contracts.spoken import as_it_travels, sayable
from tests.journeys.city import KEEPER, UNITS, City
from tests.services.referral.desk import ORGAN, TRANSFER

TOLD_OF_CLOCKS = {"duty_missed", "right_lapsed", "deadline_reminded", "time_elapsed", "deadline_moved"}


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
