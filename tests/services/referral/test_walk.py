"""Every state × step × party: what the declaration does not allow is refused by the API, and changes nothing."""

from collections.abc import Iterator

import pytest

from shared.mechanism.grammar import Mechanism, NotTaken, Step, Taken
from tests.services.referral.desk import (
    COMMISSION,
    ORGAN,
    OTHER_ORGAN,
    POLICE,
    PROCURATORATE,
    TRANSFER,
    Desk,
)

UNIT_OF = {"organ": ORGAN, "police": POLICE, "procuratorate": PROCURATORATE, "commission": COMMISSION}


def ways(mechanism: Mechanism) -> dict[str, tuple[str, ...]]:
    """Return for each state a shortest list of steps that leads there."""
    assert mechanism.opening.to is not None
    found: dict[str, tuple[str, ...]] = {mechanism.opening.to: ()}
    frontier = [mechanism.opening.to]
    while frontier:
        state = frontier.pop(0)
        for step in mechanism.steps:
            moves = step.to is not None and step.to not in found and state in mechanism.sources_of(step)
            if moves and all(isinstance(condition, Taken | NotTaken) for condition in step.when):
                assert step.to is not None
                found[step.to] = (*found[state], *_before(step), step.key)
                frontier.append(step.to)
    return found


def _before(step: Step) -> tuple[str, ...]:
    """Return the steps that must be taken in the same state first."""
    return tuple(condition.step for condition in step.when if isinstance(condition, Taken))


WAYS = ways(TRANSFER)


def test_every_state_can_be_walked_to() -> None:
    assert set(WAYS) == {state.key for state in TRANSFER.states}


def undeclared(state: str) -> Iterator[tuple[Step, str]]:
    """Return each step with each unit that may not take it in this state."""
    for step in TRANSFER.steps:
        takers = {UNIT_OF[party.key] for party in step.parties}
        for unit in (*UNIT_OF.values(), OTHER_ORGAN):
            if state not in TRANSFER.sources_of(step) or unit not in takers:
                yield step, unit


@pytest.mark.parametrize("state", [state.key for state in TRANSFER.states])
async def test_what_is_not_declared_is_refused(desk: Desk, state: str) -> None:
    matter = await desk.open()
    await desk.take(matter, *WAYS[state])
    before = await desk.store.matters.collection.find_one({"_id": matter})
    assert before is not None
    readers = {*before["readers"]}
    codes = set()
    for step, unit in undeclared(state):
        body = await desk.body(unit, step)
        answer = await desk.post(unit, f"/v1/forward-transfers/{matter}/steps/{step.key}", body)
        problem = answer.json()
        codes.add(problem["code"])
        if unit not in readers:
            assert answer.status_code == 404, (step.key, unit, problem)
        elif unit not in {before["parties"].get(party.key) for party in step.parties}:
            assert (answer.status_code, problem["code"]) == (403, "not-your-step"), (step.key, unit, problem)
        else:
            assert (answer.status_code, problem["code"]) == (409, "step-not-open"), (step.key, unit, problem)
            assert problem["state"] == state
            assert {each["step"] for each in problem["open"]} <= {
                each.key for each in TRANSFER.steps if state in TRANSFER.sources_of(each)
            }
    assert codes >= {"not-found", "step-not-open"}
    assert await desk.store.matters.collection.find_one({"_id": matter}) == before
