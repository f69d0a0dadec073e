"""What is said of a change: thin events with ids, states, unit codes and moments."""

from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from shared import tracing
from shared.directory import Directory
from shared.events import Event
from shared.mechanism.chain import plain
from shared.mechanism.core import Change, Said
from shared.mechanism.grammar import Mechanism
from shared.mechanism.matter import Entry, Matter, Ticking
from shared.mechanism.sight import hidden_parties

# Ids of matters and events are made from what they stand for, so that a repeat makes the same ones.
NAMESPACE = uuid5(NAMESPACE_URL, "urn:liandong:matter")


class Speech:
    """Words one service's changes as events."""

    def __init__(self, service: str, directory: Directory) -> None:
        self._service = service
        self._directory = directory

    async def events(self, mechanism: Mechanism, change: Change) -> list[Event]:
        matter = change.matter
        events = []
        for place, said in enumerate(change.said):
            said = await self._with_superior(said)  # noqa: PLW2901
            events.append(
                Event(
                    id=str(uuid5(NAMESPACE, f"{matter.id}/{change.entry.version}/{place}")),
                    source=f"/{self._service}",
                    type=f"{self._service}.{mechanism.key}.{said.participle}",
                    subject=matter.id,
                    time=change.entry.recorded_at,
                    data=_event_data(mechanism, matter, change.entry, said),
                    version=matter.version,
                    correlation=matter.correlation,
                    traceparent=tracing.current_traceparent(),
                    units=said.units if said.units is not None else matter.readers,
                    divisions=matter.divisions if mechanism.overseers else (),
                )
            )
        return events

    async def _with_superior(self, said: Said) -> Said:
        code = said.data.get("superior_of")
        if code is None:
            return said
        unit = await self._directory.find(code)
        data = {key: value for key, value in said.data.items() if key != "superior_of"}
        tell = (*said.tell, unit.superior) if unit and unit.superior else said.tell
        return replace(said, data=data, tell=tuple(dict.fromkeys(tell)))


def _event_data(mechanism: Mechanism, matter: Matter, entry: Entry, said: Said) -> dict[str, Any]:
    hidden = hidden_parties(mechanism)
    data: dict[str, Any] = plain(
        {
            "mechanism": matter.mechanism,
            "edition": matter.edition,
            "state": matter.state,
            "version": matter.version,
            "acted_at": entry.acted_at,
            "recorded_at": entry.recorded_at,
            "parties": {key: code for key, code in matter.parties.items() if key not in hidden},
            "division": matter.division,
            "tell": said.tell,
            "clocks": [_clock_fact(mechanism, matter, run) for run in matter.open_clocks() if run.due_at],
            **said.data,
        }
    )
    # Who a hidden party is stands in `tell` alone, for the notifier; nobody else reads that in the feed.
    if data.get("by", {}).get("party") in hidden:
        data["by"] = {"party": data["by"]["party"]}
    return data


def _clock_fact(mechanism: Mechanism, matter: Matter, run: Ticking) -> dict[str, Any]:
    clock = mechanism.clock_by_key[run.key]
    return {
        "key": run.key,
        "on": clock.on.key,
        "unit": matter.parties.get(clock.on.recorded_by or clock.on.key),
        "kind": clock.kind.value,
        "due_at": run.due_at,
    }
