"""What a referral service says of matters on every road, and what its declarations let it say."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.events import PREFIX, Event
from shared.mechanism.grammar import Kind, Mechanism
from tests.services.referral.desk import OTHER_POLICE, POLICE, Desk
from tests.services.referral.test_roads import ROADS, TO_DECISION, TO_REFUSAL


async def everything_said(desk: Desk) -> list[Event]:
    """Walk every road at that desk; what then stands in its outboxes."""
    await asyncio.gather(*(walk(desk, road) for road in ROADS.values()))
    await asyncio.gather(redirected(desk), extended(desk), moved(desk), overdue(desk))
    while await desk.timekeeper.tell():
        pass
    matters = desk.store.matters.collection.find({}, {"outbox": 1})
    return [Event.from_document(each) async for matter in matters for each in matter["outbox"]]


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
