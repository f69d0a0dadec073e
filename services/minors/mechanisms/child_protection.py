"""保护救助: what is done for the child beside the case, in a matter of its own that never holds the report back.

Nothing here says who the child is, and no field takes words: an organ that is called in reads at the report what of the
child its own duty needs.
"""

from typing import Annotated, Literal

from pydantic import Field

from services.minors.mechanisms.mandatory_report import (
    DOMESTIC_VIOLENCE,
    MINORS,
    OPINION_2020,
    PROCURATORATE,
    Number,
)
from shared.mechanism.grammar import (
    ANY_OPEN_STATE,
    AnyOf,
    ByChoice,
    Cite,
    Clock,
    Form,
    FromSetting,
    Kind,
    Mark,
    Mechanism,
    NotTaken,
    Paper,
    Party,
    Reminder,
    State,
    Step,
    Taken,
    days,
    hours,
)

# It opens the matter itself, or the service does in its name when it accepts a report.
POLICE = Party("police", "公安机关", kinds=("public_security",))
# Those who help the child know of each other here (未保法 111), other than at the report.
CIVIL_AFFAIRS = Party("civil_affairs", "民政部门", kinds=("civil_affairs",))
EDUCATION_AUTHORITY = Party("education_authority", "教育行政部门", kinds=("education_authority",))
JUSTICE_BUREAU = Party("justice_bureau", "司法行政机关（法律援助）", kinds=("justice_bureau",))
WOMENS_FEDERATION = Party("womens_federation", "妇联", kinds=("womens_federation",))
YOUTH_LEAGUE = Party("youth_league", "共青团", kinds=("youth_league",))
RESIDENTS_COMMITTEE = Party("residents_committee", "居（村）民委员会", kinds=("residents_committee",))
RELIEF_BODY = Party("relief_body", "救助管理机构", kinds=("relief_body",))
COURT = Party("court", "人民法院", kinds=("court",))

INSIDE = (POLICE, PROCURATORATE)
# Who may apply for an order on the child's behalf (反家庭暴力法 23).
APPLICANTS = (POLICE, WOMENS_FEDERATION, RESIDENTS_COMMITTEE, RELIEF_BODY)
ABOUT_ORDERS = (*APPLICANTS, PROCURATORATE, COURT)
RELIEVING = (CIVIL_AFFAIRS, EDUCATION_AUTHORITY, JUSTICE_BUREAU, WOMENS_FEDERATION, YOUTH_LEAGUE)

Relief = Literal[
    "economic_help",  # 经济救助
    "psychological_aid",  # 心理干预
    "assessment",  # 评估
    "school",  # 转学安置、就学
    "legal_aid",  # 法律援助
    "medical_help",  # 医疗救助
    "family_support",  # 家庭支持
]


class Start(Form):
    ground: Literal["report_accepted", "found_by_police"] = "report_accepted"


class Medical(Form):
    measures: Annotated[
        list[Literal["treatment", "injury_examination", "psychological_first_aid", "record_keeping"]],
        Field(min_length=1, max_length=4),
    ] = Field(
        description="就医、伤情鉴定、心理急救、医疗机构保存诊疗记录",
        examples=[["treatment", "injury_examination"]],
    )


class ShelterGround(Form):
    """Which of the seven cases is at hand (未保法 92), and where the child is taken in (93)."""

    ground: Literal[
        "unknown_origin",  # 流浪乞讨或者身份不明，暂时查找不到监护人
        "guardian_missing",  # 监护人下落不明且无其他人可以担任监护人
        "guardian_prevented",  # 监护人因自身客观原因或者突发事件不能履行监护职责
        "guardian_neglects",  # 监护人拒绝或者怠于履行监护职责
        "guardian_incites",  # 监护人教唆、利用实施违法犯罪行为，需要被带离安置
        "guardian_endangers",  # 遭受监护人严重伤害或者面临人身安全威胁，需要被紧急安置
        "other_by_law",  # 法律规定的其他情形
    ] = Field(examples=["guardian_neglects"])
    placement: Literal["relative", "foster_family", "relief_body", "welfare_institution"] = Field(
        examples=["relief_body"]
    )
    decision_number: Number = Field(examples=["伊民护〔2026〕6号"])


