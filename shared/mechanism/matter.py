"""One running case and its history, as values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from shared.clocks.counting import Length

RUNNING = "running"
PAUSED = "paused"
OVERDUE = "overdue"  # a duty whose time is over and which is still owed
LAPSED = "lapsed"  # a right that is lost
ELAPSED = "elapsed"  # a minimum, a validity or a policy value whose time is over
MET = "met"
LATE = "late"  # met after its time
DROPPED = "dropped"  # no longer owed

OPEN = frozenset({RUNNING, PAUSED, OVERDUE})
UNFINISHED = OPEN | {LAPSED, ELAPSED}


@dataclass(frozen=True, slots=True)
class Extended:
    step: str
    version: int
    length: Length
    added: bool


@dataclass(frozen=True, slots=True)
class Ticking:
    """One run of a declared clock. `length` None: the deployment set no number. `due_at` is exclusive."""

    key: str
    number: int
    state: str
    started_at: datetime
    started_by: int
    length: Length | None
    due_at: datetime | None = None
    due_on: date | None = None
    provisional: bool = False
    calendar: int | None = None
    roll: bool = True
    item: int | None = None
    pauses: tuple[tuple[datetime, datetime | None], ...] = ()
    extensions: tuple[Extended, ...] = ()
    reminded: int = 0
    ended_at: datetime | None = None
    ended_by: int | None = None

    @property
    def open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class PaperRef:
    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What an entry did to a clock: started, met, late, dropped, extended, paused, resumed, moved, overdue, …"""

    clock: str
    number: int
    change: str
    due_at: datetime | None
    was_due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of a matter's history: a step, a clock whose time was over, a correction, a new calendar.

    `hash` covers everything but the form itself, of which it covers the digest, and the hash before it.
    """

    version: int
    kind: Literal["step", "clock", "correction", "calendar"]
    step: str
    source: str | None
    to: str
    acted_at: datetime
    recorded_at: datetime
    late: bool = False
    party: str | None = None
    unit: str | None = None
    person: str | None = None
    key: str | None = None
    digest: str | None = None
    form: Mapping[str, Any] = field(default_factory=dict)
    form_digest: str | None = None
    papers: Mapping[str, tuple[PaperRef, ...]] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    clocks: tuple[ClockChange, ...] = ()
    previous: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A typed link to another matter, of this or another service; shown to the unit that made it and to overseers."""

    rel: str
    matter: str
    unit: str


@dataclass(frozen=True, slots=True)
class Matter:
    """`only`: what no other matter may have in common with it now, if there is such a thing."""

    id: str
    mechanism: str
    edition: str
    state: str
    version: int
    division: str
    divisions: tuple[str, ...]
    parties: Mapping[str, str]
    readers: tuple[str, ...]
    correlation: str
    opened_at: datetime
    updated_at: datetime
    entered_at: datetime
    history: tuple[Entry, ...]
    clocks: tuple[Ticking, ...]
    links: tuple[Link, ...] = ()
    only: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the form fields as last given; absent optional answers do not overwrite earlier ones."""
        answered: dict[str, Any] = {}
        for entry in self.history:
            if entry.kind != "step":
                continue
            answered.update((name, value) for name, value in entry.form.items() if value is not None)
        return answered

    def taken(self, step: str, *, since_entry: bool = False) -> bool:
        for entry in reversed(self.history):
            if entry.kind == "step" and entry.step == step:
                return True
            if since_entry and entry.source != entry.to:
                return False
        return False

    def last_about(self, items: str, item: str, number: int, among: tuple[str, ...]) -> str | None:
        """Return the last of these steps about the item with that number, since the list was last given."""
        for entry in reversed(self.history):
            if entry.kind == "step" and entry.step in among and entry.form.get(item) == number:
                return entry.step
            if entry.kind == "step" and entry.form.get(items) is not None:
                return None
        return None

    def ticking(self, clock: str) -> Ticking | None:
        """Return the latest run of a clock."""
        return next((run for run in reversed(self.clocks) if run.key == clock), None)

    def open_clocks(self) -> Iterator[Ticking]:
        return (run for run in self.clocks if run.open)
