"""行政公益诉讼: from a lead to the paper before a suit, the follow-up investigation, and the suit."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.suggestion.public_interest import PUBLIC_INTEREST
from shared.clocks.counting import Unit
from shared.mechanism.grammar import (
    ANY_OPEN_STATE,
    AnyOf,
    ByChoice,
    Clock,
    Extension,
    FieldIs,
    Form,
    FromForm,
    FromSetting,
    Kind,
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
    Taken,
    days,
    months,
)
from shared.mechanism.service_form import Service

RULES = Law("人民检察院公益诉讼办案规则", "", "2021-07-01")
INTERPRETATION = Law("最高人民法院、最高人民检察院关于检察公益诉讼案件适用法律若干问题的解释", "", "2020")
LITIGATION = Law("行政诉讼法", "", "2017")

ADMINISTRATIVE = (
    "administrative_organ",
    "public_security",
    "justice_bureau",
    "civil_affairs",
    "education_authority",
    "health_authority",
    "government",
)
OTHER_ORGANS = (*ADMINISTRATIVE, "court", "prison", "supervisory_commission", "school", "employer", "other")

PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",))
# It learns of the case when the filing decision is served on it: not before.
AGENCY = Party("agency", "行政机关", kinds=ADMINISTRATIVE)
SUPERIOR = Party("superior_procuratorate", "上一级人民检察院", kinds=("procuratorate",))
ENTRUSTED = Party("entrusted", "受委托调查的人民检察院", kinds=("procuratorate",))
RECEIVER = Party("receiver", "接收线索的主管机关", kinds=OTHER_ORGANS)
RECEIVING = Party("receiving_procuratorate", "受移送的人民检察院", kinds=("procuratorate",))
COURT = Party("court", "人民法院", recorded_by="procuratorate")

INSIDE = (PROCURATORATE,)
ABOVE = (PROCURATORATE, SUPERIOR)

LABEL = PUBLIC_INTEREST.document.label

# Where the agency has the suggestion and its effect is being looked into.
REVIEW = ("suggestion_served", "replied", "following_up", "suspended", "appraising")
IN_COURT = ("suit_filed", "claim_changed")
SINCE_SUIT = (*IN_COURT, "suit_withdrawn", "judged", "appealed", "judged_final", "closed")
SINCE_SUGGESTION = (*REVIEW, "terminated", "transferred_for_suit", "handled_by_receiver", *SINCE_SUIT)
# What still runs beside the main road is no longer owed when the case ends.
ENDING = (
    "terminate",
    "terminate_unidentified",
    "end_review",
    "report_outcome",
    "record_withdrawal_ruling",
    "close",
)
MINUTED = AnyOf((NotTaken("consult"), Taken("record_consultation")))
REPLIED = AnyOf((Past("reply"), Taken("reply"), Taken("reply_late")))
APPEAL_TIME = ByChoice("instrument", {"judgment": days(15), "ruling": days(10)})

# Before, at (the event of the missed duty itself), and after: the debtor, then the unit above it.
AGENCY_LADDER = (
    Reminder(offset=days(10), to=("agency",), merges=True),
    Reminder(offset=days(3), to=("agency",), merges=True),
    Reminder(offset=days(1), after=True, to=("agency", "superior")),
)
PROCURATORATE_LADDER = (
    Reminder(offset=days(1), to=("procuratorate",), merges=True),
    Reminder(offset=days(1), after=True, to=("procuratorate", "superior")),
)
EXAMINATION_LADDER = (
    Reminder(offset=days(7), to=("procuratorate",), merges=True),
    Reminder(offset=days(3), to=("procuratorate",), merges=True),
    Reminder(offset=days(1), after=True, to=("procuratorate", "superior")),
)

Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Number = Annotated[str, Field(min_length=1, max_length=100, examples=["洛检行公立〔2026〕11号"])]
Officer = Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,32}$", examples=["JC-4103-0021"])]
UnitCode = Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,32}$", examples=["LY-ZF-300"])]


def _known_field(key: str) -> str:
    if all(key != each.key for each in PUBLIC_INTEREST.fields):
        raise PydanticCustomError("field_unknown", "public_interest.toml lists no such field of law")
    return key


def _each_once(codes: list[str]) -> list[str]:
    if len(set(codes)) < len(codes):
        raise PydanticCustomError("named_twice", "each unit is named once")
    return codes


FieldKey = Annotated[
    str,
    AfterValidator(_known_field),
    Field(json_schema_extra={"enum": [each.key for each in PUBLIC_INTEREST.fields]}),
]
Copies = Annotated[list[UnitCode], Field(min_length=1, max_length=20), AfterValidator(_each_once)]
# Never by one alone (36(1), 42(2)).
Officers = Annotated[list[Officer], Field(min_length=2, max_length=20)]


class LeadSource(StrEnum):
    """The six sources (24)."""

    COMPLAINT = "complaint"  # 控告、举报
    CASE = "case"  # 人民检察院办案中发现
    PLATFORM = "platform"  # 行政执法信息共享平台
    REFERRED = "referred"  # 国家机关、社会团体和人大代表、政协委员等转交
    MEDIA = "media"  # 新闻媒体、社会舆论
    OTHER = "other"  # 其他在履行职责中发现


class Lead(Form):
    source: LeadSource = Field(examples=["platform"])
    field: FieldKey = Field(
        description="领域, as listed in public_interest.toml", examples=[PUBLIC_INTEREST.fields[0].key]
    )
    facts: Text = Field(examples=["河道内长期堆放建筑垃圾，主管机关未处理。"])
    gravity: Literal["ordinary", "grave"] = Field(
        "ordinary", description="A grave lead is filed with the procuratorate above (25(1))"
    )
    suspected_agency: Line | None = Field(None, examples=["伊川县水利局"])


class LeadTransfer(Form):
    """To the procuratorate that has jurisdiction: of the same level, or above (26)."""

    jurisdiction: Literal["same_level", "superior"] = Field(examples=["same_level"])
    reasons: Text = Field(examples=["行政机关属邻县，由同级人民检察院管辖。"])
    notice_number: Number


class LeadHandover(Form):
    reasons: Text = Field(examples=["不属公益诉讼，属于主管机关处理的事项。"])
    notice_number: Number


class Assessment(Form):
    """真实性、可查性; the two conditions of filing (67)."""

    finding: Text = Field(examples=["线索真实、可查，公共利益受到侵害。"])
    harmed: bool = Field(description="国家利益或者社会公共利益受到侵害", examples=[True])
    possible_failure: bool = Field(description="行政机关可能违法行使职权或者不作为", examples=[True])
    gravity: Literal["ordinary", "grave"] | None = Field(
        None, description="Given where the assessment finds it otherwise than registered"
    )


class FilingKind(StrEnum):
    """The general ground of filing (67), or one of those about enforcement (68)."""

    GENERAL = "general"
    NOT_ENFORCED = "not_enforced"  # 怠于强制执行或者怠于申请强制执行
    SUBJECT_DISPOSED_OF = "subject_disposed_of"  # 违法处分执行标的
    NOT_ENFORCED_FOR_COURT = "not_enforced_for_court"  # 裁执分离, 不依法履职
    OTHER_ENFORCEMENT = "other_enforcement"


class Filing(Form):
    decision_number: Number
    filing_kind: FilingKind = Field(FilingKind.GENERAL, examples=["general"])
    agency_known: Literal["known", "unknown"] = Field(
        "known", description="Where the harm is grave, a case is filed before the agency is known (29)"
    )


class Identified(Form):
    agency_known: Literal["known"] = "known"
    basis: Text = Field(description="职责依据 (72)", examples=["河道管理条例和三定方案。"])


class ReasonedDecision(Form):
    decision_number: Number
    reasons: Text = Field(examples=["行政机关未违法行使职权，也未不作为。"])


class ConsultationCall(Form):
    way: Literal["meeting", "fact_letter"] = Field(
        description="磋商座谈会 or 事实确认书 (70(2))", examples=["meeting"]
    )
    subjects: Text = Field(examples=["是否存在不作为、损害后果和整改方案。"])


class Views(Form):
    views: Text = Field(examples=["对事实无异议，拟于一个月内清运。"])


class Minutes(Form):
    result: Text = Field(examples=["双方确认事实，行政机关提出整改方案。"])


class Plan(Form):
    """调查方案 (33)."""

    plan: Text = Field(examples=["现场勘验、调取执法卷宗、询问负责人员。"])
    officers: Officers = Field(examples=[["JC-4103-0021", "JC-4103-0034"]])


class Measure(StrEnum):
    """The ways of investigation (35): never force on persons or property."""

    FILES = "files"  # 查阅、调取、复制卷宗
    QUESTION = "question"  # 询问
    COLLECT = "collect"  # 收集证据
    CONSULT = "consult"  # 咨询专门问题
    APPRAISE = "appraise"  # 委托鉴定、评估、审计、检验、检测、翻译
    INSPECT = "inspect"  # 勘验物证、现场
    OTHER = "other"


class Evidence(Form):
    measure: Measure = Field(examples=["inspect"])
    officers: Officers = Field(examples=[["JC-4103-0021", "JC-4103-0034"]])
    note: Text = Field(examples=["现场勘验，堆放范围约两千平方米。"])


class Hearing(Form):
    """听证 (44); the panel and the others by post or capacity, not by name."""

    panel: list[Line] = Field(min_length=1, max_length=30, examples=[["听证员三名"]])
    heard: list[Line] = Field(min_length=1, max_length=50, examples=[["行政机关", "受害人代表"]])
    result: Text = Field(examples=["听证员认为应当限期清运。"])


class Entrustment(Service):
    """The letter of entrustment; the other procuratorate's time runs from the day on which it receives it (43)."""

    subjects: Text = Field(examples=["调取涉案企业在当地的登记和处罚材料。"])