class ShelterEnd(Form):
    """评估后送回监护人、转为长期监护 (未保法 93(2), 94), or the cause is gone."""

    ending: Literal["returned_to_guardian", "long_term_guardianship", "other_guardian", "cause_gone"] = Field(
        examples=["returned_to_guardian"]
    )
    assessment_number: Number = Field(examples=["伊民评〔2026〕6号"])


class ReliefAsked(Form):
    kinds: Annotated[list[Relief], Field(min_length=1, max_length=7)] = Field(
        examples=[["psychological_aid"]]
    )


class ReliefDone(Form):
    kinds: Annotated[list[Relief], Field(min_length=1, max_length=7)] = Field(
        examples=[["psychological_aid"]]
    )
    result: Literal["given", "partly", "declined_by_person", "not_needed"] = Field(examples=["given"])


class JudicialRelief(Form):
    decision: Literal["granted", "not_granted"] = Field(examples=["granted"])
    decision_number: Number = Field(examples=["伊检救助〔2026〕1号"])


class Application(Form):
    ground: Literal["violence", "threat_of_violence"] = Field(
        description="遭受家庭暴力或者面临家庭暴力的现实危险 (反家庭暴力法 23)", examples=["violence"]
    )


class ApplicationAccepted(Form):
    case_number: Number = Field(examples=["（2026）豫0329民保令3号"])
    urgency: Literal["ordinary", "urgent"] = Field(
        description="情况紧急的: the short time (反家庭暴力法 28)", examples=["urgent"]
    )


class Order(Form):
    decision: Literal["ordered", "dismissed"] = Field(examples=["ordered"])
    decision_number: Number = Field(examples=["（2026）豫0329民保令3号"])
    measures: Annotated[
        list[Literal["no_violence", "no_contact", "move_out", "other"]], Field(max_length=4)
    ] = Field([], description="反家庭暴力法 29")


class Admonishment(Form):
    measure: Literal["admonished", "admonished_and_guidance"] = Field(
        description="训诫；训诫并责令接受家庭教育指导 (未保法 118)", examples=["admonished"]
    )
    number: Number = Field(examples=["洛公（伊）训字〔2026〕2号"])


class Closing(Form):
    outcome: Literal["child_is_safe", "handed_to_long_term_care", "of_age", "not_needed"] = Field(
        examples=["child_is_safe"]
    )


def _start_relief(organ: Party, *cites: Cite) -> Step:
    """The police or the procuratorate ask an organ for the relief that is its own."""
    return Step(
        key=f"start_relief_{organ.key}",
        title=f"请{organ.title}开展救助",
        by=INSIDE,
        source=ANY_OPEN_STATE,
        said="relief_started",
        form=ReliefAsked,
        binds=(organ,),
        shown_to=(*INSIDE, organ),
        tells=(*INSIDE, organ),
        cite=cites,
    )


def _call_in(applicant: Party) -> Step:
    """One that may apply for an order learns of the matter."""
    return Step(
        key=f"call_in_{applicant.key}",
        title=f"通知{applicant.title}参与保护",
        by=INSIDE,
        source=ANY_OPEN_STATE,
        when=(NotTaken(f"call_in_{applicant.key}"),),
        said="applicant_called_in",
        binds=(applicant,),
        shown_to=(*INSIDE, applicant),
        tells=(*INSIDE, applicant),
        cite=DOMESTIC_VIOLENCE("23(2)"),
    )


