"""打击报复申诉: who reported and suffers for it, or was kept from it, turns to the procuratorate and to nobody else.

The police are no party. What was told, and by whom, is a secret of the procuratorate's own.
"""

from typing import Annotated, Literal

from pydantic import Field

from services.minors.mechanisms.mandatory_report import (
    CRIMINAL_PROCEDURE,
    LEGAL_SUPERVISION,
    OPINION_2020,
    PERSONAL_INFORMATION,
    PERSONAL_REQUEST,
    PROCURATORATE,
    REPORTING_KINDS,
    Channel,
    Erasure,
    Number,
    SecretLine,
    SecretText,
)
from shared.mechanism.grammar import (
    ANY_OPEN_STATE,
    Basis,
    Clock,
    Form,
    FromSetting,
    Kind,
    Mark,
    Mechanism,
    NotTaken,
    Paper,
    Party,
    Purpose,
    Reminder,
    Secret,
    State,
    Step,
    minutes,
    workdays,
)

# The office whose report it was: only the procuratorate learns which.
REPORTER_UNIT = Party("reporter_unit", "报告单位", kinds=REPORTING_KINDS, shown_to=("procuratorate",))

INSIDE = (PROCURATORATE,)
BOTH = (REPORTER_UNIT, PROCURATORATE)


class Complaint(Form):
    """What was done to whom, by whom. All of it is sealed, and the procuratorate alone reads it."""

    narrative: SecretText = Field(examples=["报告后被调离原岗位。"])
    complainant: SecretLine | None = None
    phone: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    against: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="被申诉的单位和个人"
    )


class Told(Form):
    kind: Literal[
        "obstruction",  # 阻止报告
        "dismissal",  # 辞退、解聘
        "transfer",  # 调岗、降职
        "pay",  # 扣减待遇
        "threat",  # 威胁、恐吓
        "violence",  # 殴打、伤害
        "disclosure",  # 泄露报告人信息
        "other",
    ] = Field(examples=["transfer"])
    complaint: Complaint = Field(examples=[{"narrative": "报告后被调离原岗位。"}])


class TakenDown(Told):
    """A person's complaint, as the procuratorate took it down itself."""

    channel: Channel = Field(examples=["prosecution_hotline"])


class Supplement(Form):
    complaint: Complaint = Field(examples=[{"narrative": "补充情况。"}])


class Acceptance(Form):
    case_number: Number = Field(examples=["伊检控〔2026〕3号"])


class Plan(Form):
    measures: Annotated[
        list[Literal["hear_complainant", "hear_unit", "files", "inspect"]], Field(min_length=1, max_length=4)
    ] = Field(examples=[["hear_complainant"]])


class Handover(Form):
    """Where discipline is decided. The letter goes there; the matter stays between the two."""

    handed_to: Literal[
        "supervisory_commission", "supervising_authority", "public_security", "own_department"
    ] = Field(description="监察机关、主管部门、公安机关、本院有关部门", examples=["supervising_authority"])
    letter_number: Number = Field(examples=["伊检移〔2026〕6号"])


class Closing(Form):
    outcome: Literal["substantiated", "partly", "not_substantiated", "out_of_scope"] = Field(
        examples=["substantiated"]
    )


REPORTER_PROTECTION = Purpose(
    "reporter_protection",
    "保护报告人",
    Basis.STATUTORY_DUTY,
    (CRIMINAL_PROCEDURE("111"), OPINION_2020("15", Mark.TO_CONFIRM)),
)

COMPLAINT = Secret(
    key="complaint",
    title="申诉内容",
    prefix="T",
    form=Complaint,
    readers=dict.fromkeys(Complaint.model_fields, INSIDE),
    papers=INSIDE,
    owners=INSIDE,
    purposes=(REPORTER_PROTECTION, LEGAL_SUPERVISION, PERSONAL_REQUEST),
    cite=(CRIMINAL_PROCEDURE("111"), OPINION_2020("13", Mark.TO_CONFIRM)),
)

