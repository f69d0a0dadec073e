"""Parts of procedures that no service has yet, declared in the grammar to see that it carries them.

Each trial takes one thing that the law asks for and a plain transfer does not have.
"""

from typing import Annotated, Literal

from pydantic import Field

from shared.clocks.counting import Unit
from shared.mechanism.grammar import (
    ByChoice,
    Clock,
    Each,
    Extension,
    FieldIs,
    Form,
    FromForm,
    FromSetting,
    ItemLast,
    Kind,
    Law,
    Mechanism,
    Party,
    Past,
    Reminder,
    State,
    Step,
    Taken,
    days,
    hours,
    months,
    workdays,
    years,
)

LAW = Law("试行办法", "测试〔2026〕1号", "2026")
CITE = LAW("1")
PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",))
AGENCY = Party("agency", "主管机关", kinds=("administrative_organ",))
POLICE = Party("police", "公安机关", kinds=("public_security",))
SCHOOL = Party("school", "学校", kinds=("school",))
VICTIM = Party("victim", "被害人", recorded_by="police")


class OpinionForm(Form):
    """An opinion whose paper may set its own time for the reply."""

    urgent: bool = False
    reply_days: Annotated[int, Field(ge=1, le=365)] | None = None


class KindForm(Form):
    kind: Literal["should_file", "overdue"] = Field(examples=["overdue"])


class HearingForm(Form):
    hearing_on: str = Field(examples=["2026-03-20"], pattern=r"^\d{4}-\d{2}-\d{2}$")


class TermForm(Form):
    """A ban whose term runs from a date that is known only later."""

    term_months: int = Field(ge=36, le=60, examples=[36])
    runs_from: str = Field(examples=["2026-01-31"], pattern=r"^\d{4}-\d{2}-\d{2}$")


class AnswerForm(Form):
    instrument: Literal["judgment", "ruling"] = Field(examples=["ruling"])


def step(
    key: str, by: Party | tuple[Party, ...], source: tuple[str, ...], to: str | None, **more: object
) -> Step:
    said = more.pop("said", f"{key}_done")
    return Step(key=key, title=key, by=by, source=source, to=to, said=said, cite=CITE, **more)  # type: ignore[arg-type]


def mechanism(
    key: str, opening: Step, steps: tuple[Step, ...], clocks: tuple[Clock, ...], **more: object
) -> Mechanism:
    """Declare a trial; its states and parties are those its steps name."""
    names = dict.fromkeys([opening.to, *(s.to for s in steps), *(name for s in steps for name in s.source)])
    left = {name for s in steps if s.to is not None for name in s.source}
    states = tuple(State(name, name, ends=name not in left) for name in names if name is not None)
    parties = dict.fromkeys(p for s in (opening, *steps) for p in (*s.parties, *s.binds))
    return Mechanism(
        key=key,
        path=key.replace("_", "-"),
        title=key,
        title_en=key,
        basis=LAW,
        edition="2026",
        parties=tuple(parties),
        states=states,
        opening=opening,
        steps=steps,
        clocks=clocks,
        **more,  # type: ignore[arg-type]
    )


def clock(key: str, on: Party, length: object, **more: object) -> Clock:
    return Clock(key=key, title=key, on=on, length=length, cite=CITE, **more)  # type: ignore[arg-type]


# Reverse transfer: working days; a suspended review and a consultation elsewhere are not counted; the chief may
# extend; the reply is due in two months unless the paper says otherwise; one length is a local choice.
REVERSE = mechanism(
    "reverse_transfer",
    step("decide_not_to_prosecute", PROCURATORATE, (), "under_review", binds=(AGENCY,)),
    (
        step("suspend", PROCURATORATE, ("under_review",), "suspended"),
        step("resume", PROCURATORATE, ("suspended",), "under_review"),
        step("consult_elsewhere", PROCURATORATE, ("under_review",), "consulting_elsewhere"),
        step("hear_back", PROCURATORATE, ("consulting_elsewhere",), "under_review"),
        step("extend_review", PROCURATORATE, ("under_review",), None, post="chief"),
        step("send_opinion", PROCURATORATE, ("under_review",), "delivered", form=OpinionForm),
        step("reply", AGENCY, ("delivered",), "replied"),
        step("remind", PROCURATORATE, ("delivered",), None, when=(Past("reply"),)),
        step("escalate", PROCURATORATE, ("delivered",), "escalated", when=(Past("reply"), Taken("remind"))),
        step("reply_late", AGENCY, ("escalated",), "replied"),
    ),
    (
        clock(
            "review",
            PROCURATORATE,
            workdays(10),
            after=("decide_not_to_prosecute",),
            met_by=("send_opinion",),
            paused_during=("suspended", "consulting_elsewhere"),
            extensions=(Extension(step="extend_review", length=workdays(5), added=True, cite=CITE),),
        ),
        clock("delivery", PROCURATORATE, days(3), during=("under_review",), kind=Kind.SOFT),
        clock(
            "reply",
            AGENCY,
            FromForm("reply_days", Unit.DAYS, otherwise=months(2)),
            after=("send_opinion",),
            met_by=("reply", "reply_late"),
            reminders=(
                Reminder(offset=days(7), to=("agency",)),
                Reminder(offset=days(1), after=True, to=("agency", "superior", "procuratorate")),
            ),
        ),
        clock(
            "follow_up",
            PROCURATORATE,
            FromSetting("reverse_transfer.follow_up", months(3)),
            during=("replied",),
        ),
    ),
)

