"""A post as the register shows it, read from the history of its matter alone; pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from services.minors.domain.years import YearKind, first_day, first_owed, is_late, year_of
from services.minors.mechanisms.vice_principal import AGE_OF_RETIRED, CLASS_HOURS, Duty
from shared.clocks.calendar import SHANGHAI
from shared.mechanism.matter import Entry, Matter

SERVING: Final = frozenset({"serving", "leaving"})
BEGINS: Final = ("appoint", "take_over")
_WARNED: Final = timedelta(days=90)
_ENDED_BY: Final = ("replace", "dismiss", "end_term")
_WHY: Final = ("ground", "reason")


class Flag(StrEnum):
    """What somebody should look at."""

    HOURS_SHORT = "hours_short"  # under four class hours, from the tenth month of the year on
    TERM_ENDING = "term_ending"  # within ninety days
    TERM_OVER = "term_over"
    RETIRED_TOO_OLD = "retired_too_old"
    RETIRED_AGAIN = "retired_again"  # a retired person in a second term


@dataclass(frozen=True, slots=True)
class Owed:
    """What a post owes while somebody serves in it.

    `met`: the last year with enough class hours; `next`: the year to be opened next, if the term goes on into it;
    `reached`: an opened year with enough class hours that the matter does not know of yet.
    """

    met: int
    ends_on: date
    next: int | None
    reached: int | None


@dataclass(frozen=True, slots=True)
class Post:
    """One person at one school. `hours` are class hours that the school has confirmed, by year and duty."""

    matter: str
    version: int
    state: str
    since: datetime
    school: str
    sender: str
    sender_kind: str
    authority: str
    division: str
    divisions: tuple[str, ...]
    person: str
    birth_year: int
    retired: bool
    second_school: bool
    letters: tuple[str, ...]
    starts_on: date
    ends_on: date
    term: int
    hours: Mapping[int, Mapping[str, int]]
    unconfirmed: int
    assessed: tuple[int, ...]
    opened: int | None
    why: str | None
    owed: Owed | None

    @property
    def serving(self) -> bool:
        return self.state in SERVING


def post_of(matter: Matter, kind: YearKind) -> Post | None:
    """Return the post as its matter stands; None before somebody was appointed."""
    fields = matter.fields()
    steps = [each for each in matter.history if each.kind == "step"]
    begun = next((each for each in steps if each.step in BEGINS), None)
    if begun is None:
        return None
    hours = _hours(steps, begun, kind)
    known = confirmed(steps)
    opened = [int(each.form["year"]) for each in steps if each.step == "open_year"]
    starts_on, ends_on = day(begun.form["starts_on"]), day(fields["ends_on"])
    return Post(
        matter=matter.id,
        version=matter.version,
        state=matter.state,
        since=matter.entered_at,
        school=matter.parties["school"],
        sender=matter.parties["dispatching_organ"],
        sender_kind=fields["sender_kind"],
        authority=matter.parties["education_authority"],
        division=matter.division,
        divisions=matter.divisions,
        person=fields["person_id"],
        birth_year=fields["birth_year"],
        retired=fields["retired"],
        second_school=fields["second_school"],
        letters=tuple(each.form["letter_number"] for each in steps if each.form.get("letter_number")),
        starts_on=starts_on,
        ends_on=ends_on,
        term=fields["term"] + sum(each.step == "renew" for each in steps),
        hours=hours,
        unconfirmed=sum(
            each.form["class_hours"] for each in work(steps).values() if each.version not in known
        ),
        assessed=tuple(sorted(int(each.form["year"]) for each in steps if each.step == "assess")),
        opened=max(opened, default=None),
        why=_why(steps),
        owed=_owed(matter, begun, kind, starts_on, ends_on, opened, hours)
        if matter.state in SERVING
        else None,
    )


def work(steps: list[Entry]) -> dict[int, Entry]:
    """Return the entries in which work was logged, by version."""
    return {each.version: each for each in steps if each.step == "log_work"}


def confirmed(steps: list[Entry]) -> set[int]:
    """Return the versions of the entries whose work the school has confirmed."""
    return {int(n) for each in steps if each.step == "confirm_work" for n in each.form["entries"]}


def taught(hours: Mapping[int, Mapping[str, int]], year: int) -> int:
    """Return the class hours of legal education in a year."""
    return hours.get(year, {}).get(Duty.LEGAL_EDUCATION, 0)


def flags(post: Post, today: date, kind: YearKind) -> Iterator[Flag]:
    """Give what somebody should look at, on that day."""
    if post.owed is None:
        return
    if is_late(kind, today) and post.owed.met < year_of(kind, today):
        yield Flag.HOURS_SHORT
    if post.ends_on < today:
        yield Flag.TERM_OVER
    elif post.ends_on - today <= _WARNED:
        yield Flag.TERM_ENDING
    if post.retired and today.year - post.birth_year > AGE_OF_RETIRED:
        yield Flag.RETIRED_TOO_OLD
    if post.retired and post.term > 1:
        yield Flag.RETIRED_AGAIN


def day(value: Any) -> date:
    """Return the day that a form field holds."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def day_of(moment: datetime) -> date:
    """Return the day on which a moment lies where the offices are."""
    return moment.astimezone(SHANGHAI).date()


def _hours(steps: list[Entry], begun: Entry, kind: YearKind) -> dict[int, dict[str, int]]:
    hours: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    known = confirmed(steps)
    for entry in work(steps).values():
        if entry.version in known:
            hours[year_of(kind, day(entry.form["done_on"]))][entry.form["duty"]] += entry.form["class_hours"]
    if before := begun.form.get("taught_hours"):
        hours[year_of(kind, day_of(begun.acted_at))][Duty.LEGAL_EDUCATION] += before
    return {year: dict(by_duty) for year, by_duty in hours.items()}


def _owed(
    matter: Matter,
    begun: Entry,
    kind: YearKind,
    starts_on: date,
    ends_on: date,
    opened: list[int],
    hours: Mapping[int, Mapping[str, int]],
) -> Owed:
    # Of a post that began before the register knew it, the years before are not asked for.
    first = max(first_owed(kind, starts_on), year_of(kind, day_of(begun.acted_at)))
    following = max([first, *(year + 1 for year in opened)])
    running = [run.item for run in matter.clocks if run.key == "hours" and run.open and run.item is not None]
    return Owed(
        met=max([first - 1, *(year for year in hours if taught(hours, year) >= CLASS_HOURS)]),
        ends_on=ends_on,
        next=following if first_day(kind, following) <= ends_on else None,
        reached=next((year for year in running if taught(hours, year) >= CLASS_HOURS), None),
    )


def _why(steps: list[Entry]) -> str | None:
    """Return why it ended, as far as the last steps say."""
    if not steps or steps[-1].step not in _ENDED_BY:
        return None
    given = (each.form.get(name) for each in reversed(steps) for name in _WHY)
    return next((why for why in given if why), steps[-1].step)