MECHANISM = Mechanism(
    key="retaliation_complaint",
    path="retaliation-complaints",
    title="强制报告打击报复申诉",
    title_en="Complaint of retaliation for a report",
    basis=OPINION_2020,
    edition="2020-05",
    parties=(REPORTER_UNIT, PROCURATORATE),
    overseers=(PROCURATORATE,),
    secrets=(COMPLAINT,),
    states=(
        State("complained", "已申诉"),
        State("accepted", "已受理"),
        State("investigating", "调查中"),
        State("handed_over", "已移交处理"),
        State("closed", "办结", ends=True),
    ),
    opening=Step(
        key="complain",
        title="提出申诉",
        by=REPORTER_UNIT,
        to="complained",
        said="complained",
        form=Told,
        papers=(Paper("evidence", "证据材料", required=False),),
        tells=INSIDE,
        cite=OPINION_2020("15", Mark.TO_CONFIRM),
    ),
    entrances=(
        Step(
            key="take_down",
            title="受理个人申诉并登记",
            by=PROCURATORATE,
            to="complained",
            said="taken_down",
            form=TakenDown,
            papers=(Paper("evidence", "证据材料", required=False),),
            tells=INSIDE,
            cite=(OPINION_2020("15", Mark.TO_CONFIRM), CRIMINAL_PROCEDURE("111")),
        ),
    ),
    steps=(
        Step(
            key="accept",
            title="受理",
            by=PROCURATORATE,
            source=("complained",),
            to="accepted",
            said="accepted",
            form=Acceptance,
            tells=(REPORTER_UNIT,),
            cite=OPINION_2020("15", Mark.TO_CONFIRM),
        ),
        Step(
            key="supplement",
            title="补充申诉",
            by=BOTH,
            source=ANY_OPEN_STATE,
            said="supplemented",
            form=Supplement,
            papers=(Paper("evidence", "证据材料", required=False),),
            tells=INSIDE,
            cite=OPINION_2020("15", Mark.TO_CONFIRM),
        ),
        Step(
            key="investigate",
            title="调查核实",
            by=PROCURATORATE,
            source=("accepted",),
            to="investigating",
            said="investigation_opened",
            form=Plan,
            shown_to=INSIDE,
            tells=(),
            cite=OPINION_2020("15", Mark.TO_CONFIRM),
        ),
        Step(
            key="hand_over",
            title="移交处理",
            by=PROCURATORATE,
            source=("investigating",),
            to="handed_over",
            said="handed_over",
            form=Handover,
            papers=(Paper("letter", "移送函"),),
            shown_to=INSIDE,
            tells=(),
            cite=(OPINION_2020("15", Mark.TO_CONFIRM), OPINION_2020("16", Mark.TO_CONFIRM)),
        ),
        Step(
            key="close",
            title="办结",
            by=PROCURATORATE,
            source=("investigating", "handed_over"),
            to="closed",
            said="closed",
            form=Closing,
            tells=(REPORTER_UNIT,),
            cite=OPINION_2020("15", Mark.TO_CONFIRM),
        ),
        Step(
            key="erase",
            title="删除个人信息",
            by=PROCURATORATE,
            post="data_officer",
            source=("closed",),
            when=(NotTaken("erase"),),
            said="erased",
            form=Erasure,
            papers=(Paper("erasure_decision", "删除决定"),),
            shown_to=INSIDE,
            tells=(),
            erases=True,
            cite=(PERSONAL_INFORMATION("19"), PERSONAL_INFORMATION("47")),
        ),
    ),
    clocks=(
        # No law sets a time; these are the deployment's own.
        Clock(
            key="acceptance",
            title="受理",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("complained",),
            length=FromSetting("retaliation_complaint.acceptance", workdays(5)),
            reminders=(Reminder(offset=minutes(0), to=("procuratorate", "superior")),),
            cite=OPINION_2020("15", Mark.LOCAL),
        ),
        Clock(
            key="investigation",
            title="调查核实",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("investigating",),
            length=FromSetting("retaliation_complaint.investigation"),
            cite=OPINION_2020("15", Mark.LOCAL),
        ),
        Clock(
            key="retention",
            title="个人信息保存期限",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("closed",),
            met_by=("erase",),
            length=FromSetting("retaliation_complaint.retention"),
            reminders=(Reminder(offset=minutes(0), to=("procuratorate",)),),
            cite=PERSONAL_INFORMATION("19", Mark.LOCAL),
        ),
    ),
)
