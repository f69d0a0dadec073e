"""What one reader is shown of a matter: entries, clocks and links that are not for it are left out; pure."""

from collections.abc import Mapping
from dataclasses import replace

from shared.mechanism.grammar import Clock, Mechanism, Party, Step
from shared.mechanism.matter import Entry, Matter

SEALED = "sealed"


def shown(mechanism: Mechanism, matter: Matter, unit: str) -> Matter:
    """Return the matter as a unit that oversees nothing is shown it.

    An entry that is not for it keeps its place and its hash, so that the chain is whole, and nothing else. Clocks that
    began with such an entry or that only such ones meet, links that others made, and parties hidden from it are left
    out.
    """
    sealed = {each.version for each in matter.history if not _for(mechanism, matter.parties, each, unit)}
    inner = {clock.key for clock in mechanism.clocks if _is_inner(mechanism, clock, matter.parties, unit)}
    hidden = {(run.key, run.number) for run in matter.clocks if run.started_by in sealed or run.key in inner}
    return replace(
        matter,
        parties=known_parties(mechanism, matter.parties, unit),
        history=tuple(
            _sealed(each)
            if each.version in sealed
            else _faceless(mechanism, _without(each, hidden), matter.parties, unit)
            for each in matter.history
        ),
        clocks=tuple(run for run in matter.clocks if (run.key, run.number) not in hidden),
        links=tuple(link for link in matter.links if link.unit == unit),
    )


def known_parties(mechanism: Mechanism, parties: Mapping[str, str], unit: str) -> dict[str, str]:
    """Return those parties of a matter of which the unit is told who they are."""
    return {
        key: code
        for key, code in parties.items()
        if code == unit or _is_known(mechanism.party_by_key[key], parties, unit)
    }


def hidden_parties(mechanism: Mechanism) -> frozenset[str]:
    """Return the parties that are not everybody's to know."""
    return frozenset(party.key for party in mechanism.parties if party.shown_to is not None)


def _is_known(party: Party, parties: Mapping[str, str], unit: str) -> bool:
    return party.shown_to is None or any(parties.get(key) == unit for key in party.shown_to)


def _faceless(mechanism: Mechanism, entry: Entry, parties: Mapping[str, str], unit: str) -> Entry:
    """Return the entry without the units, and their people, that the reader is not told of."""
    bound = {
        key: code
        for key, code in entry.bound.items()
        if code == unit or _is_known(mechanism.party_by_key[key], parties, unit)
    }
    by = mechanism.party_by_key.get(entry.party or "")
    if by is None or entry.unit == unit or _is_known(by, parties, unit):
        return replace(entry, bound=bound)
    return replace(entry, bound=bound, unit=None, person=None)


def _for(mechanism: Mechanism, parties: Mapping[str, str], entry: Entry, unit: str) -> bool:
    if entry.kind in ("clock", "calendar") or entry.unit == unit:
        return True
    return _is_shown(mechanism.step_by_key[entry.step], parties, unit)


def _is_shown(step: Step, parties: Mapping[str, str], unit: str) -> bool:
    return step.shown_to is None or any(parties.get(party.key) == unit for party in step.shown_to)


def _is_inner(mechanism: Mechanism, clock: Clock, parties: Mapping[str, str], unit: str) -> bool:
    meeting = [mechanism.step_by_key[key] for key in clock.met_by]
    return bool(meeting) and not any(_is_shown(step, parties, unit) for step in meeting)


def _sealed(entry: Entry) -> Entry:
    return replace(
        entry,
        step=SEALED,
        acted_at=entry.recorded_at,
        late=False,
        party=None,
        unit=None,
        person=None,
        form={},
        papers={},
        bound={},
        clocks=(),
    )


def _without(entry: Entry, hidden: set[tuple[str, int]]) -> Entry:
    return replace(entry, clocks=tuple(c for c in entry.clocks if (c.clock, c.number) not in hidden))
