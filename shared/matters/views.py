"""What readers are shown: receipts, summaries, matters with what may be done next, clocks, history."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from shared.mechanism.grammar import Cites, Clock, Kind, Mechanism, Step, cites_of
from shared.mechanism.matter import Entry, Matter, Ticking
from shared.mechanism.permit import acting_party, open_steps


class CiteView(BaseModel):
    """An article, and how far its number was checked."""

    law: str
    number: str
    edition: str
    article: str
    mark: str


class Named(BaseModel):
    key: str
    title: str


class ClockEffect(BaseModel):
    """What a step did to a clock."""

    clock: str
    change: str
    due_at: datetime | None


class Receipt(BaseModel):
    """Proof that a step was recorded: the same for every repeat of the request."""

    matter: str
    mechanism: str
    version: int
    step: str
    state: str
    acted_at: datetime
    recorded_at: datetime
    late: bool = Field(description="Recorded noticeably after it was done (补录).")
    clocks: list[ClockEffect]
    hash: str = Field(description="SHA-256 of the history up to and including this step.")


class Summary(BaseModel):
    id: str
    mechanism: str
    edition: str
    state: Named
    version: int
    division: str
    parties: dict[str, str]
    correlation: str = Field(description="The first cause: the same for every matter that one led to.")
    opened_at: datetime
    updated_at: datetime
    due_at: datetime | None = Field(description="Earliest end of a duty that is still owed.")
    overdue: bool


class NextStep(BaseModel):
    """A step that the reader's unit may take now."""

    step: str
    title: str
    party: str
    post: str | None
    due_at: datetime | None
    clock: str | None
    href: str
    cites: list[CiteView]


class LinkView(BaseModel):
    rel: str
    matter: str


class MatterView(Summary):
    """A matter as one unit reads it."""

    entered_at: datetime
    fields: dict[str, Any] = Field(description="The form fields as last given.")
    links: list[LinkView]
    next: list[NextStep]


class LengthView(BaseModel):
    amount: int
    unit: str


class PaperView(BaseModel):
    id: str
    sha256: str


class EntryView(BaseModel):
    version: int
    kind: str
    step: str
    source: str | None
    state: str
    party: str | None
    unit: str | None
    person: str | None
    acted_at: datetime
    recorded_at: datetime
    late: bool
    form: dict[str, Any]
    papers: dict[str, list[PaperView]]
    bound: dict[str, str]
    clocks: list[ClockEffect]
    previous: str
    hash: str


class History(BaseModel):
    matter: str
    entries: list[EntryView]


class MisfitView(BaseModel):
    version: int
    reason: str


class Verification(BaseModel):
    """Whether the history is what was recorded; if not, the first entry that does not fit."""

    matter: str
    entries: int
    intact: bool
    misfit: MisfitView | None


def cites(cited: Cites) -> list[CiteView]:
    return [
        CiteView(
            law=cite.law.title,
            number=cite.law.number,
            edition=cite.law.edition,
            article=cite.article,
            mark=cite.mark.value,
        )
        for cite in cites_of(cited)
    ]


def receipt(mechanism: Mechanism, matter_id: str, entry: Entry) -> Receipt:
    return Receipt(
        matter=matter_id,
        mechanism=mechanism.key,
        version=entry.version,
        step=entry.step,
        state=entry.to,
        acted_at=entry.acted_at,
        recorded_at=entry.recorded_at,
        late=entry.late,
        clocks=_effects(entry),
        hash=entry.hash,
    )


def summary(
    mechanism: Mechanism, document: Mapping[str, Any], parties: Mapping[str, str], now: datetime
) -> Summary:
    """Return the summary of a stored document, as of `now`, with the parties that the reader is told of."""
    due_at = document.get("owed_by")
    return Summary(
        id=document["_id"],
        mechanism=mechanism.key,
        edition=document["edition"],
        state=_state(mechanism, document["state"]),
        version=document["version"],
        division=document["division"],
        parties=dict(parties),
        correlation=document["correlation"],
        opened_at=document["opened_at"],
        updated_at=document["updated_at"],
        due_at=due_at,
        overdue=due_at is not None and due_at <= now,
    )


def matter_view(mechanism: Mechanism, matter: Matter, shown: Matter, unit: str, now: datetime) -> MatterView:
    """Return what is shown of the matter to `unit`, with the steps that it may take at `now`."""
    owed = [
        run.due_at
        for run in shown.open_clocks()
        if run.due_at is not None and mechanism.clock_by_key[run.key].kind in (Kind.DUTY, Kind.CYCLE)
    ]
    due_at = min(owed, default=None)
    return MatterView(
        id=matter.id,
        mechanism=mechanism.key,
        edition=matter.edition,
        state=_state(mechanism, matter.state),
        version=matter.version,
        division=matter.division,
        parties=dict(shown.parties),
        correlation=matter.correlation,
        opened_at=matter.opened_at,
        updated_at=matter.updated_at,
        due_at=due_at,
        overdue=due_at is not None and due_at <= now,
        entered_at=matter.entered_at,
        fields=shown.fields(),
        links=[LinkView(rel=link.rel, matter=link.matter) for link in shown.links],
        next=list(_next(mechanism, matter, unit, now)),
    )


def history(matter: Matter) -> History:
    return History(
        matter=matter.id,
        entries=[
            EntryView(
                version=entry.version,
                kind=entry.kind,
                step=entry.step,
                source=entry.source,
                state=entry.to,
                party=entry.party,
                unit=entry.unit,
                person=entry.person,
                acted_at=entry.acted_at,
                recorded_at=entry.recorded_at,
                late=entry.late,
                form=dict(entry.form),
                papers={
                    key: [PaperView(id=paper.id, sha256=paper.sha256) for paper in papers]
                    for key, papers in entry.papers.items()
                },
                bound=dict(entry.bound),
                clocks=_effects(entry),
                previous=entry.previous,
                hash=entry.hash,
            )
            for entry in matter.history
        ],
    )


def _effects(entry: Entry) -> list[ClockEffect]:
    # As MongoDB gives moments back, so that a repeat reads like the first answer.
    return [
        ClockEffect(clock=c.clock, change=c.change, due_at=c.due_at.astimezone(UTC) if c.due_at else None)
        for c in entry.clocks
    ]


def _state(mechanism: Mechanism, key: str) -> Named:
    return Named(key=key, title=mechanism.state_by_key[key].title)


def _next(mechanism: Mechanism, matter: Matter, unit: str, now: datetime) -> Iterator[NextStep]:
    for step in open_steps(mechanism, matter, now):
        party = acting_party(matter, step, unit)
        if party is None:
            continue
        pressing = _pressing(mechanism, matter, step)
        yield NextStep(
            step=step.key,
            title=step.title,
            party=party.key,
            post=step.post,
            due_at=pressing.due_at if pressing else None,
            clock=pressing.key if pressing else None,
            href=f"/v1/{mechanism.path}/{matter.id}/steps/{step.key}",
            cites=cites(step.cite),
        )


def _pressing(mechanism: Mechanism, matter: Matter, step: Step) -> Ticking | None:
    """Return the open clock with the earliest end that this step would meet."""
    met = [
        (run.due_at, run)
        for run in matter.open_clocks()
        if run.due_at is not None and _meets(mechanism.clock_by_key[run.key], step)
    ]
    return min(met, key=lambda pair: pair[0])[1] if met else None


def _meets(clock: Clock, step: Step) -> bool:
    if clock.met_by:
        return step.key in clock.met_by
    return bool(clock.during) and step.to is not None and step.to not in clock.during
