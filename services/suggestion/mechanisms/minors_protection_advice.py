"""未成年人保护建议: a unit that failed in its protective duty is advised, and answers in writing within a month."""

from typing import Annotated

from pydantic import Field

from shared.mechanism.grammar import (
    Clock,
    Form,
    Law,
    Mechanism,
    Paper,
    Party,
    Past,
    Reminder,
    State,
    Step,
    days,
    months,
)

MINORS = Law("未成年人保护法", "", "2024-04-26")

PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",))
ADVISED = Party("advised", "被建议单位", kinds=("school", "employer", "administrative_organ", "other"))


class Advice(Form):
    number: Annotated[str, Field(max_length=100)] = Field(examples=["洛检建〔2026〕8号"])
    problem: Annotated[str, Field(min_length=1, max_length=10_000)] = Field(examples=["未落实入职查询制度。"])


class Answer(Form):
    measures: Annotated[str, Field(min_length=1, max_length=10_000)] = Field(
        examples=["已对全部在岗人员完成查询。"]
    )


MECHANISM = Mechanism(
    key="minors_protection_advice",
    path="minors-protection-advice",
    title="未成年人保护建议",
    title_en="Advice on the protection of minors",
    basis=MINORS,
    edition="2024-04-26",
    parties=(PROCURATORATE, ADVISED),
    states=(
        State("issued", "已发出"),
        State("answered", "已书面回复"),
        State("closed", "办结", ends=True),
    ),
    opening=Step(
        key="issue",
        title="发出建议",
        by=PROCURATORATE,
        to="issued",
        said="issued",
        form=Advice,
        papers=(Paper("letter", "建议书"),),
        binds=(ADVISED,),
        cite=MINORS("114"),
    ),
    steps=(
        Step(
            key="answer",
            title="书面回复",
            by=ADVISED,
            source=("issued",),
            to="answered",
            said="answered",
            form=Answer,
            papers=(Paper("reply", "书面回复"),),
            cite=MINORS("114"),
        ),
        Step(
            key="urge",
            title="督促回复",
            by=PROCURATORATE,
            source=("issued",),
            when=(Past("reply"),),
            said="urged",
            cite=MINORS("114"),
        ),
        Step(
            key="close",
            title="办结",
            by=PROCURATORATE,
            source=("answered",),
            to="closed",
            said="closed",
            cite=MINORS("114"),
        ),
    ),
    clocks=(
        Clock(
            key="reply",
            title="书面回复",
            on=ADVISED,
            during=("issued",),
            length=months(1),
            reminders=(Reminder(offset=days(7), to=("advised",)),),
            cite=MINORS("114"),
        ),
    ),
)
