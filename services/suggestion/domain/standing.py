"""Where a suggestion stands, read from its history alone: replied and rectified are two facts; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import takewhile
from typing import Any

from services.suggestion.mechanisms.procuratorial_suggestion import ABOUT_A_POINT, POINT, VERIFIED
from shared.clocks.calendar import SHANGHAI
from shared.mechanism.matter import Entry, Matter

_POINTS = "points"
_CORRECTS = "corrects"
_REPLY = "reply"  # the step, and the clock of the same name
_WITHDRAWN, _CLOSED = "withdrawn", "closed_implemented"
_ANSWERS = ("type", "breach", "field", "number")


@dataclass(frozen=True, slots=True)
class PointCourse:
    """One point of the paper as last given: `done` has the moment of each kind of step last taken about it."""

    number: int
    last: str | None = None
    done: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        return self.last in VERIFIED


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a suggestion from its first delivery up to some moment.

    Moments are those of the acts, as last corrected. The reply, its limit (exclusive) and the points are those of the
    paper as last given: what was done about an earlier one counts no more.
    """

    answers: Mapping[str, Any]
    state: str
    delivered_at: datetime
    delivered_again_at: datetime | None
    reply_due_at: datetime | None
    replied_at: datetime | None
    points: tuple[PointCourse, ...]
    closed_at: datetime | None
    withdrawn_at: datetime | None

    @property
    def withdrawn(self) -> bool:
        return self.state == _WITHDRAWN

    @property
    def closed(self) -> bool:
        return self.state == _CLOSED

    @property
    def replied_in_time(self) -> bool:
        if self.replied_at is None:
            return False
        return self.reply_due_at is None or self.replied_at < self.reply_due_at

    @property
    def verified(self) -> int:
        return sum(point.verified for point in self.points)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many suggestions were delivered, replied to and closed, and how many of their points there are."""

    delivered: int = 0
    replied: int = 0
    replied_in_time: int = 0
    points: int = 0
    verified: int = 0
    closed: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What one suggestion adds to the figures, and to which: `unit` is the addressee, `year` that of delivery."""

    unit: str
    year: int
    type: str
    field: str
    procuratorate: str
    divisions: tuple[str, ...]
    counts: Counts


def standing(matter: Matter) -> Standing | None:
    """Return what the suggestion adds to the figures now; None before its delivery and after its withdrawal."""
    found = course(matter.history)
    if found is None or found.withdrawn:
        return None
    return Standing(
        unit=matter.parties["addressee"],
        year=day_of(found.delivered_at).year,
        type=found.answers["type"],
        field=found.answers["field"],
        procuratorate=matter.parties["procuratorate"],
        divisions=matter.divisions,
        counts=counts(found),
    )


def counts(found: Course) -> Counts:
    """Return what one delivered suggestion counts for."""
    return Counts(
        delivered=1,
        replied=int(found.replied_at is not None),
        replied_in_time=int(found.replied_in_time),
        points=len(found.points),
        verified=found.verified,
        closed=int(found.closed),
    )


def course(history: Sequence[Entry], until: datetime | None = None) -> Course | None:
    """Return what became of the suggestion, by what was recorded before `until`; None if it was not delivered then."""
    # The entries of a chain up to a link: two processes' clocks may differ by milliseconds, the order does not.
    known = list(takewhile(lambda entry: until is None or entry.recorded_at < until, history))
    replay = _Replay({each.form[_CORRECTS]: each.acted_at for each in known if each.kind == "correction"})
    for entry in known:
        replay.read(entry)
    return replay.course


def day_of(moment: datetime) -> date:
    """Return the day on which a moment lies where the offices are."""
    return moment.astimezone(SHANGHAI).date()


class _Replay:
    """Reads a history entry by entry; `corrected` has the moment of each act that was corrected, by its version."""

    def __init__(self, corrected: Mapping[int, datetime]) -> None:
        self.course: Course | None = None
        self._corrected = corrected
        self._answers: dict[str, Any] = {}
        self._points: tuple[PointCourse, ...] = ()
        self._run: int | None = None  # which run of the reply clock is that of the present paper

    def read(self, entry: Entry) -> None:
        if entry.kind == "step":
            self._take(entry)
        for due_at in self._limits(entry):
            if self.course is not None:
                self.course = replace(self.course, reply_due_at=due_at)
        if self.course is not None:
            self.course = replace(self.course, answers=self._answers, points=self._points, state=entry.to)

    def _take(self, entry: Entry) -> None:
        at = self._corrected.get(entry.version, entry.acted_at)
        self._answers |= {name: entry.form[name] for name in _ANSWERS if entry.form.get(name) is not None}
        given = entry.form.get(_POINTS)
        if given is not None:
            self._points = tuple(PointCourse(number) for number in range(1, len(given) + 1))
        if entry.step in ABOUT_A_POINT:
            self._points = tuple(_dealt_with(point, entry, at) for point in self._points)
        if entry.step == "deliver":
            self.course = Course(self._answers, entry.to, at, None, None, None, self._points, None, None)
        if self.course is None:
            return
        if given is not None:
            self._run = None
            self.course = replace(self.course, replied_at=None, reply_due_at=None)
        match entry.step:
            case "deliver_amended":
                self.course = replace(self.course, delivered_again_at=at)
            case "reply" if self.course.replied_at is None:
                # A later one, after urging, adds to the first.
                self.course = replace(self.course, replied_at=at)
            case "close":
                self.course = replace(self.course, closed_at=at)
            case "withdraw":
                self.course = replace(self.course, withdrawn_at=at)

    def _limits(self, entry: Entry) -> Iterator[datetime | None]:
        """Give the limits that the entry sets for the reply to the present paper: with its start, and when it moves."""
        for change in entry.clocks:
            if change.clock != _REPLY:
                continue
            if change.change == "started":
                self._run = change.number
            if change.number == self._run:
                yield change.due_at


def _dealt_with(point: PointCourse, entry: Entry, at: datetime) -> PointCourse:
    if entry.form.get(POINT) != point.number:
        return point
    return PointCourse(point.number, entry.step, {**point.done, entry.step: at})