class Findings(Form):
    findings: Text = Field(examples=["已调取登记材料，情况附后。"])


class Obstruction(Form):
    """To whom refusal or obstruction is reported (45): units that then may read the case."""

    facts: Text = Field(examples=["行政机关拒绝提供执法卷宗。"])
    copies: Copies = Field(examples=[["LY-ZF-300"]])


class LeadFound(Form):
    """A lead of a crime or of a breach of duty or discipline (31): where it was sent stays inside."""

    about: Literal["crime", "duty_crime", "discipline"] = Field(examples=["crime"])
    sent_to: Line = Field(description="The department or the organ", examples=["本院刑事检察部门"])
    facts: Text = Field(examples=["涉嫌污染环境犯罪。"])


class Termination(Form):
    """Which ground of 74(1) is at hand."""

    decision_number: Number
    ending_ground: Literal["no_failure", "protected", "rectified", "other"] = Field(examples=["rectified"])
    reasons: Text = Field(examples=["行政机关已经全面采取整改措施依法履行职责。"])


class Claim(StrEnum):
    """What can be claimed from the court (83(1)); the suggestion must match it (75(3))."""

    CONFIRM_UNLAWFUL = "confirm_unlawful"  # 确认违法或者无效
    REVOKE = "revoke"  # 撤销或者部分撤销
    PERFORM = "perform"  # 依法履行法定职责
    CHANGE = "change"  # 变更行政行为


class SuggestionDecision(Form):
    """What the paper rests on and how urgent it is (75(2); 解释 21(2))."""

    facts: Text = Field(examples=["河道内堆放建筑垃圾约两千平方米，影响行洪。"])
    failure: Text = Field(examples=["主管机关未依法责令清除。"])
    legal_basis: Text = Field(examples=["行政诉讼法第二十五条第四款"])
    claims: list[Claim] = Field(min_length=1, max_length=4, examples=[["perform"]])
    urgency: Literal["ordinary", "harm_growing"] = Field(
        description="harm_growing: 损害继续扩大等紧急情形, the short period for the reply",
        examples=["ordinary"],
    )
    urgency_reason: Text | None = None

    @model_validator(mode="after")
    def _urgent_for_a_reason(self) -> Self:
        if self.urgency == "harm_growing" and self.urgency_reason is None:
            raise PydanticCustomError("urgency_reason_missing", "the short period needs urgency_reason")
        return self


class SuggestionService(Service):
    """What is served: acted_at is the day on which the agency received it."""

    document_number: Number
    proposals: list[Text] = Field(min_length=1, max_length=50, examples=[["依法责令清除河道内的建筑垃圾。"]])
    correction_period: Line = Field(
        description="整改期限, as printed in the paper (75(2)(7))", examples=["收到之日起两个月内"]
    )


class Reply(Form):
    """书面回复: what was done, with the evidence."""

    reply: Text = Field(examples=["已责令清除并清运完毕，证据附后。"])


class FollowUp(Form):
    """跟进调查 (77): what the agency did, and how the public interest stands."""

    performance: Literal["performed", "partly", "not_performed"] = Field(examples=["performed"])
    finding: Text = Field(examples=["现场已清理，行洪恢复。"])


class Suspension(Form):
    """All of it must hold (78(1)): done in time what could be done, an event from outside, no idleness."""

    decision_number: Number
    done_in_time: Text = Field(examples=["整改期限内已制定整改方案并开始清运。"])
    obstacle: Text = Field(examples=["汛期无法施工。"])


class Resumption(Form):
    decision_number: Number
    reasons: Text = Field(examples=["汛期结束，中止原因消除。"])


class Appraisal(Form):
    appraisal: Literal["expert", "evaluation", "audit", "examination", "testing", "translation"] = Field(
        examples=["testing"]
    )
    institution: Line = Field(examples=["河南省某环境监测机构"])


class AppraisalResult(Form):
    result: Text = Field(examples=["检测报告已收到。"])


class Approval(Form):
    approval_number: Number
    reasons: Text = Field(examples=["案件重大、复杂。"])


class MoreTime(Form):
    more_months: Annotated[int, Field(ge=1, le=24)] = Field(examples=[1])
    approval_number: Number


class Reasons(Form):
    reasons: Text = Field(examples=["案件复杂，尚需补充调查。"])


class SuitTransfer(Form):
    reasons: Text = Field(examples=["行政诉讼由邻县人民法院集中管辖。"])


