"""What the declaration of a vice-principal's post cannot say: refusals by what the matter and its form hold; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.minors.domain.register import Post, confirmed, day, taught, work
from services.minors.domain.years import YearKind, last_day, year_of
from services.minors.mechanisms.vice_principal import AGE_OF_RETIRED, CLASS_HOURS
from shared.mechanism.matter import Matter
from shared.mechanism.permit import Refused

_RECOMMENDED: Final = frozenset({"recommended", "in_pool", "trained", "serving"})


@dataclass(frozen=True, slots=True)
class Policy:
    """What a deployment decides: how many years of legal work are asked for, and in which year hours count."""

    least_years: int
    year_kind: YearKind


@dataclass(frozen=True, slots=True)
class Seat:
    """One of the two places a person has, and by which post it is taken."""

    matter: str
    school: str
    second: bool


def check_person(form: Mapping[str, Any], policy: Policy, on: date) -> None:
    """Refuse who has too little practice, or is retired and too old."""
    if form["years_of_legal_work"] < policy.least_years:
        detail = f"at least {policy.least_years} years of legal work are needed"
        raise Refused("practice-too-short", detail, fields=["form.years_of_legal_work"])
    if form.get("retired") and on.year - form["birth_year"] > AGE_OF_RETIRED:
        detail = f"a retired person serves up to the age of {AGE_OF_RETIRED}"
        raise Refused("retired-too-old", detail, fields=["form.birth_year"])


def check_first_term(answers: Mapping[str, Any], before: int) -> None:
    """Refuse a second term of a retired person; `before`: how many posts the person held earlier."""
    if answers.get("retired") and (answers.get("term", 1) > 1 or before):
        detail = "a retired person serves one term"
        raise Refused(
            "retired-again", detail, fields=["form.term" if "term" in answers else "form.person_id"]
        )


def check_seats(taken: Sequence[Seat], school: str, *, second: bool) -> None:
    """Refuse a third school, the same school twice, and a place that is taken. The database has the last word."""
    if any(seat.school == school for seat in taken):
        raise Refused("serves-here", "this person serves at this school already", fields=["form.person_id"])
    if len(taken) > 1:
        detail = "this person serves at two schools already"
        raise Refused("serves-twice", detail, fields=["form.person_id"])
    if any(seat.second is second for seat in taken):
        detail = "this person serves at another school: say whether this is the second one"
        raise Refused("place-taken", detail, fields=["form.second_school"])


def check_appointment(matter: Matter, form: Mapping[str, Any]) -> None:
    """Refuse a term that begins before the training was over."""
    trained = matter.fields().get("completed_on")
    if trained is not None and day(form["starts_on"]) < day(trained):
        detail = "the training comes before taking office"
        raise Refused("training-too-late", detail, fields=["form.starts_on"])


def check_step(
    step: str, matter: Matter, post: Post, form: Mapping[str, Any], policy: Policy, on: date
) -> None:
    """Refuse a step of somebody in office that does not fit what the history says."""
    rule = _RULES.get(step)
    if rule is not None:
        rule(matter, post, form, policy, on)


def check_successor(post: Matter, successor: Matter | None) -> None:
    """Refuse a replacement without somebody new who is recommended for the same school."""
    where = ["form.successor.0"]
    if successor is None or successor.mechanism != post.mechanism or successor.id == post.id:
        raise Refused("successor-unknown", "there is no such post", fields=where)
    if successor.parties.get("school") != post.parties["school"]:
        raise Refused("successor-unknown", "there is no such post", fields=where)
    if successor.state not in _RECOMMENDED:
        raise Refused("successor-not-recommended", "nobody is recommended for that post", fields=where)


def _renew(_: Matter, post: Post, form: Mapping[str, Any], __: Policy, ___: date) -> None:
    retired = form.get("retired")
    if post.retired if retired is None else retired:
        raise Refused("retired-again", "a retired person serves one term", fields=["form.retired"])
    if day(form["ends_on"]) <= post.ends_on:
        raise Refused("term-not-later", "the present term ends later", fields=["form.ends_on"])


def _log_work(_: Matter, post: Post, form: Mapping[str, Any], __: Policy, on: date) -> None:
    done = day(form["done_on"])
    if done > on:
        raise Refused("act-in-future", "work is logged after it was done", fields=["form.done_on"])
    if not post.starts_on <= done <= post.ends_on:
        raise Refused("outside-term", "the day lies outside the term", fields=["form.done_on"])


def _confirm_work(matter: Matter, _: Post, form: Mapping[str, Any], __: Policy, ___: date) -> None:
    steps = [each for each in matter.history if each.kind == "step"]
    logged, known = work(steps), confirmed(steps)
    for place, version in enumerate(form["entries"]):
        where = [f"form.entries.{place}"]
        if version not in logged:
            raise Refused("entry-unknown", "no work was logged with this entry", fields=where)
        if version in known or version in form["entries"][:place]:
            raise Refused("entry-confirmed", "this work is confirmed already", fields=where)


def _assess(_: Matter, post: Post, form: Mapping[str, Any], policy: Policy, on: date) -> None:
    kind, year = policy.year_kind, form["year"]
    if not year_of(kind, post.starts_on) <= year <= min(year_of(kind, on), year_of(kind, post.ends_on)):
        raise Refused("outside-term", "the year lies outside the term", fields=["form.year"])
    if year in post.assessed:
        raise Refused("year-assessed", "this year was assessed already", fields=["form.year"])


def _open_year(_: Matter, post: Post, form: Mapping[str, Any], policy: Policy, on: date) -> None:
    year = post.owed.next if post.owed else None
    if year is None or form["year"] != year or year > year_of(policy.year_kind, max(on, post.starts_on)):
        raise Refused("year-not-next", "another year is to be opened, or none", fields=["form.year"])
    if day(form["last_day"]) != last_day(policy.year_kind, year):
        raise Refused("year-ends-otherwise", "the year has another last day", fields=["form.last_day"])


def _fulfil_hours(matter: Matter, post: Post, form: Mapping[str, Any], _: Policy, __: date) -> None:
    year = form["year"]
    if not any(run.key == "hours" and run.open and run.item == year for run in matter.clocks):
        raise Refused("year-not-open", "no class hours are owed of this year", fields=["form.year"])
    if taught(post.hours, year) < CLASS_HOURS:
        detail = f"fewer than {CLASS_HOURS} class hours are confirmed"
        raise Refused("hours-short", detail, fields=["form.year"])


def _end_term(_: Matter, post: Post, __: Mapping[str, Any], ___: Policy, on: date) -> None:
    if on < post.ends_on:
        detail = f"the term goes on until {post.ends_on.isoformat()}: a change is reported, or the post is dismissed"
        raise Refused("term-not-over", detail, fields=["acted_at"])


_Rule = Callable[[Matter, Post, Mapping[str, Any], Policy, date], None]
_RULES: Final[Mapping[str, _Rule]] = {
    "renew": _renew,
    "log_work": _log_work,
    "confirm_work": _confirm_work,
    "assess": _assess,
    "open_year": _open_year,
    "fulfil_hours": _fulfil_hours,
    "end_term": _end_term,
}