MECHANISM = Mechanism(
    key="child_protection",
    path="child-protections",
    title="未成年人保护救助",
    title_en="Protection of a child",
    basis=MINORS,
    edition="2024-04-26",
    parties=(
        POLICE,
        PROCURATORATE,
        CIVIL_AFFAIRS,
        EDUCATION_AUTHORITY,
        JUSTICE_BUREAU,
        WOMENS_FEDERATION,
        YOUTH_LEAGUE,
        RESIDENTS_COMMITTEE,
        RELIEF_BODY,
        COURT,
    ),
    overseers=(PROCURATORATE,),
    secrets=(),
    states=(
        State("open", "保护救助中"),
        State("in_care", "临时监护中"),
        State("closed", "办结", ends=True),
    ),
    opening=Step(
        key="start",
        title="启动保护救助",
        by=POLICE,
        to="open",
        said="started",
        form=Start,
        shown_to=INSIDE,
        # Mostly the service opens it, and then the police are told.
        tells=INSIDE,
        cite=(MINORS("11(3)"), MINORS("111"), OPINION_2020("12", Mark.TO_CONFIRM)),
    ),
    steps=(
        Step(
            key="arrange_medical",
            title="协助就医、鉴定伤情",
            by=POLICE,
            source=ANY_OPEN_STATE,
            said="medical_arranged",
            form=Medical,
            shown_to=INSIDE,
            tells=(PROCURATORATE,),
            cite=(DOMESTIC_VIOLENCE("15(1)"), OPINION_2020("7", Mark.SECOND_HAND)),
        ),
        Step(
            key="ask_shelter",
            title="通知并协助民政部门安置",
            by=INSIDE,
            source=("open",),
            said="shelter_asked",
            binds=(CIVIL_AFFAIRS,),
            shown_to=(*INSIDE, CIVIL_AFFAIRS),
            tells=(*INSIDE, CIVIL_AFFAIRS),
            cite=(DOMESTIC_VIOLENCE("15(2)"), MINORS("92"), MINORS("96")),
        ),
        Step(
            key="place_in_shelter",
            title="临时监护安置",
            by=CIVIL_AFFAIRS,
            source=("open",),
            to="in_care",
            said="placed_in_shelter",
            form=ShelterGround,
            shown_to=(*INSIDE, CIVIL_AFFAIRS),
            tells=INSIDE,
            cite=(MINORS("92"), MINORS("93"), DOMESTIC_VIOLENCE("15(2)")),
        ),
        Step(
            key="end_shelter",
            title="结束临时监护",
            by=CIVIL_AFFAIRS,
            source=("in_care",),
            to="open",
            said="shelter_ended",
            form=ShelterEnd,
            papers=(Paper("assessment", "评估材料"),),
            shown_to=(*INSIDE, CIVIL_AFFAIRS),
            tells=INSIDE,
            cite=(MINORS("93(2)"), MINORS("94")),
        ),
        _start_relief(CIVIL_AFFAIRS, MINORS("111"), OPINION_2020("12", Mark.TO_CONFIRM)),
        _start_relief(EDUCATION_AUTHORITY, MINORS("111")),
        _start_relief(JUSTICE_BUREAU, MINORS("104"), MINORS("111"), DOMESTIC_VIOLENCE("19")),
        _start_relief(WOMENS_FEDERATION, MINORS("111"), DOMESTIC_VIOLENCE("22")),
        _start_relief(YOUTH_LEAGUE, MINORS("111"), DOMESTIC_VIOLENCE("22")),
        Step(
            key="report_relief",
            title="报告救助情况",
            by=RELIEVING,
            source=ANY_OPEN_STATE,
            said="relief_reported",
            form=ReliefDone,
            shown_to=(*INSIDE, *RELIEVING),
            tells=INSIDE,
            cite=MINORS("111"),
        ),
        Step(
            key="decide_judicial_relief",
            title="决定司法救助",
            by=PROCURATORATE,
            source=ANY_OPEN_STATE,
            said="judicial_relief_decided",
            form=JudicialRelief,
            shown_to=INSIDE,
            tells=(POLICE,),
            cite=(MINORS("104"), OPINION_2020("12", Mark.TO_CONFIRM)),
        ),
        # The protection order. A second application is made once the first is decided.
        _call_in(RESIDENTS_COMMITTEE),
        _call_in(RELIEF_BODY),
        Step(
            key="apply_protection_order",
            title="代为申请人身安全保护令",
            by=APPLICANTS,
            source=ANY_OPEN_STATE,
            when=(AnyOf((NotTaken("apply_protection_order"), Taken("decide_protection_order"))),),
            said="protection_order_applied_for",
            form=Application,
            papers=(Paper("application", "人身安全保护令申请书", required=False),),
            binds=(COURT,),
            shown_to=ABOUT_ORDERS,
            tells=(*INSIDE, COURT),
            cite=(DOMESTIC_VIOLENCE("23"), DOMESTIC_VIOLENCE("24"), MINORS("108")),
        ),
        Step(
            key="accept_application",
            title="受理人身安全保护令申请",
            by=COURT,
            source=ANY_OPEN_STATE,
            when=(Taken("apply_protection_order"),),
            said="application_accepted",
            form=ApplicationAccepted,
            shown_to=ABOUT_ORDERS,
            tells=APPLICANTS,
            cite=DOMESTIC_VIOLENCE("23"),
        ),
        Step(
            key="decide_protection_order",
            title="作出人身安全保护令或者驳回申请",
            by=COURT,
            source=ANY_OPEN_STATE,
            when=(Taken("accept_application"),),
            said="protection_order_decided",
            form=Order,
            papers=(Paper("ruling", "裁定书"),),
            shown_to=ABOUT_ORDERS,
            tells=(*APPLICANTS, PROCURATORATE),
            cite=(DOMESTIC_VIOLENCE("28"), DOMESTIC_VIOLENCE("29"), DOMESTIC_VIOLENCE("32")),
        ),
        Step(
            key="guardian_admonish",
            title="训诫监护人",
            by=INSIDE,
            source=ANY_OPEN_STATE,
            said="guardian_admonished",
            form=Admonishment,
            shown_to=INSIDE,
            tells=INSIDE,
            opens=("family_guidance",),
            cite=(MINORS("118(2)"), OPINION_2020("12", Mark.TO_CONFIRM)),
        ),
        Step(
            key="close",
            title="办结",
            by=INSIDE,
            source=("open",),
            to="closed",
            said="closed",
            form=Closing,
            cite=MINORS("111", Mark.DESIGN),
        ),
    ),
    clocks=(
        Clock(
            key="protection_order",
            title="作出人身安全保护令或者驳回申请",
            on=COURT,
            after=("accept_application",),
            met_by=("decide_protection_order",),
            dropped_by=("close",),
            length=ByChoice("urgency", {"ordinary": hours(72), "urgent": hours(24)}),
            reminders=(
                Reminder(offset=hours(4), to=("court",), merges=True),
                Reminder(offset=hours(4), after=True, to=("court", "superior")),
            ),
            cite=DOMESTIC_VIOLENCE("28"),
        ),
        # 及时: the law sets no number; two targets of the deployment's own.
        Clock(
            key="shelter",
            title="安置（及时）",
            on=CIVIL_AFFAIRS,
            kind=Kind.SOFT,
            after=("ask_shelter",),
            met_by=("place_in_shelter",),
            dropped_by=("close",),
            length=FromSetting("child_protection.shelter", hours(24)),
            reminders=(Reminder(offset=hours(0), to=("civil_affairs", "police", "procuratorate")),),
            cite=MINORS("92", Mark.LOCAL),
        ),
        Clock(
            key="care_review",
            title="评估临时监护",
            on=CIVIL_AFFAIRS,
            kind=Kind.SOFT,
            during=("in_care",),
            length=FromSetting("child_protection.care_review", days(30)),
            reminders=(Reminder(offset=days(3), to=("civil_affairs",), merges=True),),
            cite=MINORS("93(2)", Mark.LOCAL),
        ),
    ),
)
