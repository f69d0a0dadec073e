"""What is said when time passes: each rung once, in its order, and nothing to whom nothing can be asked of."""

import asyncio
from datetime import timedelta

from shared.mechanism.matter import LAPSED, OVERDUE, PAUSED, RUNNING
from tests.shared.matters.trial import OFFICE_UNIT, ORGAN_UNIT, SUPERIOR_UNIT, Ground


async def words(ground: Ground, matter: str, clock: str = "reply") -> list[tuple[str, set[str]]]:
    """What was said of a clock, in order, and to whom."""
    return [
        (event["type"].rpartition(".")[2], set(event["data"]["tell"]))
        for event in await ground.said(matter)
        if event["data"]["clock"]["key"] == clock
    ]


async def test_after_days_of_downtime_every_rung_is_said_once_and_in_order(ground: Ground) -> None:
    matter = await ground.open(ground.ago(days=10), reply_hours=48)
    keepers = [ground.timekeeper(f"keeper {number}") for number in range(8)]
    await asyncio.gather(*(keeper.tell() for keeper in keepers))
    for keeper in keepers:
        await keeper.tell()
    assert await words(ground, matter) == [
        ("deadline_reminded", {ORGAN_UNIT}),
        ("deadline_reminded", {ORGAN_UNIT}),
        ("duty_missed", {ORGAN_UNIT, OFFICE_UNIT}),
        ("deadline_reminded", {ORGAN_UNIT, SUPERIOR_UNIT}),
        ("deadline_reminded", {ORGAN_UNIT, OFFICE_UNIT}),
    ]
    found = await ground.read(matter)
    assert [entry.kind for entry in found.history] == ["step", "clock"]
    # Nothing is left to say, and nobody looks at it any more.
    assert "attention_at" not in await ground.document(matter)


async def test_a_rung_is_said_when_its_moment_comes_and_not_before(ground: Ground) -> None:
    # The rung 24 hours before comes in two seconds; the one four hours before in twenty hours.
    matter = await ground.open(ground.ago(hours=24) + timedelta(seconds=2), reply_hours=48)
    keeper = ground.timekeeper("keeper")
    await keeper.tell()
    assert await words(ground, matter) == []
    await asyncio.sleep(2.2)
    for _ in range(3):
        await keeper.tell()
    assert await words(ground, matter) == [("deadline_reminded", {ORGAN_UNIT})]
    run = await ground.run_of(matter, "reply")
    assert (run.state, run.reminded) == (RUNNING, 1)
    document = await ground.document(matter)
    assert run.due_at is not None
    assert document["attention_at"] == run.due_at - timedelta(hours=4)


async def test_nothing_is_urged_on_a_paused_clock(ground: Ground) -> None:
    served = ground.ago(days=10)
    matter = await ground.open(served, reply_hours=48)
    await ground.take(matter, "suspend", served + timedelta(hours=1))
    await ground.timekeeper("keeper").tell()
    assert (await ground.run_of(matter, "reply")).state == PAUSED
    assert await words(ground, matter) == []
    # When it goes on, what remains of it goes on too: 47 hours.
    resumed = ground.ago(hours=1)
    await ground.take(matter, "resume", resumed)
    run = await ground.run_of(matter, "reply")
    assert run.due_at is not None
    assert abs(run.due_at - (resumed + timedelta(hours=47))) < timedelta(seconds=1)


async def test_nobody_is_urged_to_use_a_right_that_has_lapsed(ground: Ground) -> None:
    matter = await ground.open(ground.ago(days=3), reply_hours=240)
    await ground.timekeeper("keeper").tell()
    assert (await ground.run_of(matter, "objection")).state == LAPSED
    assert await words(ground, matter, "objection") == [("right_lapsed", {ORGAN_UNIT})]


async def test_nobody_is_reminded_of_what_is_done_or_no_longer_owed(ground: Ground) -> None:
    served = ground.ago(days=10)
    answered, withdrawn = [await ground.open(served, reply_hours=48) for _ in range(2)]
    await ground.take(answered, "answer", served + timedelta(hours=1))
    await ground.take(withdrawn, "withdraw", served + timedelta(hours=1))
    await ground.timekeeper("keeper").tell()
    assert await ground.said(answered) == await ground.said(withdrawn) == []


async def test_a_missed_duty_proposes_what_may_follow_and_nothing_is_issued_by_itself(ground: Ground) -> None:
    matter = await ground.open(ground.ago(hours=49), reply_hours=48)
    others = await ground.matters.collection.count_documents({})
    before = await ground.read(matter)
    await ground.timekeeper("keeper").tell()
    (missed,) = [event for event in await ground.said(matter) if event["type"] == "trial.advice.duty_missed"]
    assert missed["data"]["proposes"] == [
        {"instrument": "report", "party": "office", "cites": ["《试行办法》(2026) 1"]}
    ]
    assert OFFICE_UNIT in missed["data"]["tell"]
    assert "opens" not in missed["data"]
    after = await ground.read(matter)
    assert (after.state, after.parties) == (before.state, before.parties)
    assert [entry.kind for entry in after.history] == ["step", "clock"]
    assert (await ground.run_of(matter, "reply")).state == OVERDUE
    assert await ground.matters.collection.count_documents({}) == others
