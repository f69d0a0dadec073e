"""What is missed elsewhere becomes one draft here, whatever comes how often; adopted, it opens its instrument once."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.servers import Servers
from services.suggestion.commands.ladder import ADOPTED, DRAFT, MISSED
from services.suggestion.main import SERVICE
from shared.bus import Bus, declare
from shared.events import Event
from shared.process import Loop
from tests.services.referral.desk import Desk, desk_on
from tests.services.suggestion.conftest import ADDRESSEE, NAMED, OPENER, UNITS
from tests.shared.bus.recorder import depth, eventually

POLICE = "LY-GA-329"
DRAFTS, SUGGESTIONS = "/v1/supervision-drafts", "/v1/procuratorial-suggestions"
OPINION, SUGGESTION = "procuratorial_opinion", "procuratorial_suggestion"


def missed(**changes: Any) -> Event:
    """Return what the referral service says of a decision that was not made in time."""
    matter = changes.pop("subject", None) or str(uuid4())
    data = {
        "mechanism": "forward_transfer",
        "edition": "2020-08-07",
        "state": "received",
        "parties": {"organ": ADDRESSEE, "police": POLICE, "procuratorate": OPENER},
        "division": "410329",
        "tell": [POLICE, OPENER],
        "clock": {"key": "decision", "number": 1, "kind": "duty", "due_at": "2026-11-20T16:00:00.000Z"},
        "on": {"party": "police", "unit": POLICE},
        "proposes": [
            {"instrument": "demand_for_reasons", "party": "procuratorate", "cites": ["《规则》(2019) 562"]},
            {"instrument": SUGGESTION, "party": "procuratorate", "cites": ["《规定》(2019) 9"]},
        ],
    }
    event = Event(
        id=str(uuid4()),
        source="/referral",
        type=MISSED[0],
        subject=matter,
        time=datetime.now(UTC),
        data=data,
        version=7,
        correlation=matter,
    )
    return replace(event, data={**data, **changes.pop("data", {})}, **changes)


class Office:
    """The suggestion service with two workers on a real broker."""

    def __init__(self, desk: Desk, urls: list[str]) -> None:
        self.desk, self.urls = desk, urls
        self.bus = Bus(urls, "one relay")
        self.other = Bus(urls, "another relay")

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish them side by side, as two relays would that do not know of one another."""
        for start in range(0, len(events), 100):
            some = enumerate(events[start : start + 100])
            await asyncio.gather(*((self.other if n % 2 else self.bus).publish(event) for n, event in some))

    async def settled(self) -> None:
        """Return once everything that was said is handled, and what came of it as well."""

        async def nothing() -> bool:
            unsent = await self.desk.store.matters.collection.count_documents({"send_at": {"$exists": True}})
            return not unsent and not await depth(self.urls, SERVICE.queue)

        await eventually(nothing, 60)
        await asyncio.sleep(0.3)
        await eventually(nothing, 60)

    async def count(self, mechanism: str, **wanted: Any) -> int:
        return await self.desk.store.matters.collection.count_documents({"mechanism": mechanism, **wanted})

    async def draft_of(self, event: Event) -> dict[str, Any]:
        """Return the one draft of what the event tells of."""
        answer = await self.desk.get(OPENER, DRAFTS, correlation=event.correlation)
        (draft,) = answer.json()["items"]
        return dict((await self.desk.get(OPENER, f"{DRAFTS}/{draft['id']}")).json())

    async def act(self, draft: str, step: str, **form: Any) -> None:
        body = await self.desk.body(OPENER, DRAFT.step_by_key[step], form=form)
        answer = await self.desk.post(OPENER, f"{DRAFTS}/{draft}/steps/{step}", body)
        assert answer.status_code == 200, answer.text


async def _run(loop: Loop) -> None:
    await loop()


@pytest.fixture(scope="module")
async def office(servers: Servers) -> AsyncIterator[Office]:
    units = {**UNITS, POLICE: ("public_security", "410329")}
    async with (
        servers.database() as database,
        servers.vhost() as urls,
        desk_on(
            servers.mongo_url,
            database,
            service=SERVICE,
            mechanism=DRAFT,
            opener=OPENER,
            named=NAMED,
            units=units,
        ) as desk,
    ):
        await declare(urls, queue=SERVICE.queue, binds=(*MISSED, "suggestion.#"), delays=(0.2, 0.4, 0.8))
        running = Office(desk, urls)
        workers = [Bus(urls, f"worker {number}") for number in range(2)]
        loops = [SERVICE.loops(desk.parts, bus) for bus in workers]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run(loop[name])) for loop in loops for name in ("consumer", "relay")]
            yield running
            for task in tasks:
                task.cancel()
        for bus in (*workers, running.bus, running.other):
            await bus.close()


async def test_one_event_a_thousand_times_shuffled_among_others_makes_one_draft_each(office: Office) -> None:
    event, others = missed(), [missed() for _ in range(20)]
    before = await office.count("supervision_draft")
    copies = [event] * 1000 + others * 5
    random.Random(20240325).shuffle(copies)
    await office.publish(copies)
    await office.settled()
    assert await office.count("supervision_draft") == before + 21
    assert await office.bus.parked(SERVICE.queue) == 0
    draft = await office.draft_of(event)
    assert draft["fields"]["matter"] == event.subject
    assert draft["links"] == [{"rel": "escalated_from", "matter": event.subject}]


