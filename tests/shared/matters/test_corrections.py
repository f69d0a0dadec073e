"""A corrected date on clocks that are paused, dropped, overdue or done, and within which bounds it may be corrected."""

from datetime import timedelta
from typing import Any

import pytest

from shared.matters.requests import Actor, Request
from shared.mechanism.matter import DROPPED, LATE, MET, OVERDUE, PAUSED, RUNNING
from shared.mechanism.permit import Refused
from tests.shared.matters.trial import ADVICE, OFFICE_UNIT, ORGAN_UNIT, Ground

SECOND = timedelta(seconds=1)


async def moved(ground: Ground, matter: str) -> list[dict[str, Any]]:
    """What the matter has said of clocks that moved."""
    return [event["data"] for event in await ground.said(matter) if event["type"].endswith(".deadline_moved")]


async def test_a_clock_that_is_no_longer_owed_is_not_set_running_by_a_correction(ground: Ground) -> None:
    served = ground.ago(days=1)
    matter = await ground.open(served)
    await ground.take(matter, "withdraw", served + timedelta(hours=2))
    await ground.correct(matter, 1, served + timedelta(hours=1))
    run = await ground.run_of(matter, "reply")
    assert run.state == DROPPED
    assert abs(run.started_at - served - timedelta(hours=1)) < SECOND
    assert await moved(ground, matter) == []
    assert "attention_at" not in await ground.document(matter)


async def test_a_paused_clock_stays_paused_and_goes_on_with_what_the_corrected_dates_leave(
    ground: Ground,
) -> None:
    served = ground.ago(days=4)
    matter = await ground.open(served, reply_hours=96)
    await ground.take(matter, "suspend", served + timedelta(hours=24))
    await ground.correct(matter, 1, served + timedelta(hours=2))
    run = await ground.run_of(matter, "reply")
    assert (run.state, run.due_at) == (PAUSED, None)
    # Suspended not after 24 hours but after 10.
    await ground.correct(matter, 2, served + timedelta(hours=10))
    await ground.take(matter, "resume", served + timedelta(hours=30))
    run = await ground.run_of(matter, "reply")
    assert run.due_at is not None
    assert abs(run.due_at - served - timedelta(hours=2 + 96 + 20)) < SECOND
    # And resumed not after 30 but after 40: ten more hours are not counted.
    await ground.correct(matter, 5, served + timedelta(hours=40))
    run = await ground.run_of(matter, "reply")
    assert run.due_at is not None
    assert abs(run.due_at - served - timedelta(hours=2 + 96 + 30)) < SECOND


async def test_an_overdue_clock_that_turns_out_to_run_runs_again_and_is_told_once(ground: Ground) -> None:
    served = ground.ago(hours=60)
    matter = await ground.open(served, reply_hours=48)
    await ground.timekeeper("keeper").tell()
    assert (await ground.run_of(matter, "reply")).state == OVERDUE
    await ground.correct(matter, 1, ground.ago(hours=20))
    run = await ground.run_of(matter, "reply")
    assert run.state == RUNNING
    (told,) = await moved(ground, matter)
    assert told["tell"] == [ORGAN_UNIT]
    await ground.timekeeper("keeper").tell()
    assert [event["type"].rpartition(".")[2] for event in await ground.said(matter)].count("duty_missed") == 1
    assert (await ground.document(matter))["owed_by"] == run.due_at


async def test_what_is_overdue_by_the_corrected_date_too_is_not_missed_a_second_time(ground: Ground) -> None:
    served = ground.ago(hours=60)
    matter = await ground.open(served, reply_hours=48)
    keeper = ground.timekeeper("keeper")
    await keeper.tell()
    await ground.correct(matter, 1, served + timedelta(hours=5))
    await keeper.tell()
    assert (await ground.run_of(matter, "reply")).state == OVERDUE
    assert [event["type"].rpartition(".")[2] for event in await ground.said(matter)].count("duty_missed") == 1


@pytest.mark.parametrize(("hours", "state"), [(47, MET), (49, LATE)])
async def test_an_answer_is_timely_or_late_by_its_corrected_date(
    ground: Ground, hours: int, state: str
) -> None:
    served = ground.ago(days=10)
    matter = await ground.open(served, reply_hours=48)
    await ground.take(matter, "answer", served + timedelta(hours=96 - hours))
    before = (await ground.run_of(matter, "reply")).state
    assert before != state
    await ground.correct(matter, 2, served + timedelta(hours=hours))
    run = await ground.run_of(matter, "reply")
    assert run.state == state
    (told,) = await moved(ground, matter)
    (clock,) = told["moved"]
    assert clock["state"] == state


async def test_a_correction_stays_between_what_came_before_and_what_rests_on_it(ground: Ground) -> None:
    served = ground.ago(days=5)
    matter = await ground.open(served, reply_hours=480)
    await ground.take(matter, "suspend", served + timedelta(hours=10))
    await ground.take(matter, "resume", served + timedelta(hours=20))
    await ground.take(matter, "object", served + timedelta(hours=22))
    await ground.take(matter, "answer", served + timedelta(hours=30))
    for entry, hour, code in [
        (2, -1, "act-before-history"),
        (2, 21, "act-after-next"),
        (3, 9, "act-before-history"),
        # The objection was made in the state that the resumption led into.
        (3, 23, "act-after-next"),
        (4, 19, "act-before-history"),
        (4, 31, "act-after-next"),
        (5, 24 * 6, "act-in-future"),
        (5, 19, "act-before-history"),
    ]:
        with pytest.raises(Refused) as refused:
            await ground.correct(matter, entry, served + timedelta(hours=hour))
        assert (refused.value.code, refused.value.fields) == (code, ("acted_at",)), (entry, hour)
    # A corrected neighbour is the bound from then on.
    await ground.correct(matter, 2, served + timedelta(hours=15))
    with pytest.raises(Refused):
        await ground.correct(matter, 3, served + timedelta(hours=14))
    await ground.correct(matter, 4, served + timedelta(hours=29))


async def test_only_the_unit_that_recorded_a_step_corrects_it(ground: Ground) -> None:
    matter = await ground.open(ground.ago(hours=2))
    request = Request(key="foreign", form={"reason": "回证"}, acted_at=ground.ago(hours=1))
    with pytest.raises(Refused) as refused:
        await ground.commands.correct(ADVICE, matter, 1, Actor(ORGAN_UNIT, "P", frozenset()), request, None)
    assert refused.value.code == "not-your-step"
    for missing in (2, 99):
        with pytest.raises(Refused) as refused:
            await ground.commands.correct(
                ADVICE, matter, missing, Actor(OFFICE_UNIT, "P", frozenset()), request, None
            )
        assert (refused.value.code, refused.value.fields) == ("entry-unknown", ("entry",))
