"""What changes a matter's clocks afterwards: a new calendar, a corrected date; pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.mechanism.clockwork import Clockwork
from shared.mechanism.core import PREHISTORY, Act, Change, Said, changed, check_moment
from shared.mechanism.grammar import Mechanism
from shared.mechanism.matter import Entry, Matter
from shared.mechanism.permit import Refused
from shared.mechanism.reckoning import Terms


def recount(
    mechanism: Mechanism, matter: Matter, now: datetime, terms: Terms, because: Mapping[str, Any]
) -> Change | Matter:
    """Count the clocks again by the present calendar: a `Change` if one moved, else the matter with its clocks as read.

    `because` says which calendar and which notice; it stands in the history and in the event.
    """
    clockwork = Clockwork(mechanism, matter.clocks, terms)
    clockwork.recount(now)
    if not clockwork.changes:
        return replace(matter, clocks=tuple(clockwork.runs))
    entry = Entry(
        version=matter.version + 1,
        kind="calendar",
        step="recount",
        source=matter.state,
        to=matter.state,
        acted_at=now,
        recorded_at=now,
        form=because,
        clocks=tuple(clockwork.changes),
    )
    return changed(matter, matter, entry, clockwork, _moved_said(mechanism, matter, clockwork, because))


def correct(mechanism: Mechanism, matter: Matter, version: int, act: Act, terms: Terms) -> Change:
    """Take the step of entry `version` to have been done at `act.acted_at`; only the unit that recorded it may.

    `act.form` holds the reason. Raises `Refused`.
    """
    entry = next((each for each in matter.history if each.version == version), None)
    if entry is None or entry.kind != "step":
        raise Refused("entry-unknown", "there is no such step in the history", fields=["entry"])
    if entry.unit != act.unit:
        raise Refused("not-your-step", "a step is corrected by the unit that recorded it", state=matter.state)
    before, after = _neighbours(matter, entry)
    check_moment("acted_at", act.acted_at, before or act.recorded_at - PREHISTORY, act.recorded_at)
    if after is not None and act.acted_at > after:
        raise Refused(
            "act-after-next", "the act would lie after the step that followed it", fields=["acted_at"]
        )
    clockwork = Clockwork(mechanism, matter.clocks, terms)
    clockwork.correct(entry, acted_at(matter, version) or entry.acted_at, act.acted_at, act.recorded_at)
    correction = Entry(
        version=matter.version + 1,
        kind="correction",
        step=entry.step,
        source=matter.state,
        to=matter.state,
        acted_at=act.acted_at,
        recorded_at=act.recorded_at,
        party=entry.party,
        unit=act.unit,
        person=act.person,
        key=act.key,
        digest=act.digest,
        form={**act.form, "corrects": version},
        papers=act.papers,
        clocks=tuple(clockwork.changes),
    )
    entered = max((each.version for each in matter.history if _moves(each)), default=0)
    moved = replace(matter, entered_at=act.acted_at if version == entered else matter.entered_at)
    because = {"corrected": version}
    return changed(matter, moved, correction, clockwork, _moved_said(mechanism, matter, clockwork, because))


def acted_at(matter: Matter, version: int) -> datetime | None:
    """Return when the step of an entry was done, as last corrected."""
    for entry in reversed(matter.history):
        if entry.version == version or (entry.kind == "correction" and entry.form.get("corrects") == version):
            return entry.acted_at
    return None


def _neighbours(matter: Matter, entry: Entry) -> tuple[datetime | None, datetime | None]:
    """Return between which acts the one of an entry lies: the one that led here, and the first that rests on it.

    Acts in one state are in no order among themselves; what leads into a state comes before each act in it.
    """
    steps = [each for each in matter.history if each.kind == "step"]
    before = [each for each in steps if each.version < entry.version and _moves(each)]
    resting: list[datetime] = []
    for each in steps[steps.index(entry) + 1 :]:
        if _moves(entry) or _moves(each):
            resting.append(acted_at(matter, each.version) or each.acted_at)
        if _moves(each):
            break
    return (acted_at(matter, before[-1].version) if before else None), min(resting, default=None)


def _moves(entry: Entry) -> bool:
    return entry.source != entry.to


def _moved_said(
    mechanism: Mechanism, matter: Matter, clockwork: Clockwork, because: Mapping[str, Any]
) -> tuple[Said, ...]:
    states = {(run.key, run.number): run.state for run in clockwork.runs}
    moved = [
        {
            "key": change.clock,
            "number": change.number,
            "unit": _debtor(mechanism, matter, change.clock),
            "state": states[change.clock, change.number],
            "was_due_at": change.was_due_at,
            "due_at": change.due_at,
        }
        for change in clockwork.changes
    ]
    tell = tuple(dict.fromkeys(each["unit"] for each in moved if isinstance(each["unit"], str)))
    return (Said("deadline_moved", tell, {"moved": moved, "because": dict(because)}),) if moved else ()


def _debtor(mechanism: Mechanism, matter: Matter, clock: str) -> str | None:
    party = mechanism.clock_by_key[clock].on
    return matter.parties.get(party.recorded_by or party.key)