# Filing supervision: clocks that run for one kind of request only; several at once that start and end apart.
SUPERVISION = mechanism(
    "filing_supervision",
    step("receive", PROCURATORATE, (), "received", form=KindForm, binds=(POLICE,)),
    (
        step("demand_reasons", PROCURATORATE, ("received",), "reasons_demanded"),
        step("give_reasons", POLICE, ("reasons_demanded",), "reasons_received"),
        step("notify", PROCURATORATE, ("reasons_received",), "notified"),
        step("file_with_superior", PROCURATORATE, ("notified",), None),
        step("comply", POLICE, ("notified",), "complied"),
        step("object", POLICE, ("notified",), "reconsidering"),
        step("decide", PROCURATORATE, ("reconsidering",), "notified"),
    ),
    (
        clock(
            "reasons",
            POLICE,
            days(7),
            during=("reasons_demanded",),
            when=(FieldIs("kind", ("overdue", "should_file")),),
        ),
        clock(
            "never", POLICE, days(1), during=("reasons_demanded",), when=(FieldIs("kind", ("should_file",)),)
        ),
        clock("compliance", POLICE, days(15), after=("notify",), met_by=("comply",)),
        clock("filing_above", PROCURATORATE, days(5), after=("notify",), met_by=("file_with_superior",)),
        clock(
            "objection",
            POLICE,
            days(5),
            kind=Kind.RIGHT,
            after=("notify",),
            met_by=("object",),
            closes=("object",),
        ),
        # The examination begins where the time to comply ends.
        clock("examination", PROCURATORATE, months(1), follows="compliance", met_by=("decide",)),
    ),
)

# Minors: a person's acts are recorded by a unit; at once without a number; a query that pauses; a yearly cycle;
# counting back from a hearing; a minimum that opens a step; a term from a form; a length by choice.
SCREENING = mechanism(
    "employment_screening",
    step("request", SCHOOL, (), "requested", binds=(POLICE,)),
    (
        step("verify", POLICE, ("requested",), "verifying"),
        step("answer_clear", POLICE, ("requested", "verifying"), "clear"),
        step("ask_again", SCHOOL, ("clear",), "requested"),
        step("answer_hit", POLICE, ("requested", "verifying"), "hit"),
        step("serve", POLICE, ("hit",), None, form=AnswerForm),
        step("object", VICTIM, ("hit",), "in_review"),
        step("set_hearing", POLICE, ("in_review",), None, form=HearingForm),
        step("notify_hearing", POLICE, ("in_review",), None),
        step("uphold", POLICE, ("in_review",), "banned", form=TermForm),
        step("shorten", POLICE, ("banned",), "clear"),
    ),
    (
        clock(
            "answer",
            POLICE,
            workdays(3),
            after=("request",),
            met_by=("answer_clear", "answer_hit"),
            paused_during=("verifying",),
        ),
        clock(
            "first_questions",
            POLICE,
            FromSetting("screening.first_questions"),
            after=("request",),
            met_by=("verify",),
        ),
        clock("recheck", SCHOOL, years(1), kind=Kind.CYCLE, after=("answer_clear",), met_by=("ask_again",)),
        clock(
            "objection",
            VICTIM,
            ByChoice("instrument", {"judgment": days(15), "ruling": days(10)}),
            kind=Kind.RIGHT,
            after=("serve",),
            met_by=("object",),
            closes=("object",),
        ),
        clock(
            "hearing_notice",
            POLICE,
            days(3),
            after=("set_hearing",),
            met_by=("notify_hearing",),
            counts_from="hearing_on",
            backward=True,
        ),
        clock("reflection", POLICE, hours(1), kind=Kind.MINIMUM, during=("in_review",), opens=("uphold",)),
        clock(
            "term",
            SCHOOL,
            FromForm("term_months", Unit.MONTHS),
            kind=Kind.VALIDITY,
            after=("uphold",),
            counts_from="runs_from",
            roll=False,
        ),
    ),
)


class PointsForm(Form):
    points: list[str] = Field(min_length=1, max_length=20, examples=[["补查询", "建台账"]])


class PointForm(Form):
    point: int = Field(ge=1, le=20, examples=[1])


# A suggestion followed to effect: points that are each answered, verified, revisited, and opened again; the matter
# closes on verified points only.
POINT_STEPS = ("report_point", "verify_point", "reject_point", "reopen_point")
RECTIFICATION = mechanism(
    "rectification",
    step("suggest", PROCURATORATE, (), "delivered", form=PointsForm, binds=(AGENCY,)),
    (
        step("report_point", AGENCY, ("delivered",), None, form=PointForm),
        step(
            "verify_point",
            PROCURATORATE,
            ("delivered",),
            None,
            form=PointForm,
            when=(ItemLast("points", "point", among=POINT_STEPS, steps=("report_point",)),),
        ),
        step(
            "reject_point",
            PROCURATORATE,
            ("delivered",),
            None,
            form=PointForm,
            when=(ItemLast("points", "point", among=POINT_STEPS, steps=("report_point",)),),
        ),
        step("revisit_point", PROCURATORATE, ("delivered", "closed"), None, form=PointForm),
        step(
            "reopen_point",
            PROCURATORATE,
            ("closed",),
            "delivered",
            form=PointForm,
            when=(ItemLast("points", "point", among=POINT_STEPS, steps=("verify_point",)),),
        ),
        step(
            "close",
            PROCURATORATE,
            ("delivered",),
            "closed",
            when=(
                Each(
                    "points",
                    "point",
                    done=("verify_point",),
                    undone=("report_point", "reject_point", "reopen_point"),
                ),
            ),
        ),
        step("archive", PROCURATORATE, ("closed",), "archived"),
    ),
    (
        clock(
            "revisit",
            PROCURATORATE,
            months(3),
            after=("verify_point",),
            met_by=("revisit_point",),
            item="point",
        ),
    ),
)

TRIALS = (REVERSE, SUPERVISION, SCREENING, RECTIFICATION)
