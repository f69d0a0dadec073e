"""A matter as a MongoDB document, and back."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.clocks.counting import Length, Unit
from shared.mechanism.core import Change
from shared.mechanism.matter import (
    UNFINISHED,
    ClockChange,
    Entry,
    Extended,
    Link,
    Matter,
    PaperRef,
    Ticking,
)
from shared.mongo import Document


def opening_document(change: Change, outbox: Sequence[Document]) -> Document:
    """Return the whole document of a new matter."""
    matter = change.matter
    document: Document = {
        "_id": matter.id,
        "mechanism": matter.mechanism,
        "edition": matter.edition,
        "state": matter.state,
        "version": matter.version,
        "division": matter.division,
        "divisions": list(matter.divisions),
        "parties": dict(matter.parties),
        "readers": list(matter.readers),
        "seen_by": seen_by(matter),
        "correlation": matter.correlation,
        "opened_at": matter.opened_at,
        "updated_at": matter.updated_at,
        "entered_at": matter.entered_at,
        "links": link_documents(matter.links),
        "history": [entry_document(entry) for entry in matter.history],
        "clocks": clock_documents(matter.clocks),
        "outbox": list(outbox),
        "send_at": change.entry.recorded_at,
    }
    document |= counted(matter.clocks)
    # Absent, not null: the indexes over these are sparse.
    if change.attention_at is not None:
        document["attention_at"] = change.attention_at
    if change.owed_by is not None:
        document["owed_by"] = change.owed_by
    if matter.only is not None:
        document["only"] = matter.only
    return document


def seen_by(matter: Matter) -> list[str]:
    """Return who may find it, in one list that an index can hold: its readers, and overseers of its divisions."""
    return [*matter.readers, *map(overseers_of, matter.divisions)]


def overseers_of(division: str) -> str:
    """Return what stands for the overseers of a division; no code of a unit looks like it."""
    return f"overseers of {division}"


def counted(runs: Sequence[Ticking]) -> Document:
    """Return by which calendar edition, the oldest, and until when the clocks are counted that a new one could move."""
    dated = [run for run in runs if run.state in UNFINISHED and run.due_at and run.calendar]
    if not dated:
        return {}
    return {
        "calendar": min(run.calendar for run in dated if run.calendar),
        # A period counted backward rests on the days up to the event it starts from.
        "counted_until": max(moment for run in dated for moment in (run.due_at, run.started_at) if moment),
    }


def matter_of(document: Mapping[str, Any]) -> Matter:
    return Matter(
        id=document["_id"],
        mechanism=document["mechanism"],
        edition=document["edition"],
        state=document["state"],
        version=document["version"],
        division=document["division"],
        divisions=tuple(document["divisions"]),
        parties=document["parties"],
        readers=tuple(document["readers"]),
        correlation=document["correlation"],
        opened_at=document["opened_at"],
        updated_at=document["updated_at"],
        entered_at=document["entered_at"],
        history=tuple(map(_entry, document["history"])),
        clocks=tuple(map(_ticking, document["clocks"])),
        links=tuple(Link(**link) for link in document["links"]),
        only=document.get("only"),
    )


def link_documents(links: Sequence[Link]) -> list[Document]:
    return [{"rel": link.rel, "matter": link.matter, "unit": link.unit} for link in links]


def entry_document(entry: Entry) -> Document:
    return {
        "version": entry.version,
        "kind": entry.kind,
        "step": entry.step,
        "source": entry.source,
        "to": entry.to,
        "acted_at": entry.acted_at,
        "recorded_at": entry.recorded_at,
        "late": entry.late,
        "party": entry.party,
        "unit": entry.unit,
        "person": entry.person,
        "key": entry.key,
        "digest": entry.digest,
        "form": dict(entry.form),
        "form_digest": entry.form_digest,
        "papers": {
            key: [{"id": paper.id, "sha256": paper.sha256} for paper in papers]
            for key, papers in entry.papers.items()
        },
        "bound": dict(entry.bound),
        "clocks": [
            {
                "clock": c.clock,
                "number": c.number,
                "change": c.change,
                "due_at": c.due_at,
                "was_due_at": c.was_due_at,
            }
            for c in entry.clocks
        ],
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _entry(document: Mapping[str, Any]) -> Entry:
    papers = {
        key: tuple(PaperRef(paper["id"], paper["sha256"]) for paper in papers)
        for key, papers in document["papers"].items()
    }
    clocks = tuple(ClockChange(**change) for change in document["clocks"])
    return Entry(**{**document, "papers": papers, "clocks": clocks})


def clock_documents(runs: Sequence[Ticking]) -> list[Document]:
    return [
        {
            "key": run.key,
            "number": run.number,
            "state": run.state,
            "started_at": run.started_at,
            "started_by": run.started_by,
            "length": _length_document(run.length),
            "due_at": run.due_at,
            # MongoDB has no date without a time; a day is its ISO text.
            "due_on": run.due_on.isoformat() if run.due_on else None,
            "provisional": run.provisional,
            "calendar": run.calendar,
            "roll": run.roll,
            "item": run.item,
            "pauses": [{"from": begin, "to": end} for begin, end in run.pauses],
            "extensions": [
                {"step": e.step, "version": e.version, "length": _length_document(e.length), "added": e.added}
                for e in run.extensions
            ],
            "reminded": run.reminded,
            "ended_at": run.ended_at,
            "ended_by": run.ended_by,
        }
        for run in runs
    ]


def _ticking(document: Mapping[str, Any]) -> Ticking:
    due_on = document["due_on"]
    return Ticking(
        **{
            **document,
            "length": _length(document["length"]),
            "due_on": date.fromisoformat(due_on) if due_on else None,
            "pauses": tuple((pause["from"], pause["to"]) for pause in document["pauses"]),
            "extensions": tuple(
                Extended(
                    e["step"],
                    e["version"],
                    Length(e["length"]["amount"], Unit(e["length"]["unit"])),
                    e["added"],
                )
                for e in document["extensions"]
            ),
        }
    )


def _length_document(length: Length | None) -> Document | None:
    return {"amount": length.amount, "unit": length.unit.value} if length else None


def _length(document: Mapping[str, Any] | None) -> Length | None:
    return Length(document["amount"], Unit(document["unit"])) if document else None
