"""未履行强制报告义务: somebody who had to report knew and did not; checked, and put to whoever can discipline it.

No field takes words: what was found out stands in the papers.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.minors.mechanisms.mandatory_report import (
    DOMESTIC_VIOLENCE,
    MINORS,
    OPINION_2020,
    PROCURATORATE,
    REPORTING_KINDS,
    SUPERVISING_KINDS,
    Number,
    ObligatedSubject,
)
from shared.mechanism.grammar import (
    Clock,
    Form,
    Law,
    Mark,
    Mechanism,
    NotTaken,
    Paper,
    Party,
    Past,
    Reminder,
    State,
    Step,
    days,
    months,
)

SUPERVISION = Law("监察法", "", "2024-12-25")

POLICE = Party("police", "公安机关", kinds=("public_security",))
# They learn of the matter when they are asked: not before.
OBLIGED_UNIT = Party("obliged_unit", "负有报告义务的单位", kinds=REPORTING_KINDS)
SUPERVISING_AUTHORITY = Party("supervising_authority", "主管行政机关", kinds=SUPERVISING_KINDS)
COMMISSION = Party("commission", "监察机关", kinds=("supervisory_commission",))

LOOKING_INTO = (PROCURATORATE, POLICE)
ASKED = (OBLIGED_UNIT, SUPERVISING_AUTHORITY)

Post = Literal["head", "deputy_head", "department_head", "staff", "official"]


class Finding(Form):
    """Who had to report, and from where it is known that this was not done."""

    obligated_subject: ObligatedSubject = Field(examples=["education"])
    source: Literal["case", "inspection", "complaint", "other_organ"] = Field(examples=["case"])


class Check(Form):
    """Who knew, by post and not by name, since when, and what came of it."""

    who_knew: Annotated[list[Post], Field(min_length=1, max_length=5)] = Field(examples=[["staff"]])
    known_since: date = Field(examples=["2026-03-02"])
    reported_late: bool = Field(False, description="Reported in the end, but not at once")
    serious_consequences: bool = Field(
        description="造成严重后果: discipline follows (未保法 117)", examples=[True]
    )
    superior_obstructed: bool = Field(
        False, description="A superior stopped staff from reporting: dealt with more heavily"
    )
    record_number: Number = Field(examples=["伊检核〔2026〕4号"])


class Asking(Form):
    """建议处理; with which suggestion, where one was issued."""

    measure: Literal["discipline", "training", "rectification"] = Field(examples=["discipline"])
    number: Number = Field(examples=["伊检建〔2026〕8号"])


class Disposition(Form):
    """What was done, or that nothing was, and why."""

    disposition: Literal[
        "warning",  # 警告
        "demerit",  # 记过
        "serious_demerit",  # 记大过
        "demotion",  # 降级
        "removal",  # 撤职
        "dismissal",  # 开除
        "criticism",  # 批评教育、诫勉
        "training",  # 培训
        "transferred_to_justice",  # 移送司法
        "none",  # 不予处理
    ] = Field(examples=["warning"])
    reason_for_none: (
        Literal["no_duty", "did_not_know", "reported_otherwise", "slight", "left_office"] | None
    ) = None
    decision_number: Number | None = Field(None, examples=["伊教处〔2026〕2号"])


class Transfer(Form):
    letter_number: Number = Field(examples=["伊检移〔2026〕5号"])


class Closing(Form):
    outcome: Literal["disposed", "no_failure", "not_provable"] = Field(examples=["disposed"])


MECHANISM = Mechanism(
    key="failure_to_report",
    path="failures-to-report",
    title="未履行强制报告义务",
    title_en="Failure to report",
    basis=MINORS,
    edition="2024-04-26",
    parties=(PROCURATORATE, POLICE, OBLIGED_UNIT, SUPERVISING_AUTHORITY, COMMISSION),
    overseers=(PROCURATORATE,),
    states=(
        State("found", "已发现"),
        State("checked", "已核查"),
        State("disposition_asked", "已建议处理"),
        State("sent_to_supervision", "已移送监察机关"),
        State("sent_to_police", "已移送公安机关"),
        State("disposed", "已处理"),
        State("closed", "办结", ends=True),
    ),
    opening=Step(
        key="find",
        title="发现未履行报告义务",
        by=PROCURATORATE,
        to="found",
        said="found",
        form=Finding,
        shown_to=LOOKING_INTO,
        tells=(),
        cite=(MINORS("11(2)"), MINORS("117"), DOMESTIC_VIOLENCE("35"), OPINION_2020("16", Mark.TO_CONFIRM)),
    ),
    entrances=(
        Step(
            key="find_in_case",
            title="办案中发现未履行报告义务",
            by=POLICE,
            to="found",
            said="found",
            form=Finding,
            shown_to=LOOKING_INTO,
            tells=(PROCURATORATE,),
            cite=(MINORS("11(2)"), MINORS("117"), OPINION_2020("16", Mark.TO_CONFIRM)),
        ),
    ),
    steps=(
        Step(
            key="check",
            title="核查",
            by=PROCURATORATE,
            source=("found",),
            to="checked",
            said="checked",
            form=Check,
            papers=(Paper("check_record", "核查材料"),),
            shown_to=LOOKING_INTO,
            tells=(POLICE,),
            cite=(MINORS("105"), MINORS("117")),
        ),
        Step(
            key="ask_unit",
            title="建议所在单位处理",
            by=PROCURATORATE,
            source=("checked",),
            to="disposition_asked",
            said="disposition_asked",
            form=Asking,
            papers=(Paper("suggestion_paper", "建议书"),),
            binds=(OBLIGED_UNIT,),
            shown_to=(*LOOKING_INTO, OBLIGED_UNIT),
            tells=(POLICE, OBLIGED_UNIT),
            cite=(MINORS("114"), MINORS("117")),
        ),
        Step(
            key="ask_authority",
            title="建议主管部门处理",
            by=PROCURATORATE,
            source=("checked", "disposition_asked"),
            when=(NotTaken("ask_authority"),),
            to="disposition_asked",
            said="disposition_asked",
            form=Asking,
            papers=(Paper("suggestion_paper", "建议书"),),
            binds=(SUPERVISING_AUTHORITY,),
            shown_to=(*LOOKING_INTO, SUPERVISING_AUTHORITY),
            tells=(POLICE, SUPERVISING_AUTHORITY),
            cite=(MINORS("114"), MINORS("117"), DOMESTIC_VIOLENCE("35")),
        ),
        Step(
            key="urge_unit",
            title="督促所在单位回复",
            by=PROCURATORATE,
            source=("disposition_asked",),
            when=(Past("unit_reply"),),
            said="reply_urged",
            shown_to=(*LOOKING_INTO, OBLIGED_UNIT),
            tells=(OBLIGED_UNIT,),
            cite=MINORS("114"),
        ),
        Step(
            key="urge_authority",
            title="督促主管部门回复",
            by=PROCURATORATE,
            source=("disposition_asked",),
            when=(Past("authority_reply"),),
            said="reply_urged",
            shown_to=(*LOOKING_INTO, SUPERVISING_AUTHORITY),
            tells=(SUPERVISING_AUTHORITY,),
            cite=MINORS("114"),
        ),
        Step(
            key="reply",
            title="书面回复处理情况",
            by=ASKED,
            source=("disposition_asked",),
            to="disposed",
            said="disposed",
            form=Disposition,
            papers=(Paper("written_reply", "书面回复"),),
            shown_to=(*LOOKING_INTO, *ASKED),
            tells=LOOKING_INTO,
            cite=(MINORS("114"), MINORS("117")),
        ),
        # Officials who long neglect the duty, and crimes.
        Step(
            key="send_to_supervision",
            title="移送监察机关",
            by=PROCURATORATE,
            source=("checked", "disposition_asked"),
            to="sent_to_supervision",
            said="sent_to_supervision",
            form=Transfer,
            papers=(Paper("transfer_letter", "问题线索移送函"),),
            binds=(COMMISSION,),
            shown_to=(*LOOKING_INTO, COMMISSION),
            tells=(COMMISSION,),
            cite=(SUPERVISION("34", Mark.TO_CONFIRM), OPINION_2020("17", Mark.TO_CONFIRM)),
        ),
        Step(
            key="send_to_police",
            title="移送公安机关",
            by=PROCURATORATE,
            source=("checked", "disposition_asked"),
            to="sent_to_police",
            said="sent_to_police",
            form=Transfer,
            papers=(Paper("transfer_letter", "涉嫌犯罪线索移送函"),),
            binds=(POLICE,),
            shown_to=LOOKING_INTO,
            tells=(POLICE,),
            cite=(MINORS("129(2)"), OPINION_2020("16", Mark.TO_CONFIRM)),
        ),
        Step(
            key="report_disposition",
            title="反馈监察处理情况",
            by=COMMISSION,
            source=("sent_to_supervision",),
            to="disposed",
            said="disposed",
            form=Disposition,
            shown_to=(*LOOKING_INTO, COMMISSION),
            tells=(PROCURATORATE,),
            cite=OPINION_2020("17", Mark.TO_CONFIRM),
        ),
        Step(
            key="report_outcome",
            title="反馈公安处理情况",
            by=POLICE,
            source=("sent_to_police",),
            to="disposed",
            said="disposed",
            form=Disposition,
            shown_to=LOOKING_INTO,
            tells=(PROCURATORATE,),
            cite=OPINION_2020("16", Mark.TO_CONFIRM),
        ),
        Step(
            key="close_no_failure",
            title="经核查不构成未履行报告义务，办结",
            by=PROCURATORATE,
            source=("checked",),
            to="closed",
            said="closed",
            form=Closing,
            shown_to=LOOKING_INTO,
            tells=(POLICE,),
            cite=MINORS("117"),
        ),
        Step(
            key="close",
            title="办结",
            by=PROCURATORATE,
            source=("disposed",),
            to="closed",
            said="closed",
            form=Closing,
            cite=MINORS("117"),
        ),
    ),
    clocks=(
        Clock(
            key="unit_reply",
            title="所在单位书面回复",
            on=OBLIGED_UNIT,
            after=("ask_unit",),
            met_by=("reply",),
            dropped_by=("send_to_supervision", "send_to_police"),
            length=months(1),
            reminders=(
                Reminder(offset=days(7), to=("obliged_unit",), merges=True),
                Reminder(offset=days(1), after=True, to=("obliged_unit", "superior")),
            ),
            cite=MINORS("114"),
        ),
        Clock(
            key="authority_reply",
            title="主管部门书面回复",
            on=SUPERVISING_AUTHORITY,
            after=("ask_authority",),
            met_by=("reply",),
            dropped_by=("send_to_supervision", "send_to_police"),
            length=months(1),
            reminders=(
                Reminder(offset=days(7), to=("supervising_authority",), merges=True),
                Reminder(offset=days(1), after=True, to=("supervising_authority", "superior")),
            ),
            cite=MINORS("114"),
        ),
    ),
)