class Receipt(Form):
    receipt_number: Number


class Outcome(Form):
    outcome: Literal["sued", "terminated"] = Field(examples=["sued"])
    document_number: Number


class Suit(Form):
    """A suit needs one of the seven ways of not having performed the duty (82)."""

    not_performed: Literal[
        "no_reply_no_measures",
        "measures_not_carried_out",
        "replied_without_rectifying",
        "still_bound_beside_criminal_case",
        "obstacle_gone_not_resumed",
        "measures_unlawful",
        "other",
    ] = Field(examples=["replied_without_rectifying"])
    claims: list[Claim] = Field(min_length=1, max_length=4, examples=[["perform"]])
    complaint_number: Number
    court_name: Line = Field(examples=["伊川县人民法院"])


class HearingNotice(Form):
    hearing_on: date = Field(examples=["2026-12-20"])


class Representatives(Form):
    officers: list[Officer] = Field(min_length=1, max_length=20, examples=[["JC-4103-0021"]])


class Submission(Form):
    case_number: Line = Field(description="The court's case number", examples=["（2026）豫0329行初18号"])


class Judgment(Form):
    """A judgment or ruling of first instance; acted_at is the day on which the procuratorate received it."""

    case_number: Line = Field(examples=["（2026）豫0329行初18号"])
    instrument: Literal["judgment", "ruling"] = Field(examples=["judgment"])
    verdict: Literal[
        "confirmed_unlawful", "revoked", "ordered_to_perform", "changed", "dismissed", "none"
    ] = Field(
        description="One of the five outcomes of a judgment (解释 25(1)); none: a ruling on procedure",
        examples=["ordered_to_perform"],
    )
    agency_served_on: date | None = Field(
        None, description="Where the agency was served on another day than the procuratorate"
    )
    government_told: bool = Field(
        False, description="The court has told the agency's government the result (解释 25(2))"
    )

    @model_validator(mode="after")
    def _a_judgment_has_an_outcome(self) -> Self:
        if self.instrument == "judgment" and self.verdict == "none":
            raise PydanticCustomError("verdict_missing", "a judgment needs one of the five outcomes")
        return self


class AppealGrounds(Form):
    appeal_number: Number
    grounds: Text = Field(examples=["认定事实错误，适用法律不当。"])


class Instruction(Form):
    """上一级人民检察院的指令 (61): to appeal, or to withdraw the appeal."""

    instruction: Literal["appeal", "withdraw_appeal"] = Field(examples=["withdraw_appeal"])
    reasons: Text = Field(examples=["上诉不当。"])


class FinalJudgment(Form):
    final_case_number: Line = Field(examples=["（2026）豫03行终7号"])
    final_verdict: Literal["upheld", "changed", "appeal_withdrawn"] = Field(examples=["upheld"])


class Performance(Form):
    performance_report: Text = Field(examples=["已按判决履行监督管理职责。"])


class Closing(Form):
    enforced: Literal["performed", "enforced_by_court", "nothing_to_enforce"] = Field(examples=["performed"])
    note: Text = Field(examples=["判决已履行，公共利益得到保护。"])


class Recusal(Form):
    """Who, by post, does not take part, and why (19, 20)."""

    whose: Line = Field(examples=["承办检察官"])
    reasons: Text = Field(examples=["与行政机关主要负责人有近亲属关系。"])


class RecusalDecision(Form):
    recused: bool = Field(examples=[False])
    decided_by: Literal["chief", "committee"] = Field(
        description="检察长, or 检察委员会 about the 检察长 (22)", examples=["chief"]
    )
    reasons: Text = Field(examples=["不存在应当回避的情形。"])


