"""监督线索: a missed duty or an upheld refusal, and what the procuratorate makes of it. Nothing is issued by itself."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.suggestion.mechanisms.procuratorial_suggestion import SUGGESTIONS, Line, Number, Text, Type
from shared.mechanism.grammar import (
    Clock,
    FieldIs,
    Form,
    FromSetting,
    Kind,
    Law,
    Mark,
    Mechanism,
    NotTaken,
    Party,
    State,
    Step,
    workdays,
)

PROSECUTION_RULES = Law("人民检察院刑事诉讼规则", "", "2019")

PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",))


class Instrument(StrEnum):
    """What the procuratorate may answer with; documents of different law, never one for another (12)."""

    PROCURATORIAL_SUGGESTION = "procuratorial_suggestion"  # 检察建议
    PROCURATORIAL_OPINION = "procuratorial_opinion"  # 检察意见
    DEMAND_FOR_REASONS = "demand_for_reasons"  # 要求说明理由
    VIOLATION_NOTICE = "violation_notice"  # 纠正违法通知


ELSEWHERE = tuple(each.value for each in Instrument if each is not Instrument.PROCURATORIAL_SUGGESTION)

UnitCode = Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,32}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Cause(Form):
    """What happened, by ids: where it stands in full is the matter itself."""

    service: Word = Field(examples=["referral"])
    mechanism: Word = Field(examples=["forward_transfer"])
    matter: UUID = Field(examples=["6f1c2a34-9d7e-4a51-8a0e-2f6f0c9b7d11"])
    version: int = Field(ge=1, le=10_000, description="The entry of its history", examples=[9])
    what: Word = Field(description="A missed clock, or the step that was taken", examples=["decision"])
    number: int | None = Field(None, ge=1, le=10_000, description="Which run of the clock")
    due_at: AwareDatetime | None = None
    addressee: UnitCode = Field(description="The unit concerned", examples=["LY-GA-329"])
    instrument: Instrument = Field(examples=["demand_for_reasons"])
    articles: list[Line] = Field(
        min_length=1, max_length=20, examples=[["《人民检察院刑事诉讼规则》(2019) 562"]]
    )
    others: list[Instrument] = Field([], max_length=10, description="What else may lawfully follow")


class Change(Form):
    instrument: Instrument = Field(examples=["procuratorial_suggestion"])
    articles: list[Line] = Field(
        min_length=1, max_length=20, examples=[["《人民检察院检察建议工作规定》(2019-02-26) 9"]]
    )
    addressee: UnitCode = Field(examples=["LY-GA-329"])
    reasons: Text = Field(examples=["同一单位多次逾期，宜以检察建议推动整改。"])


class Suggestion(Form):
    """With what the suggestion is opened; it then goes its own way, from investigation on."""

    type: Type = Field(examples=["correction"])
    situation: Text = Field(examples=["立案审查屡次逾期，属于普遍性、倾向性违法问题。"])
    breach: Line = Field(examples=["立案审查逾期"])
    field: Line = Field(examples=["行刑衔接"])


class Approval(Form):
    reasons: Text = Field(examples=["逾期属实，应当要求说明理由。"])


class Discarding(Form):
    reasons: Text = Field(examples=["已在当日作出决定，回执补录有误。"])


class Issued(Form):
    number: Number


MECHANISM = Mechanism(
    key="supervision_draft",
    path="supervision-drafts",
    title="监督线索",
    title_en="Supervision draft",
    basis=PROSECUTION_RULES,
    edition="2019",
    parties=(PROCURATORATE,),
    states=(
        State("prepared", "待审"),
        State("approved", "已采用", ends=True),
        State("discarded", "不采用", ends=True),
    ),
    opening=Step(
        key="prepare",
        title="形成监督线索",
        by=PROCURATORATE,
        to="prepared",
        said="prepared",
        form=Cause,
        # Mostly the service prepares it, and then the unit is told.
        tells=(PROCURATORATE,),
        cite=(PROSECUTION_RULES("557"), PROSECUTION_RULES("562"), SUGGESTIONS("13")),
    ),
    steps=(
        Step(
            key="change",
            title="变更监督方式",
            by=PROCURATORATE,
            source=("prepared",),
            said="changed",
            form=Change,
            tells=(),
            cite=SUGGESTIONS("12"),
        ),
        Step(
            key="approve_suggestion",
            title="采用，提出检察建议",
            by=PROCURATORATE,
            source=("prepared",),
            when=(FieldIs("instrument", (Instrument.PROCURATORIAL_SUGGESTION,)),),
            to="approved",
            said="approved",
            form=Suggestion,
            tells=(),
            opens=("procuratorial_suggestion",),
            cite=SUGGESTIONS("13"),
        ),
        Step(
            key="approve",
            title="采用",
            by=PROCURATORATE,
            source=("prepared",),
            when=(FieldIs("instrument", ELSEWHERE),),
            to="approved",
            said="approved",
            form=Approval,
            tells=(),
            cite=(PROSECUTION_RULES("557"), PROSECUTION_RULES("562")),
        ),
        Step(
            key="discard",
            title="不采用",
            by=PROCURATORATE,
            source=("prepared",),
            to="discarded",
            said="discarded",
            form=Discarding,
            tells=(),
            cite=SUGGESTIONS("13", Mark.DESIGN),
        ),
        Step(
            key="record_number",
            title="登记制发文书文号",
            by=PROCURATORATE,
            source=("approved",),
            when=(FieldIs("instrument", ELSEWHERE), NotTaken("record_number")),
            said="number_recorded",
            form=Issued,
            tells=(),
            cite=SUGGESTIONS("12", Mark.DESIGN),
        ),
    ),
    clocks=(
        Clock(
            key="decision",
            title="决定是否采用",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("prepared",),
            length=FromSetting("supervision_draft.decision", workdays(5)),
            cite=SUGGESTIONS("13", Mark.LOCAL),
        ),
    ),
)