async def test_a_draft_says_instrument_article_facts_and_addressee_and_tells_the_procuratorate(
    office: Office,
) -> None:
    event = missed()
    await office.publish([event])
    await office.settled()
    draft = await office.draft_of(event)
    assert draft["state"]["key"] == "prepared"
    assert draft["correlation"] == event.subject
    assert draft["parties"] == {"procuratorate": OPENER}
    fields = draft["fields"]
    assert fields["instrument"] == "demand_for_reasons"
    assert (fields["articles"], fields["others"]) == (["《规则》(2019) 562"], [SUGGESTION])
    assert (fields["service"], fields["mechanism"], fields["what"]) == (
        "referral",
        "forward_transfer",
        "decision",
    )
    assert (fields["addressee"], fields["version"], fields["number"]) == (POLICE, 7, 1)
    said = (await office.desk.get(OPENER, "/v1/events", limit=200)).json()["items"]
    (told,) = [each for each in said if each["subject"] == draft["id"]]
    assert told["data"]["tell"] == [OPENER]
    for unit in (POLICE, ADDRESSEE):
        assert (await office.desk.get(unit, f"{DRAFTS}/{draft['id']}")).status_code == 404


async def test_the_same_miss_told_by_another_event_drafts_no_second(office: Office) -> None:
    event = missed()
    clock = {**event.data["clock"], "due_at": "2026-11-21T16:00:00.000Z"}
    again = replace(event, id=str(uuid4()), version=9, data={**event.data, "clock": clock})
    await office.publish([event, again, event])
    await office.settled()
    assert (await office.draft_of(event))["fields"]["matter"] == event.subject


async def test_another_run_of_the_clock_is_another_miss(office: Office) -> None:
    event = missed()
    second = replace(
        event, id=str(uuid4()), version=12, data={**event.data, "clock": {**event.data["clock"], "number": 2}}
    )
    await office.publish([event, second])
    await office.settled()
    answer = await office.desk.get(OPENER, DRAFTS, correlation=event.correlation)
    assert len(answer.json()["items"]) == 2


async def test_a_refusal_upheld_is_drafted_as_well(office: Office) -> None:
    data: dict[str, Any] = {
        "step": "uphold",
        "by": {"party": "police", "unit": POLICE},
        "clock": None,
        "on": None,
        "opens": [],
    }
    event = missed(type=MISSED[1], data=data)
    await office.publish([event, event])
    await office.settled()
    assert (await office.draft_of(event))["fields"]["what"] == "uphold"


async def test_what_proposes_nothing_drafts_nothing(office: Office) -> None:
    before = await office.count("supervision_draft")
    await office.publish([missed(data={"proposes": []}), missed(data={"parties": {"police": POLICE}})])
    await office.settled()
    assert await office.count("supervision_draft") == before


async def test_nothing_is_issued_by_itself_and_what_is_discarded_never(office: Office) -> None:
    event, before = missed(), await office.count(SUGGESTION)
    await office.publish([event])
    await office.settled()
    draft = await office.draft_of(event)
    await office.act(draft["id"], "discard")
    await office.publish([event])
    await office.settled()
    assert (await office.draft_of(event))["state"]["key"] == "discarded"
    assert await office.count(SUGGESTION) == before


async def test_adopted_as_a_suggestion_it_is_opened_once_and_the_chain_is_read_by_one_correlation(
    office: Office,
) -> None:
    event = missed()
    await office.publish([event])
    await office.settled()
    draft = await office.draft_of(event)
    await office.act(draft["id"], "change")
    await office.act(draft["id"], "approve_suggestion", breach="立案审查逾期")
    await office.settled()
    said = (await office.desk.get(OPENER, "/v1/events", limit=200)).json()["items"]
    (adopted,) = [each for each in said if each["subject"] == draft["id"] and each["type"] == ADOPTED]
    again = Event(
        id=adopted["id"],
        source="/suggestion",
        type=ADOPTED,
        subject=draft["id"],
        time=datetime.fromisoformat(adopted["time"]),
        data=adopted["data"],
        version=adopted["version"],
        correlation=event.correlation,
    )
    await office.publish([again] * 200)
    await office.settled()
    (suggestion,) = (await office.desk.get(OPENER, SUGGESTIONS, correlation=event.correlation)).json()[
        "items"
    ]
    assert suggestion["correlation"] == draft["correlation"] == event.subject
    opened = (await office.desk.get(OPENER, f"{SUGGESTIONS}/{suggestion['id']}")).json()
    assert opened["state"]["key"] == "proposed"
    assert opened["fields"]["source"] == "supervision_draft"
    assert opened["fields"]["breach"] == "立案审查逾期"
    assert opened["links"] == [{"rel": "escalated_from", "matter": draft["id"]}]
    history = (await office.desk.get(OPENER, f"{SUGGESTIONS}/{suggestion['id']}/history")).json()["entries"]
    assert history[0]["person"] == f"P-{OPENER}"  # the officer who adopted it
    assert await office.bus.parked(SERVICE.queue) == 0


async def test_an_instrument_of_another_law_opens_no_suggestion(office: Office) -> None:
    event, before = missed(), await office.count(SUGGESTION)
    await office.publish([event])
    await office.settled()
    draft = await office.draft_of(event)
    body = await office.desk.body(OPENER, DRAFT.step_by_key["approve_suggestion"])
    refused = await office.desk.post(OPENER, f"{DRAFTS}/{draft['id']}/steps/approve_suggestion", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "step-not-open")
    await office.act(draft["id"], "approve")
    await office.act(draft["id"], "record_number")
    await office.settled()
    assert await office.count(SUGGESTION) == before