MECHANISM = Mechanism(
    key="public_interest_litigation",
    path="public-interest-litigation",
    title="行政公益诉讼",
    title_en="Administrative public-interest litigation",
    basis=RULES,
    edition="2021-07-01",
    parties=(PROCURATORATE, AGENCY, SUPERIOR, ENTRUSTED, RECEIVER, RECEIVING, COURT),
    states=(
        State("lead", "线索"),
        State("lead_transferred", "线索已移送", ends=True),
        State("assessed", "已评估"),
        State("not_filed", "不立案", ends=True),
        State("filed", "立案"),
        State("filed_served", "立案决定书已送达"),
        State("consulting", "磋商"),
        State("investigating", "调查"),
        State("terminated", "终结案件", ends=True),
        State("suggestion_decided", f"决定提出{LABEL}"),
        State("suggestion_served", f"{LABEL}已送达"),
        # Not an end, nor near one: only the follow-up investigation tells what the reply is worth.
        State("replied", "已书面回复"),
        State("following_up", "跟进调查"),
        State("suspended", "中止审查"),
        State("appraising", "委托鉴定等期间"),
        State("transferred_for_suit", "移送其他人民检察院起诉"),
        State("handled_by_receiver", "受移送人民检察院已处理", ends=True),
        State("suit_filed", "已提起诉讼"),
        State("claim_changed", "已变更诉讼请求"),
        State("suit_withdrawn", "已决定撤回起诉"),
        State("judged", "一审已裁判"),
        State("appealed", "上诉"),
        State("judged_final", "二审已裁判"),
        State("closed", "办结", ends=True),
    ),
    opening=Step(
        key="register_lead",
        title="登记线索",
        by=PROCURATORATE,
        to="lead",
        said="lead_registered",
        form=Lead,
        shown_to=(*ABOVE, RECEIVER, RECEIVING),
        tells=(),
        cite=(RULES("24"), RULES("25(1)")),
    ),
    steps=(
        # The lead: nobody outside the procuratorates learns of it, but for the organ that it is handed to.
        Step(
            key="report_grave_lead",
            title="重大案件线索报上一级人民检察院备案",
            by=PROCURATORATE,
            source=("lead", "assessed", "filed"),
            when=(FieldIs("gravity", ("grave",)), NotTaken("report_grave_lead")),
            said="grave_lead_reported",
            papers=(Paper("lead_report", "重大案件线索备案报告"),),
            binds=(SUPERIOR,),
            shown_to=ABOVE,
            tells=(SUPERIOR,),
            cite=RULES("25(1)"),
        ),
        # Who gets it may not send it back (26(1)): there is no such step.
        Step(
            key="transfer_lead",
            title="移送有管辖权的人民检察院",
            by=PROCURATORATE,
            source=("lead",),
            to="lead_transferred",
            said="lead_transferred",
            form=LeadTransfer,
            papers=(Paper("transfer_notice", "移送案件线索通知书或者报请移送案件线索意见书"),),
            binds=(RECEIVING,),
            shown_to=(PROCURATORATE, RECEIVING),
            tells=(RECEIVING,),
            cite=RULES("26"),
        ),
        Step(
            key="hand_over_lead",
            title="移送主管机关",
            by=PROCURATORATE,
            source=("lead",),
            to="lead_transferred",
            said="lead_transferred",
            form=LeadHandover,
            papers=(Paper("transfer_notice", "线索移送函"),),
            binds=(RECEIVER,),
            shown_to=(PROCURATORATE, RECEIVER),
            tells=(RECEIVER,),
            cite=RULES("31"),
        ),
        Step(
            key="assess",
            title="评估线索",
            by=PROCURATORATE,
            source=("lead",),
            to="assessed",
            said="assessed",
            form=Assessment,
            papers=(Paper("preliminary_report", "初步调查报告", required=False),),
            shown_to=ABOVE,
            tells=(),
            cite=RULES("27"),
        ),
        Step(
            key="decline_filing",
            title="不立案",
            by=PROCURATORATE,
            post="chief",
            source=("assessed",),
            to="not_filed",
            said="filing_declined",
            form=ReasonedDecision,
            papers=(Paper("approval_form", "立案审批表"), Paper("non_filing_decision", "不立案决定书")),
            shown_to=ABOVE,
            tells=(),
            cite=RULES("30"),
        ),
        Step(
            key="file",
            title="立案",
            by=PROCURATORATE,
            post="chief",
            source=("assessed",),
            to="filed",
            said="filed",
            form=Filing,
            papers=(Paper("approval_form", "立案审批表"), Paper("filing_decision", "立案决定书")),
            shown_to=ABOVE,
            tells=(),
            cite=(
                RULES("28"),
                RULES("29"),
                RULES("30"),
                RULES("67"),
                RULES("68"),
                LITIGATION("25(4)"),
            ),
        ),
        Step(
            key="identify_agency",
            title="查明行政机关",
            by=PROCURATORATE,
            source=("filed",),
            when=(FieldIs("agency_known", ("unknown",)),),
            said="agency_identified",
            form=Identified,
            shown_to=ABOVE,
            tells=(),
            cite=(RULES("29"), RULES("72")),
        ),
        Step(
            key="terminate_unidentified",
            title="终结案件（未能查明行政机关）",
            by=PROCURATORATE,
            post="chief",
            source=("filed",),
            when=(FieldIs("agency_known", ("unknown",)),),
            to="terminated",
            said="terminated",
            form=ReasonedDecision,
            papers=(
                Paper("investigation_report", "调查终结报告"),
                Paper("termination_decision", "终结案件决定书"),
            ),
            shown_to=ABOVE,
            tells=(),
            cite=(RULES("29"), RULES("74(1)")),
        ),
        # From here on the agency knows. Where a paper is served, the day of the service is the day of the act.
        Step(
            key="serve_filing",
            title="送达立案决定书",
            by=PROCURATORATE,
            source=("filed",),
            when=(FieldIs("agency_known", ("known",)),),
            to="filed_served",
            said="filing_served",
            form=Service,
            papers=(Paper("filing_decision", "立案决定书"), Paper("service_receipt", "送达回证")),
            binds=(AGENCY,),
            tells=(AGENCY,),
            cite=RULES("70(1)"),
        ),
        Step(
            key="consult",
            title="磋商",
            by=PROCURATORATE,
            source=("filed_served",),
            to="consulting",
            said="consultation_opened",
            form=ConsultationCall,
            papers=(Paper("fact_letter", "事实确认书", required=False),),
            tells=(AGENCY,),
            cite=RULES("70"),
        ),
        Step(
            key="give_views",
            title="发表磋商意见",
            by=AGENCY,
            source=("consulting",),
            said="views_given",
            form=Views,
            papers=(Paper("written_views", "书面意见或者整改方案", required=False),),
            tells=(PROCURATORATE,),
            cite=RULES("70"),
        ),
        Step(
            key="record_consultation",
            title="形成磋商会议记录或者纪要",
            by=PROCURATORATE,
            source=("consulting",),
            said="consultation_recorded",
            form=Minutes,
            papers=(Paper("minutes", "会议记录或者纪要等书面材料"),),
            tells=(AGENCY,),
            cite=RULES("70(2)"),
        ),
        Step(
            key="investigate",
            title="制定调查方案，开展调查",
            by=PROCURATORATE,
            source=("filed_served", "consulting"),
            when=(MINUTED,),
            to="investigating",
            said="investigation_opened",
            form=Plan,
            papers=(Paper("plan", "调查方案"),),
            shown_to=INSIDE,
            tells=(),
            cite=(RULES("33"), RULES("36(1)"), RULES("71")),
        ),
        Step(
            key="collect_evidence",
            title="调查收集证据",
            by=PROCURATORATE,
            source=("filed", "filed_served", "investigating", *REVIEW, *IN_COURT),
            said="evidence_collected",
            form=Evidence,
            papers=(Paper("evidence", "笔录和证据材料"),),
            shown_to=INSIDE,
            tells=(),
            cite=(RULES("32"), RULES("34"), RULES("35"), RULES("36"), RULES("55"), RULES("77")),
        ),
        Step(
            key="hold_hearing",
            title="组织听证",
            by=PROCURATORATE,
            source=("investigating", "following_up"),
            said="hearing_held",
            form=Hearing,
            papers=(Paper("hearing_record", "听证材料"),),
            tells=(AGENCY,),
            cite=RULES("44"),
        ),
        Step(
            key="entrust_investigation",
            title="委托异地人民检察院调查",
            by=PROCURATORATE,
            source=("investigating", "following_up"),
            said="investigation_entrusted",
            form=Entrustment,
            papers=(Paper("entrustment", "委托书"),),
            binds=(ENTRUSTED,),
            shown_to=(PROCURATORATE, ENTRUSTED),
            tells=(ENTRUSTED,),
            cite=RULES("43"),
        ),
        Step(
            key="report_findings",
            title="回复委托调查情况",
            by=ENTRUSTED,
            source=ANY_OPEN_STATE,
            when=(Taken("entrust_investigation"),),
            said="findings_reported",
            form=Findings,
            papers=(Paper("findings_report", "调查情况回复"),),
            shown_to=(PROCURATORATE, ENTRUSTED),
            tells=(PROCURATORATE,),
            cite=RULES("43"),
        ),
        Step(
            key="report_obstruction",
            title="报告、通报妨碍调查的情况",
            by=PROCURATORATE,
            source=("filed_served", "consulting", "investigating", *REVIEW),
            said="obstruction_reported",
            form=Obstruction,
            papers=(Paper("obstruction_report", "报告或者通报"),),
            tells=(),
            copies="copies",
            cite=RULES("45"),
        ),
        # Nobody is bound by it: the agency could read from the parties that somebody investigates its people.
        Step(
            key="refer_lead",
            title="移送犯罪或者职务违法、违纪线索",
            by=PROCURATORATE,
            source=ANY_OPEN_STATE,
            said="other_lead_referred",
            form=LeadFound,
            papers=(Paper("lead_letter", "线索移送函"),),
            shown_to=INSIDE,
            tells=(),
            cite=RULES("31"),
        ),
        Step(
            key="terminate",
            title="调查终结，终结案件",
            by=PROCURATORATE,
            post="chief",
            source=("consulting", "investigating"),
            when=(MINUTED,),
            to="terminated",
            said="terminated",
            form=Termination,
            papers=(
                Paper("investigation_report", "调查终结报告"),
                Paper("termination_decision", "终结案件决定书"),
            ),
            tells=(AGENCY,),
            cite=(RULES("73"), RULES("74")),
        ),
        Step(
            key="serve_termination",
            title="送达终结案件决定书",
            by=PROCURATORATE,
            source=("terminated",),
            when=(NotTaken("serve_termination"), NotTaken("terminate_unidentified")),
            said="termination_served",
            form=Service,
            papers=(Paper("service_receipt", "送达回证"),),
            tells=(AGENCY,),
            cite=RULES("74(2)"),
        ),
        # The suggestion.
        Step(
            key="decide_suggestion",
            title=f"决定提出{LABEL}",
            by=PROCURATORATE,
            post="chief",
            source=("consulting", "investigating"),
            when=(MINUTED,),
            to="suggestion_decided",
            said="suggestion_decided",
            form=SuggestionDecision,
            papers=(Paper("investigation_report", "调查终结报告"), Paper("suggestion_paper", LABEL)),
            shown_to=ABOVE,
            tells=(),
            cite=(RULES("73"), RULES("75"), INTERPRETATION("21")),
        ),
        # Refused, it is left at the address, and the time runs all the same (76(2)).
        Step(
            key="serve_suggestion",
            title=f"送达{LABEL}",
            by=PROCURATORATE,
            source=("suggestion_decided",),
            to="suggestion_served",
            said="suggestion_served",
            form=SuggestionService,
            papers=(
                Paper("suggestion_paper", LABEL),
                Paper("service_receipt", "送达回证"),
                Paper("service_recording", "送达过程的照片、录像", required=False),
            ),
            tells=(AGENCY,),
            cite=RULES("76"),
        ),
        Step(
            key="file_suggestion",
            title=f"{LABEL}报上一级人民检察院备案",
            by=PROCURATORATE,
            source=SINCE_SUGGESTION,
            when=(Taken("serve_suggestion"), NotTaken("file_suggestion")),
            said="suggestion_reported",
            papers=(Paper("suggestion_copy", f"{LABEL}副本"),),
            binds=(SUPERIOR,),
            shown_to=ABOVE,
            tells=(SUPERIOR,),
            cite=RULES("75(1)"),
        ),
        Step(
            key="reply",
            title="书面回复",
            by=AGENCY,
            source=("suggestion_served",),
            to="replied",
            said="replied",
            form=Reply,
            papers=(Paper("reply_letter", "书面回复"), Paper("evidence", "整改证据", required=False)),
            tells=(PROCURATORATE,),
            cite=INTERPRETATION("21(2)"),
        ),
        # The follow-up investigation: no road leads from the suggestion to an end but through it.
        Step(
            key="start_follow_up",
            title="跟进调查",
            by=PROCURATORATE,
            source=("suggestion_served", "replied"),
            to="following_up",
            said="follow_up_started",
            tells=(AGENCY,),
            cite=RULES("77"),
        ),
        # The same reply, where it comes after the follow-up has begun, in time or not.
        Step(
            key="reply_late",
            title="书面回复（跟进调查期间）",
            by=AGENCY,
            source=("following_up", "suspended", "appraising"),
            when=(NotTaken("reply"), NotTaken("reply_late")),
            said="replied",
            form=Reply,
            papers=(Paper("reply_letter", "书面回复"), Paper("evidence", "整改证据", required=False)),
            tells=(PROCURATORATE,),
            cite=INTERPRETATION("21(2)"),
        ),
        Step(
            key="record_follow_up",
            title="登记跟进调查结果",
            by=PROCURATORATE,
            source=("following_up",),
            said="followed_up",
            form=FollowUp,
            papers=(Paper("field_notes", "跟进调查笔录和证据材料"),),
            tells=(AGENCY,),
            cite=RULES("77"),
        ),
        # The rules ask to file it above; that the agency is told is practice.
        Step(
            key="suspend",
            title="中止审查",
            by=PROCURATORATE,
            post="chief",
            source=("following_up",),
            to="suspended",
            said="suspended",
            form=Suspension,
            papers=(Paper("suspension_decision", "中止审查决定书"),),
            binds=(SUPERIOR,),
            tells=(SUPERIOR, AGENCY),
            cite=(RULES("78"), RULES("78(2)", Mark.LOCAL)),
        ),
        Step(
            key="resume",
            title="恢复审查",
            by=PROCURATORATE,
            source=("suspended",),
            to="following_up",
            said="resumed",
            form=Resumption,
            papers=(Paper("resumption_decision", "恢复审查决定书"),),
            tells=(SUPERIOR, AGENCY),
            cite=RULES("78(2)"),
        ),
        Step(
            key="start_appraisal",
            title="委托鉴定、评估、审计、检验、检测、翻译",
            by=PROCURATORATE,
            source=("following_up",),
            to="appraising",
            said="appraisal_started",
            form=Appraisal,
            papers=(Paper("appraisal_letter", "委托鉴定（评估、审计、检验、检测、翻译）函"),),
            shown_to=INSIDE,
            tells=(),
            cite=(RULES("41"), RULES("48")),
        ),
        Step(
            key="end_appraisal",
            title="鉴定、评估、审计、检验、检测、翻译完成",
            by=PROCURATORATE,
            source=("appraising",),
            to="following_up",
            said="appraisal_ended",
            form=AppraisalResult,
            papers=(Paper("appraisal_result", "鉴定意见等"),),
            shown_to=INSIDE,
            tells=(),
            cite=(RULES("41"), RULES("48")),
        ),
        Step(
            key="extend_examination",
            title="延长审查起诉期限一个月",
            by=PROCURATORATE,
            post="chief",
            source=("following_up",),
            said="examination_extended",
            form=Approval,
            papers=(Paper("extension_approval", "延长审查起诉期限审批文书"),),
            shown_to=ABOVE,
            tells=(),
            cite=RULES("47(4)"),
        ),
        Step(
            key="request_more_time",
            title="报请上一级人民检察院批准再延长",
            by=PROCURATORATE,
            source=("following_up",),
            when=(Taken("extend_examination"),),
            said="more_time_requested",
            form=Reasons,
            papers=(Paper("extension_request", "延长审查起诉期限请示"),),
            binds=(SUPERIOR,),
            shown_to=ABOVE,
            tells=(SUPERIOR,),
            cite=RULES("47(4)"),
        ),
        Step(
            key="approve_more_time",
            title="批准再延长审查起诉期限",
            by=SUPERIOR,
            source=("following_up",),
            when=(Taken("request_more_time"),),
            said="examination_extended",
            form=MoreTime,
            papers=(Paper("extension_approval", "延长审查起诉期限批复"),),
            shown_to=ABOVE,
            tells=(PROCURATORATE,),
            cite=RULES("47(4)"),
        ),
        Step(
            key="end_review",
            title="审查终结，终结案件",
            by=PROCURATORATE,
            post="chief",
            source=("following_up",),
            when=(Taken("record_follow_up"),),
            to="terminated",
            said="terminated",
            form=Termination,
            papers=(
                Paper("review_report", "审查终结报告"),
                Paper("termination_decision", "终结案件决定书"),
            ),
            tells=(AGENCY,),
            cite=(RULES("79"), RULES("80"), RULES("74")),
        ),
        # The suit itself is then the other procuratorate's case; here stands only that it took it, and what came of it.
        Step(
            key="transfer_for_suit",
            title="移送其他人民检察院起诉",
            by=PROCURATORATE,
            source=("following_up",),
            when=(Taken("record_follow_up"),),
            to="transferred_for_suit",
            said="transferred_for_suit",
            form=SuitTransfer,
            papers=(Paper("review_report", "审查终结报告"), Paper("case_file", "案卷材料")),
            binds=(RECEIVING,),
            shown_to=(*ABOVE, RECEIVING),
            tells=(RECEIVING, SUPERIOR),
            cite=(RULES("16"), RULES("47(3)"), RULES("79")),
        ),
        Step(
            key="designate_for_suit",
            title="指定其他人民检察院起诉",
            by=SUPERIOR,
            source=("following_up",),
            when=(Taken("request_more_time"), Taken("record_follow_up")),
            to="transferred_for_suit",
            said="transferred_for_suit",
            form=SuitTransfer,
            papers=(Paper("designation", "指定管辖决定书"),),
            binds=(RECEIVING,),
            shown_to=(*ABOVE, RECEIVING),
            tells=(PROCURATORATE, RECEIVING),
            cite=(RULES("47(4)"), RULES("17")),
        ),
        Step(
            key="receive_for_suit",
            title="收到移送起诉的案件",
            by=RECEIVING,
            source=("transferred_for_suit",),
            when=(NotTaken("receive_for_suit"),),
            said="received_for_suit",
            form=Receipt,
            shown_to=(*ABOVE, RECEIVING),
            tells=(PROCURATORATE,),
            cite=RULES("47(3)"),
        ),
        Step(
            key="report_outcome",
            title="通报受移送案件的处理结果",
            by=RECEIVING,
            source=("transferred_for_suit",),
            when=(Taken("receive_for_suit"),),
            to="handled_by_receiver",
            said="outcome_reported",
            form=Outcome,
            papers=(Paper("outcome_paper", "公益诉讼起诉书或者终结案件决定书"),),
            tells=(PROCURATORATE, AGENCY),
            cite=(RULES("79"), RULES("47(3)", Mark.DESIGN)),
        ),
        # The suit. The day on which the complaint reaches the court is the day of the act.
        Step(
            key="sue",
            title="提起行政公益诉讼",
            by=PROCURATORATE,
            source=("following_up",),
            when=(Taken("record_follow_up"), REPLIED),
            to="suit_filed",
            said="sued",
            form=Suit,
            papers=(
                Paper("review_report", "审查终结报告"),
                Paper("complaint", "公益诉讼起诉书"),
                Paper("proof_of_harm", "公共利益受到侵害的证明材料"),
                Paper("proof_of_pretrial", "已经履行诉前程序的证明材料"),
            ),
            tells=(AGENCY,),
            cite=(RULES("46"), RULES("81"), RULES("82"), RULES("83"), INTERPRETATION("22")),
        ),
        Step(
            key="file_complaint",
            title="公益诉讼起诉书报上一级人民检察院备案",
            by=PROCURATORATE,
            source=SINCE_SUIT,
            when=(Taken("sue"), NotTaken("file_complaint")),
            said="complaint_reported",
            papers=(Paper("complaint_copy", "公益诉讼起诉书副本"),),
            binds=(SUPERIOR,),
            shown_to=ABOVE,
            tells=(SUPERIOR,),
            cite=RULES("46(3)"),
        ),
        Step(
            key="record_hearing_notice",
            title="收到人民法院出庭通知书",
            by=COURT,
            source=IN_COURT,
            said="hearing_notified",
            form=HearingNotice,
            papers=(Paper("hearing_notice", "出庭通知书"),),
            tells=(AGENCY,),
            cite=RULES("49(2)"),
        ),
        Step(
            key="appoint_representatives",
            title="提交派员出庭通知书",
            by=PROCURATORATE,
            source=(*IN_COURT, "appealed"),
            when=(AnyOf((Taken("record_hearing_notice"), Taken("record_judgment"))),),
            said="representatives_appointed",
            form=Representatives,
            papers=(Paper("appearance_notice", "派员出庭通知书"),),
            tells=(),
            cite=(RULES("49(2)"), RULES("63")),
        ),
        Step(
            key="decide_withdrawal",
            title="决定撤回起诉",
            by=PROCURATORATE,
            post="chief",
            source=IN_COURT,
            to="suit_withdrawn",
            said="withdrawal_decided",
            form=ReasonedDecision,
            papers=(Paper("withdrawal_decision", "撤回起诉决定书"),),
            tells=(AGENCY,),
            cite=(RULES("84"), INTERPRETATION("24")),
        ),
        Step(
            key="decide_claim_change",
            title="决定变更诉讼请求（确认违法）",
            by=PROCURATORATE,
            post="chief",
            source=("suit_filed",),
            to="claim_changed",
            said="claim_change_decided",
            form=ReasonedDecision,
            papers=(Paper("change_decision", "变更诉讼请求决定书"),),
            tells=(AGENCY,),
            cite=(RULES("84"), INTERPRETATION("24")),
        ),
        Step(
            key="submit_decision",
            title="向人民法院提交撤回起诉或者变更诉讼请求决定书",
            by=PROCURATORATE,
            source=("suit_withdrawn", "claim_changed"),
            when=(NotTaken("submit_decision", since_entry=True),),
            said="decision_submitted",
            form=Submission,
            tells=(AGENCY,),
            cite=RULES("84(2)"),
        ),
        Step(
            key="record_withdrawal_ruling",
            title="收到准许撤诉裁定",
            by=COURT,
            source=("suit_withdrawn",),
            when=(Taken("submit_decision", since_entry=True),),
            to="closed",
            said="withdrawal_allowed",
            form=Submission,
            papers=(Paper("ruling", "准许撤诉裁定书"),),
            tells=(AGENCY, SUPERIOR),
            cite=INTERPRETATION("24"),
        ),
        Step(
            key="record_withdrawal_refusal",
            title="收到不准许撤诉裁定",
            by=COURT,
            source=("suit_withdrawn",),
            when=(Taken("submit_decision", since_entry=True),),
            to="suit_filed",
            said="withdrawal_refused",
            form=Submission,
            papers=(Paper("ruling", "不准许撤诉裁定书"),),
            tells=(AGENCY, SUPERIOR),
            cite=LITIGATION("62", Mark.TO_CONFIRM),
        ),
        Step(
            key="record_judgment",
            title="收到一审裁判",
            by=COURT,
            source=IN_COURT,
            to="judged",
            said="judged",
            form=Judgment,
            papers=(Paper("judgment", "一审判决书或者裁定书"), Paper("service_receipt", "送达回证")),
            tells=(AGENCY, SUPERIOR),
            cite=(INTERPRETATION("25"), LITIGATION("85")),
        ),
        Step(
            key="file_judgment",
            title="一审裁判报上一级人民检察院备案",
            by=PROCURATORATE,
            source=("judged", "appealed", "judged_final", "closed"),
            when=(Taken("record_judgment"), NotTaken("file_judgment", since_entry=True)),
            said="judgment_reported",
            papers=(Paper("judgment_copy", "一审判决书或者裁定书副本"),),
            binds=(SUPERIOR,),
            shown_to=ABOVE,
            tells=(SUPERIOR,),
            cite=RULES("58(1)"),
        ),
        Step(
            key="appeal",
            title="人民检察院上诉",
            by=PROCURATORATE,
            source=("judged", "appealed"),
            when=(NotTaken("appeal", since_entry=True),),
            to="appealed",
            said="appealed",
            form=AppealGrounds,
            papers=(Paper("appeal_paper", "公益诉讼上诉书"),),
            binds=(SUPERIOR,),
            tells=(SUPERIOR, AGENCY),
            cite=(RULES("58"), RULES("59"), RULES("60"), LITIGATION("85")),
        ),
        Step(
            key="appeal_by_agency",
            title="行政机关上诉",
            by=AGENCY,
            source=("judged", "appealed"),
            when=(NotTaken("appeal_by_agency", since_entry=True),),
            to="appealed",
            said="appealed",
            form=AppealGrounds,
            papers=(Paper("appeal_paper", "上诉状"),),
            tells=(PROCURATORATE,),
            cite=(RULES("62"), LITIGATION("85")),
        ),
        Step(
            key="record_appeal_copy",
            title="收到行政机关上诉状副本",
            by=COURT,
            source=("judged", "appealed"),
            to="appealed",
            said="appeal_copy_received",
            papers=(Paper("appeal_copy", "上诉状副本"),),
            tells=(),
            cite=RULES("62"),
        ),
        Step(
            key="report_agency_appeal",
            title="上诉状副本报上一级人民检察院",
            by=PROCURATORATE,
            source=("appealed", "judged_final", "closed"),
            when=(Taken("record_appeal_copy"), NotTaken("report_agency_appeal", since_entry=True)),
            said="agency_appeal_reported",
            papers=(Paper("appeal_copy", "上诉状副本"),),
            binds=(SUPERIOR,),
            shown_to=ABOVE,
            tells=(SUPERIOR,),
            cite=RULES("62"),
        ),
        Step(
            key="instruct_appeal",
            title="指令上诉或者撤回上诉",
            by=SUPERIOR,
            source=("judged", "appealed"),
            said="appeal_instructed",
            form=Instruction,
            shown_to=ABOVE,
            tells=(PROCURATORATE,),
            cite=RULES("61"),
        ),
        Step(
            key="withdraw_appeal",
            title="撤回上诉",
            by=PROCURATORATE,
            source=("appealed",),
            when=(Taken("appeal"), NotTaken("withdraw_appeal")),
            said="appeal_withdrawn",
            form=Reasons,
            tells=(AGENCY, SUPERIOR),
            cite=RULES("61(1)"),
        ),
        Step(
            key="record_final_judgment",
            title="收到二审裁判",
            by=COURT,
            source=("appealed",),
            to="judged_final",
            said="judged_finally",
            form=FinalJudgment,
            papers=(Paper("final_judgment", "二审判决书或者裁定书"),),
            tells=(AGENCY, SUPERIOR),
            cite=(RULES("63"), LITIGATION("89", Mark.TO_CONFIRM)),
        ),
        Step(
            key="record_remand",
            title="收到发回重审裁定",
            by=COURT,
            source=("appealed",),
            to="suit_filed",
            said="remanded",
            form=Submission,
            papers=(Paper("remand_ruling", "发回重审裁定书"),),
            tells=(AGENCY, SUPERIOR),
            cite=LITIGATION("89", Mark.TO_CONFIRM),
        ),
        Step(
            key="report_performance",
            title="报告履行裁判情况",
            by=AGENCY,
            source=("judged", "judged_final"),
            said="performance_reported",
            form=Performance,
            papers=(Paper("evidence", "履行情况的证据", required=False),),
            tells=(PROCURATORATE,),
            cite=RULES("66", Mark.DESIGN),
        ),
        Step(
            key="close",
            title="裁判生效、执行后办结",
            by=PROCURATORATE,
            source=("judged", "judged_final"),
            to="closed",
            said="closed",
            form=Closing,
            tells=(AGENCY, SUPERIOR),
            cite=RULES("66", Mark.DESIGN),
        ),
        # Beside the main road. The member asked about goes on taking part until it is decided (21(2), 23).
        Step(
            key="recuse",
            title="检察人员回避",
            by=PROCURATORATE,
            source=ANY_OPEN_STATE,
            said="recused",
            form=Recusal,
            shown_to=INSIDE,
            tells=(),
            cite=(RULES("19"), RULES("20"), RULES("22")),
        ),
        Step(
            key="ask_recusal",
            title="申请回避",
            by=AGENCY,
            source=ANY_OPEN_STATE,
            said="recusal_asked",
            form=Recusal,
            shown_to=(PROCURATORATE, AGENCY),
            tells=(PROCURATORATE,),
            cite=(RULES("21(1)"), RULES("23")),
        ),
        Step(
            key="decide_recusal",
            title="决定是否回避",
            by=PROCURATORATE,
            source=ANY_OPEN_STATE,
            when=(Taken("ask_recusal"),),
            said="recusal_decided",
            form=RecusalDecision,
            shown_to=(PROCURATORATE, AGENCY),
            tells=(AGENCY,),
            cite=(RULES("22"), RULES("23")),
        ),
        Step(
            key="ask_recusal_again",
            title="对回避决定申请复议",
            by=AGENCY,
            source=ANY_OPEN_STATE,
            when=(Taken("decide_recusal"),),
            said="recusal_reconsideration_asked",
            form=Reasons,
            shown_to=(PROCURATORATE, AGENCY),
            tells=(PROCURATORATE,),
            cite=RULES("23"),
        ),
        Step(
            key="decide_recusal_again",
            title="作出回避复议决定",
            by=PROCURATORATE,
            source=ANY_OPEN_STATE,
            when=(Taken("ask_recusal_again"),),
            said="recusal_reconsidered",
            form=RecusalDecision,
            shown_to=(PROCURATORATE, AGENCY),
            tells=(AGENCY,),
            cite=(RULES("22"), RULES("23")),
        ),
    ),
    clocks=(
        # The law sets no time for what comes before the suggestion; a deployment may set its own targets.
        Clock(
            key="assessment",
            title="评估线索",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("lead",),
            length=FromSetting("public_interest_litigation.assessment"),
            cite=RULES("27", Mark.LOCAL),
        ),
        Clock(
            key="filing_decision",
            title="决定是否立案",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("assessed",),
            length=FromSetting("public_interest_litigation.filing_decision"),
            cite=RULES("30", Mark.LOCAL),
        ),
        Clock(
            key="consultation",
            title="磋商",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("consulting",),
            length=FromSetting("public_interest_litigation.consultation"),
            cite=RULES("70", Mark.LOCAL),
        ),
        Clock(
            key="investigation",
            title="调查",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("investigating",),
            length=FromSetting("public_interest_litigation.investigation"),
            cite=RULES("73", Mark.LOCAL),
        ),
        # Where a case was filed before the agency was known, there is nobody to serve it on until it is.
        Clock(
            key="filing_service",
            title="送达立案决定书",
            on=PROCURATORATE,
            after=("file", "identify_agency"),
            when=(FieldIs("agency_known", ("known",)),),
            met_by=("serve_filing",),
            length=days(7),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("70(1)"),
        ),
        Clock(
            key="suggestion_service",
            title=f"送达{LABEL}",
            on=PROCURATORATE,
            after=("decide_suggestion",),
            met_by=("serve_suggestion",),
            length=days(3),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("76(1)"),
        ),
        Clock(
            key="suggestion_filing",
            title=f"{LABEL}报上一级人民检察院备案",
            on=PROCURATORATE,
            after=("serve_suggestion",),
            met_by=("file_suggestion",),
            length=days(5),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("75(1)"),
        ),
        # In two months the agency must have performed its duty and replied; in the short period it must have replied.
        Clock(
            key="reply",
            title="依法履行职责并书面回复",
            on=AGENCY,
            after=("serve_suggestion",),
            met_by=("reply", "reply_late"),
            dropped_by=("end_review", "transfer_for_suit", "designate_for_suit", "sue"),
            length=ByChoice(
                "urgency",
                {
                    "ordinary": FromSetting("public_interest_litigation.reply", months(2)),
                    "harm_growing": FromSetting("public_interest_litigation.reply_urgent", days(15)),
                },
            ),
            reminders=AGENCY_LADDER,
            cite=INTERPRETATION("21(2)"),
        ),
        # It begins where the time to put things right ends, however early the reply came. That the power to sue lapses
        # with it stands nowhere.
        Clock(
            key="examination",
            title="审查起诉",
            on=PROCURATORATE,
            follows="reply",
            met_by=("end_review", "transfer_for_suit", "designate_for_suit", "sue"),
            length=months(1),
            paused_during=("suspended", "appraising"),
            extensions=(
                Extension(step="extend_examination", length=months(1), added=True, cite=RULES("47(4)")),
                # How long, and how often, is for the procuratorate above.
                Extension(
                    step="approve_more_time",
                    length=FromForm("more_months", Unit.MONTHS),
                    added=True,
                    at_most=24,
                    cite=RULES("47(4)"),
                ),
            ),
            reminders=EXAMINATION_LADDER,
            cite=(RULES("47(1)"), RULES("48"), RULES("78")),
        ),
        Clock(
            key="receiver_examination",
            title="受移送人民检察院审查起诉",
            on=RECEIVING,
            after=("receive_for_suit",),
            met_by=("report_outcome",),
            length=months(1),
            reminders=(
                Reminder(offset=days(7), to=("receiving_procuratorate",), merges=True),
                Reminder(offset=days(1), after=True, to=("receiving_procuratorate", "superior")),
            ),
            cite=RULES("47(3)"),
        ),
        Clock(
            key="complaint_filing",
            title="公益诉讼起诉书报上一级人民检察院备案",
            on=PROCURATORATE,
            after=("sue",),
            met_by=("file_complaint",),
            length=days(5),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("46(3)"),
        ),
        Clock(
            key="decision_submission",
            title="向人民法院提交撤回起诉或者变更诉讼请求决定书",
            on=PROCURATORATE,
            after=("decide_withdrawal", "decide_claim_change"),
            met_by=("submit_decision",),
            dropped_by=("record_judgment",),
            length=days(3),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("84(2)"),
        ),
        Clock(
            key="appearance_notice",
            title="提交派员出庭通知书",
            on=PROCURATORATE,
            after=("record_hearing_notice",),
            met_by=("appoint_representatives",),
            dropped_by=("record_judgment", "record_withdrawal_ruling"),
            length=days(3),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("49(2)"),
        ),
        Clock(
            key="judgment_filing",
            title="一审裁判报上一级人民检察院备案",
            on=PROCURATORATE,
            after=("record_judgment",),
            met_by=("file_judgment",),
            dropped_by=("record_remand",),
            length=days(3),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("58(1)"),
        ),
        Clock(
            key="agency_appeal_report",
            title="上诉状副本报上一级人民检察院",
            on=PROCURATORATE,
            after=("record_appeal_copy",),
            met_by=("report_agency_appeal",),
            dropped_by=("record_remand",),
            length=days(3),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("62"),
        ),
        # Each side's time runs from the day on which that side was served.
        Clock(
            key="procuratorate_appeal",
            title="人民检察院上诉",
            on=PROCURATORATE,
            kind=Kind.RIGHT,
            after=("record_judgment",),
            met_by=("appeal",),
            dropped_by=("record_final_judgment", "record_remand", "close"),
            closes=("appeal",),
            length=APPEAL_TIME,
            reminders=(Reminder(offset=days(3), to=("procuratorate",), merges=True),),
            cite=LITIGATION("85"),
        ),
        Clock(
            key="agency_appeal",
            title="行政机关上诉",
            on=AGENCY,
            kind=Kind.RIGHT,
            after=("record_judgment",),
            counts_from="agency_served_on",
            met_by=("appeal_by_agency", "record_appeal_copy"),
            dropped_by=("record_final_judgment", "record_remand", "close"),
            closes=("appeal_by_agency",),
            length=APPEAL_TIME,
            reminders=(Reminder(offset=days(3), to=("agency",), merges=True),),
            cite=LITIGATION("85"),
        ),
        # Without an appeal the judgment binds when the time of both sides is over; not before can the case be closed.
        Clock(
            key="procuratorate_appeal_over",
            title="人民检察院上诉期届满",
            on=PROCURATORATE,
            kind=Kind.MINIMUM,
            after=("record_judgment",),
            met_by=("close",),
            dropped_by=("record_final_judgment", "record_remand"),
            opens=("close",),
            length=APPEAL_TIME,
            cite=LITIGATION("85"),
        ),
        Clock(
            key="agency_appeal_over",
            title="行政机关上诉期届满",
            on=PROCURATORATE,
            kind=Kind.MINIMUM,
            after=("record_judgment",),
            counts_from="agency_served_on",
            met_by=("close",),
            dropped_by=("record_final_judgment", "record_remand"),
            opens=("close",),
            length=APPEAL_TIME,
            cite=LITIGATION("85"),
        ),
        Clock(
            key="entrusted_investigation",
            title="完成委托调查并回复",
            on=ENTRUSTED,
            after=("entrust_investigation",),
            met_by=("report_findings",),
            dropped_by=ENDING,
            length=days(30),
            reminders=(
                Reminder(offset=days(3), to=("entrusted",), merges=True),
                Reminder(offset=days(1), after=True, to=("entrusted", "superior")),
            ),
            cite=RULES("43"),
        ),
        Clock(
            key="recusal_decision",
            title="决定是否回避",
            on=PROCURATORATE,
            after=("ask_recusal",),
            met_by=("decide_recusal",),
            dropped_by=ENDING,
            length=days(3),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("23"),
        ),
        Clock(
            key="recusal_reconsideration",
            title="作出回避复议决定",
            on=PROCURATORATE,
            after=("ask_recusal_again",),
            met_by=("decide_recusal_again",),
            dropped_by=ENDING,
            length=days(3),
            reminders=PROCURATORATE_LADDER,
            cite=RULES("23"),
        ),
    ),
)
