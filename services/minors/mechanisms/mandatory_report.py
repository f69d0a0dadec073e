"""强制报告: a child is harmed or in danger; who must report does, the police answer, the procuratorate watches over it.

What is told of persons stands in three secrets. No other field takes words, and the report is neither edited nor taken
back by those who made it.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.mechanism.grammar import (
    ANY_OPEN_STATE,
    AnyOf,
    Basis,
    Cite,
    Clock,
    Extension,
    FieldIs,
    Follow,
    Form,
    FromSetting,
    Kind,
    Law,
    Mark,
    Mechanism,
    NotTaken,
    Paper,
    Party,
    Past,
    Proposal,
    Purpose,
    Reminder,
    Secret,
    State,
    Step,
    Taken,
    days,
    hours,
    minutes,
    months,
)
from shared.mechanism.service_form import ServiceMethod

MINORS = Law("未成年人保护法", "", "2024-04-26")
OPINION_2020 = Law("关于建立侵害未成年人案件强制报告制度的意见（试行）", "", "2020-05")
DOMESTIC_VIOLENCE = Law("反家庭暴力法", "", "2015-12-27")
CRIMINAL_PROCEDURE = Law("刑事诉讼法", "", "2018")
POLICE_RULES = Law("公安机关办理刑事案件程序规定", "公安部令第159号", "2020")
ADMINISTRATIVE_RULES = Law("公安机关办理行政案件程序规定", "", "2019-04-27")
ACCEPTANCE_2015 = Law("关于改革完善受案立案制度的意见", "公通字〔2015〕32号", "2015")
PROSECUTION_RULES = Law("人民检察院刑事诉讼规则", "", "2019")
PERSONAL_INFORMATION = Law("个人信息保护法", "", "2021-11-01")
NETWORK_PROTECTION = Law("未成年人网络保护条例", "", "2024-01-01")

REPORTING_KINDS = (
    "school",
    "hospital",
    "relief_body",
    "residents_committee",
    "employer",
    "administrative_organ",
    "civil_affairs",
    "education_authority",
    "health_authority",
    "justice_bureau",
    "government",
    "court",
    "prison",
    "supervisory_commission",
    "womens_federation",
    "youth_league",
    "care_committee",
    "other",
)

# Who reported is kept secret: none but those who look into the case learn it (意见 13; 刑诉法 111), and the authority
# with which the unit itself files the report for the record (意见 5).
REPORTER_UNIT = Party(
    "reporter_unit",
    "报告单位",
    kinds=REPORTING_KINDS,
    shown_to=("police", "procuratorate", "supervising_authority"),
)
# Where a person's report was written down says from where it came: that is kept like the reporter.
RECEIVER = Party(
    "receiver",
    "受理个人报告的单位",
    kinds=(
        "public_security",
        "procuratorate",
        "civil_affairs",
        "education_authority",
        "government",
        "womens_federation",
    ),
    shown_to=("police", "procuratorate"),
)
POLICE = Party("police", "公安机关", kinds=("public_security",), by_division=True)
HIGHER_POLICE = Party("higher_police", "上一级公安机关", kinds=("public_security",))
PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",), by_division=True)
SUPERIOR_PROCURATORATE = Party("superior_procuratorate", "上一级人民检察院", kinds=("procuratorate",))
VICTIM_SIDE = Party("victim_side", "被害人一方", recorded_by="police")
SUPERVISING_KINDS = (
    "administrative_organ",
    "education_authority",
    "health_authority",
    "civil_affairs",
    "justice_bureau",
    "government",
)
# Which authority it is says who reported; which organs are called in says how it stands with the child.
SUPERVISING_AUTHORITY = Party(
    "supervising_authority",
    "主管行政机关",
    kinds=SUPERVISING_KINDS,
    shown_to=("police", "procuratorate", "reporter_unit"),
)
ORGANS_SHOWN_TO = ("police", "procuratorate")
CIVIL_AFFAIRS = Party("civil_affairs", "民政部门", kinds=("civil_affairs",), shown_to=ORGANS_SHOWN_TO)
EDUCATION_AUTHORITY = Party(
    "education_authority", "教育行政部门", kinds=("education_authority",), shown_to=ORGANS_SHOWN_TO
)
JUSTICE_BUREAU = Party(
    "justice_bureau", "司法行政机关（法律援助）", kinds=("justice_bureau",), shown_to=ORGANS_SHOWN_TO
)
WOMENS_FEDERATION = Party("womens_federation", "妇联", kinds=("womens_federation",), shown_to=ORGANS_SHOWN_TO)
YOUTH_LEAGUE = Party("youth_league", "共青团", kinds=("youth_league",), shown_to=ORGANS_SHOWN_TO)

INSIDE = (POLICE, PROCURATORATE)
# Whoever decides about the case, or about how it was decided.
DECIDING = (*INSIDE, HIGHER_POLICE, SUPERIOR_PROCURATORATE)
REPORTING = (REPORTER_UNIT, RECEIVER)
# Acceptance, transfers, progress and the result: what those who reported are told, and what they may read.
WITH_REPORTING = (*DECIDING, *REPORTING)
TO_REPORTING = (*REPORTING, PROCURATORATE)

NOT_FILED = ("not_filed", "not_filed_upheld", "not_filed_final")
UNDER_SUPERVISION = ("reasons_asked", "reasons_stated", "filing_ordered", "correction_issued")
SINCE_ACCEPTANCE = (
    "accepted",
    "admin_case",
    "criminal_case",
    *NOT_FILED,
    "in_reconsideration",
    "in_review",
    *UNDER_SUPERVISION,
    "prosecution_review",
)
FILING = ("file_criminal", "reverse", "reverse_review")
# With each of them the result is told to those who reported (未保法 11(3)).
CLOSING = ("close_admin", "close_not_filed", "withdraw", "record_outcome")

# Before, at (the event of the missed duty itself), and after: the debtor, then the unit above it.
POLICE_LADDER = (
    Reminder(offset=hours(24), to=("police",), merges=True),
    Reminder(offset=days(1), after=True, to=("police", "superior")),
)
HOURS_LADDER = (
    Reminder(offset=hours(4), to=("police",), merges=True),
    Reminder(offset=hours(24), after=True, to=("police", "superior")),
)
FEEDBACK_LADDER = (
    Reminder(offset=days(1), to=("police",), merges=True),
    Reminder(offset=minutes(0), after=True, to=("procuratorate", "supervising_authority")),
)

# What the procuratorate may lawfully do when the duty is missed. Proposed to it, never issued by itself.
DEMAND_REASONS = Proposal(
    instrument="demand_for_reasons",
    title="要求说明不立案理由",
    by=PROCURATORATE,
    cite=(CRIMINAL_PROCEDURE("113"), PROSECUTION_RULES("560")),
)
VIOLATION_NOTICE = Proposal(
    instrument="violation_notice",
    title="纠正违法通知",
    by=PROCURATORATE,
    cite=PROSECUTION_RULES("564"),
)

# The number of a paper, as offices and courts write it, or a code: no room for a sentence.
_NUMBERS = (
    r"[A-Za-z0-9一-龥（）()]{2,24}[〔\[][0-9]{4}[〕\]]第?[0-9]{1,6}号",
    r"[（(][0-9]{4}[）)][A-Za-z0-9一-龥]{2,24}[0-9]号",
    r"[A-Z]{1,6}[0-9]{0,6}(-[0-9]{1,8}){1,4}",
)
Number = Annotated[str, Field(pattern=f"^({'|'.join(_NUMBERS)})$", examples=["洛公（刑）立字〔2026〕12号"])]
SecretText = Annotated[str, Field(min_length=1, max_length=10_000)]
SecretLine = Annotated[str, Field(min_length=1, max_length=200)]


class Child(Form):
    """Who the child is, as far as it is known. All of it is sealed; each organ reads the fields that its duty needs."""

    name: SecretLine | None = None
    id_kind: Literal["resident_id", "birth_certificate", "travel_document", "other"] | None = None
    id_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    born_on: date | None = Field(None, description="Not known: the child counts as under fourteen")
    gender: Literal["female", "male"] | None = None
    phone: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    home: SecretLine | None = None
    school: SecretLine | None = None
    guardians: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        None, description="监护人及其联系方式: one of them may be the suspect"
    )


class Facts(Form):
    """What happened, in words. Images and messages of the child stay where evidence is kept; here is the reference."""

    narrative: SecretText = Field(examples=["在工作中发现一名未成年人疑似受到不法侵害。"])
    place: SecretLine | None = None
    suspect: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    evidence_reference: SecretLine | None = Field(None, description="Where the evidence is kept")


class Reporter(Form):
    """Who reports, or stands by to be asked; what identifies this person is kept secret (意见 13; 刑诉法 111)."""

    phone: Annotated[str, Field(min_length=1, max_length=60)] = Field(
        description="联系电话；没有电话的，写明其他联系方式", examples=["000-00000000"]
    )
    name: SecretLine | None = None
    post: SecretLine | None = None
    relation: SecretLine | None = Field(None, description="与未成年人的关系")


class Situation(StrEnum):
    """The nine situations (意见 4)."""

    GENITAL_INJURY = "genital_injury"  # 生殖器官或隐私部位遭受或疑似遭受非正常损伤
    GIRL_UNDER14_ABUSE = "girl_under14_abuse"  # 不满十四周岁的女性未成年人遭受或疑似遭受性侵害、怀孕、流产
    GIRL_14PLUS_ABUSE = "girl_14plus_abuse"  # 十四周岁以上女性未成年人遭受或疑似遭受性侵害所致怀孕、流产
    MULTIPLE_INJURY = (
        "multiple_injury"  # 多处损伤、严重营养不良、意识不清，疑似受到家暴、欺凌、虐待、殴打或被麻醉
    )
    UNNATURAL_HARM = "unnatural_harm"  # 因自杀、自残、工伤、中毒、被人麻醉、殴打等非正常原因导致伤残、死亡
    ABANDONED = "abandoned"  # 被遗弃或长期处于无人照料状态
    MISSING_TRAFFICKED = "missing_trafficked"  # 来源不明、失踪或者被拐卖、收买
    ORGANISED_BEGGING = "organised_begging"  # 被组织乞讨
    OTHER_SERIOUS = "other_serious"  # 其他严重侵害身心健康的情形或者正在面临不法侵害危险


class TriggerBasis(StrEnum):
    """On which rule the report rests; the situation is one of the nine in each case."""

    MANDATORY_REPORT = "mandatory_report"  # 未成年人保护法 11(2)
    SCHOOL_BULLYING = "school_bullying"  # 未成年人保护法 39：严重的欺凌行为
    SCHOOL_HARASSMENT = "school_harassment"  # 未成年人保护法 40：性侵害、性骚扰未成年人
    LODGING_SUSPICION = "lodging_suspicion"  # 未成年人保护法 57：住宿经营者
    DOMESTIC_VIOLENCE = "domestic_violence"  # 反家庭暴力法 14
    PREVENTION_LAW = "prevention_law"  # 预防未成年人犯罪法 39
    ANY_PERSON = "any_person"  # 未成年人保护法 11(1)：任何组织或者个人
    HOTLINE = "hotline"  # 未成年人保护法 97：未成年人保护热线


class ObligatedSubject(StrEnum):
    """Who must report (意见 2, 3; 未成年人保护法 130)."""

    STATE_ORGAN = "state_organ"  # 国家机关
    AUTHORISED_PUBLIC_BODY = "authorised_public_body"  # 法律法规授权行使公权力的各类组织及法律规定的公职人员
    RESIDENTS_COMMITTEE = "residents_committee"  # 居（村）民委员会
    EDUCATION = "education"  # 中小学校、幼儿园、校外培训机构、未成年人校外活动场所
    SCHOOL_BUS = "school_bus"  # 校车服务提供者
    CHILDCARE = "childcare"  # 托儿所等托育服务机构
    MEDICAL = "medical"  # 医院、妇幼保健院、急救中心、诊所等
    WELFARE_RELIEF = "welfare_relief"  # 儿童福利机构、救助管理机构、未成年人救助保护机构
    SOCIAL_WORK = "social_work"  # 社会工作服务机构
    LODGING = "lodging"  # 旅店、宾馆等
    OTHER_CLOSE_CONTACT = "other_close_contact"  # 其他密切接触未成年人的单位


class Channel(StrEnum):
    SYSTEM = "system"  # 本系统
    PHONE_110 = "phone_110"  # 110
    HOTLINE_12345 = "hotline_12345"  # 12345
    PROTECTION_HOTLINE = "protection_hotline"  # 未成年人保护热线
    PROSECUTION_HOTLINE = "prosecution_hotline"  # 12309
    IN_PERSON = "in_person"  # 当面
    LETTER = "letter"  # 来信
    ONLINE = "online"  # 网上


class AgeBand(StrEnum):
    UNDER_14 = "under_14"
    FROM_14 = "from_14"
    UNKNOWN = "unknown"  # treated as under fourteen (个人信息保护法 28)


class UrgentMeasure(StrEnum):
    RESCUE = "rescue"  # 制止侵害、解救
    MEDICAL = "medical"  # 送医救治
    SEPARATION = "separation"  # 带离危险环境
    SCENE = "scene"  # 保护现场
    EVIDENCE = "evidence"  # 固定、保全证据
    SUSPECT_CONTROL = "suspect_control"  # 控制嫌疑人
    SEARCH = "search"  # 查找失踪未成年人


UrgentMeasures = Annotated[list[UrgentMeasure], Field(max_length=7)]


class Told(Form):
    """What every report says: which situation, of a child how old, found when; and, sealed, what happened to whom."""

    situation: Situation = Field(examples=["abandoned"])
    trigger_basis: TriggerBasis = TriggerBasis.MANDATORY_REPORT
    age_band: AgeBand = Field(examples=["unknown"])
    found_at: AwareDatetime = Field(description="发现时间", examples=["2026-11-23T09:30:00+08:00"])
    in_danger: bool = Field(False, description="正在面临不法侵害危险")
    urgent_measures: UrgentMeasures = Field([], description="Taken already")
    # While keys cannot be reached nothing is sealed, and a report must not wait for that: it is supplemented later.
    facts: Facts | None = Field(None, examples=[{"narrative": "在工作中发现一名未成年人疑似受到不法侵害。"}])
    child: Child | None = None


class Report(Told):
    """The report of a unit that must report, with whom to ask there."""

    obligated_subject: ObligatedSubject = Field(examples=["education"])
    channel: Channel = Channel.SYSTEM
    reporter: Reporter | None = Field(
        None, description="值班人员或者经办人的联系方式", examples=[{"phone": "000-00000000"}]
    )


class TakenDown(Told):
    """A person's report as it was taken down; without `reporter` it is anonymous."""

    trigger_basis: TriggerBasis = TriggerBasis.ANY_PERSON
    channel: Channel = Field(examples=["protection_hotline"])
    reporter: Reporter | None = None


class Supplement(Form):
    """Further facts, or another child. Nothing that was reported is changed by it."""

    facts: Facts = Field(examples=[{"narrative": "补充新发现的情况。"}])
    child: Child | None = None
    urgent_measures: UrgentMeasures = Field([])


class Acceptance(Form):
    """受案: the receipt is handed to whoever reported, and its number stands here."""

    register_number: Number = Field(description="受案登记表", examples=["洛公（伊）受案字〔2026〕31号"])
    receipt_number: Number = Field(description="受案回执", examples=["洛公（伊）受案回执〔2026〕31号"])
    record_number: Number | None = Field(None, description="报案笔录、接受证据材料清单")
    receipt_given: Literal["handed_over", "refused", "unreachable"] = Field(
        "handed_over", description="Refused or not to be reached: noted in the receipt (程序规定 171)"
    )
    received_by: Literal["duty_officer", "station_chief", "case_officer", "minors_officer"] = Field(
        description="The post of the receiving officer, not a name", examples=["duty_officer"]
    )
    case_track: Literal["criminal", "administrative"] = Field(
        description="By which procedure it is first looked into: decides which time runs",
        examples=["criminal"],
    )
    reported_at: AwareDatetime | None = Field(
        None,
        description="接报案时间, where it lies before the acceptance: the time for the review runs from it",
    )
    urgent_measures: UrgentMeasures = Field([])


class Jurisdiction(Form):
    ground: Literal["place", "level", "railway_or_special", "designated"] = Field(examples=["place"])


class Sending(Form):
    """移送: what cannot wait is done before (程序规定 175)."""

    notice_number: Number = Field(description="移送案件通知书", examples=["洛公（伊）移字〔2026〕4号"])
    urgent_measures: UrgentMeasures = Field([])


class Approval(Form):
    approver: Literal["department_head", "county_chief", "superior_chief"] = Field(examples=["county_chief"])
    approval_number: Number = Field(examples=["洛公（伊）审字〔2026〕7号"])


class Decision(Form):
    decision_number: Number


class NonFiling(Decision):
    ground: Literal["no_crime", "evidently_minor", "not_to_be_prosecuted"] = Field(
        description="没有犯罪事实、犯罪事实显著轻微、其他依法不追究刑事责任 (程序规定 178(1))",
        examples=["no_crime"],
    )
    complainant: bool = Field(
        description="有控告人: the notice is then served on the victim side", examples=[True]
    )


class Served(Form):
    """How a paper was served: the step's own date of acting is the day of service."""

    method: ServiceMethod = Field(examples=["direct"])
    received_by: Literal["addressee", "adult_family_member", "representative", "duty_office"] = Field(
        examples=["addressee"]
    )
    refused: bool = Field(False, description="Refused and left there")


class Notice(Served):
    """A paper from one organ to another; acted_at is the day on which it was received."""

    number: Number
    received_by: Literal["addressee", "adult_family_member", "representative", "duty_office"] = Field(
        examples=["duty_office"]
    )


class Progress(Form):
    """How far it has come, and nothing of the case beside."""

    progress: Literal["accepted", "under_review", "filed", "investigating", "decided", "transferred"] = Field(
        examples=["under_review"]
    )


class Statement(Form):
    """书面说明: situation, basis and reasons stand in the paper, with the evidence."""

    statement_number: Number = Field(examples=["洛公（伊）说明字〔2026〕3号"])
    position: Literal["will_not_file", "still_reviewing"] = Field(examples=["will_not_file"])


class AdministrativeResult(Form):
    result: Literal["penalty", "admonition_letter", "no_violation", "passed_on", "other"] = Field(
        description="处罚、告诫书、违法事实不成立、移送其他部门、其他处理", examples=["penalty"]
    )
    decision_number: Number | None = Field(None, examples=["洛公（伊）行罚决字〔2026〕9号"])


class Outcome(Form):
    """The outcome as a code, and nothing else."""

    outcome: Literal["prosecuted", "not_prosecuted", "sent_back"] = Field(
        description="起诉、不起诉、退回公安机关处理", examples=["prosecuted"]
    )


class GuardianDecision(Form):
    """Whether a guardian is told, decided by an officer: the guardian may be the suspect. Nothing here tells one."""

    decision: Literal["notify", "defer", "do_not_notify"] = Field(examples=["defer"])
    guardian_role: Literal["not_involved", "suspected", "unclear"] = Field(examples=["unclear"])
    method: Literal["in_person", "phone", "written"] | None = None

    @model_validator(mode="after")
    def _told_somehow(self) -> Self:
        if (self.decision == "notify") != (self.method is not None):
            raise PydanticCustomError("method_missing", "whoever is notified is notified by a method")
        return self


class Hearing(Form):
    """That the child was heard as the law asks (未保法 110, 112), and where the record is; never what was said."""

    done_once: bool = Field(description="一次完成", examples=[True])
    recorded: bool = Field(description="同步录音录像", examples=[True])
    by_woman: Literal["yes", "no", "not_required"] = Field(examples=["yes"])
    companion: Literal["guardian", "suitable_adult", "none"] = Field(examples=["suitable_adult"])
    record_number: Number = Field(examples=["洛公（伊）录字〔2026〕5号"])


class CallIn(Form):
    need: Literal[
        "shelter", "economic_help", "psychological_aid", "legal_aid", "school", "family_support"
    ] = Field(examples=["psychological_aid"])


class Commendation(Form):
    kind: Literal["letter", "certificate", "bonus", "other"] = Field(examples=["letter"])
    may_be_named: bool = Field(False, description="The recipient agrees to be named; else it stays secret")


class Erasure(Form):
    ground: Literal["retention_over", "purpose_fulfilled", "unlawful_handling", "on_request"] = Field(
        examples=["retention_over"]
    )
    decision_number: Number = Field(examples=["伊检数据〔2026〕2号"])


def _call_in(organ: Party, *cites: Cite) -> Step:
    """An organ that protects the child is called in; it then reads of the child what its own duty needs."""
    return Step(
        key=f"call_in_{organ.key}",
        title=f"通知{organ.title}参与保护",
        by=INSIDE,
        source=SINCE_ACCEPTANCE,
        when=(NotTaken(f"call_in_{organ.key}"),),
        said="organ_called_in",
        form=CallIn,
        binds=(organ,),
        shown_to=(*INSIDE, organ),
        tells=(*INSIDE, organ),
        cite=cites,
    )


CASE_HANDLING = Purpose(
    "case_handling",
    "办案",
    Basis.STATUTORY_DUTY,
    (CRIMINAL_PROCEDURE("112"), PERSONAL_INFORMATION("13"), PERSONAL_INFORMATION("34")),
)
LEGAL_SUPERVISION = Purpose(
    "legal_supervision", "法律监督", Basis.STATUTORY_DUTY, (MINORS("105"), CRIMINAL_PROCEDURE("113"))
)
CHILD_PROTECTION = Purpose(
    "child_protection", "保护救助", Basis.STATUTORY_DUTY, (MINORS("92"), MINORS("104"), MINORS("111"))
)
RESCUE = Purpose("rescue", "紧急救助", Basis.EMERGENCY, PERSONAL_INFORMATION("13"))
FEEDBACK_TO_REPORTER = Purpose(
    "feedback_to_reporter",
    "向报告人反馈",
    Basis.STATUTORY_DUTY,
    (MINORS("11(3)"), OPINION_2020("10", Mark.TO_CONFIRM)),
)
PERSONAL_REQUEST = Purpose(
    "personal_request",
    "个人查阅复制",
    Basis.STATUTORY_DUTY,
    (NETWORK_PROTECTION("34"), PERSONAL_INFORMATION("45", Mark.SECOND_HAND)),
)

CHILD = Secret(
    key="child",
    title="未成年人身份信息",
    prefix="C",
    form=Child,
    readers={
        "name": (
            *INSIDE,
            CIVIL_AFFAIRS,
            EDUCATION_AUTHORITY,
            JUSTICE_BUREAU,
            WOMENS_FEDERATION,
            YOUTH_LEAGUE,
        ),
        "id_kind": INSIDE,
        "id_number": INSIDE,
        "born_on": (*INSIDE, CIVIL_AFFAIRS, EDUCATION_AUTHORITY),
        "gender": (*INSIDE, CIVIL_AFFAIRS, WOMENS_FEDERATION),
        "phone": (*INSIDE, JUSTICE_BUREAU, WOMENS_FEDERATION, YOUTH_LEAGUE),
        "home": (*INSIDE, CIVIL_AFFAIRS),
        "school": (*INSIDE, EDUCATION_AUTHORITY),
        "guardians": (*INSIDE, CIVIL_AFFAIRS),
    },
    papers=INSIDE,
    owners=INSIDE,
    purposes=(CASE_HANDLING, LEGAL_SUPERVISION, CHILD_PROTECTION, RESCUE, PERSONAL_REQUEST),
    found_by="id_number",
    born="born_on",
    guarded_by="minors_officer",
    cite=(MINORS("103"), OPINION_2020("14", Mark.TO_CONFIRM), PERSONAL_INFORMATION("28")),
)
FACTS = Secret(
    key="facts",
    title="案件情况",
    prefix="F",
    form=Facts,
    readers=dict.fromkeys(Facts.model_fields, INSIDE),
    papers=INSIDE,
    owners=INSIDE,
    purposes=(CASE_HANDLING, LEGAL_SUPERVISION, RESCUE, PERSONAL_REQUEST),
    guarded_by="minors_officer",
    cite=(MINORS("103"), OPINION_2020("14", Mark.TO_CONFIRM)),
)
REPORTER = Secret(
    key="reporter",
    title="报告人信息",
    prefix="R",
    form=Reporter,
    readers=dict.fromkeys(Reporter.model_fields, INSIDE),
    papers=INSIDE,
    owners=INSIDE,
    purposes=(CASE_HANDLING, LEGAL_SUPERVISION, FEEDBACK_TO_REPORTER, PERSONAL_REQUEST),
    cite=(
        CRIMINAL_PROCEDURE("111"),
        DOMESTIC_VIOLENCE("14"),
        POLICE_RULES("173"),
        OPINION_2020("13", Mark.TO_CONFIRM),
    ),
)

MECHANISM = Mechanism(
    key="mandatory_report",
    path="mandatory-reports",
    title="侵害未成年人案件强制报告",
    title_en="Mandatory report of harm to a minor",
    basis=MINORS,
    edition="2024-04-26",
    parties=(
        REPORTER_UNIT,
        RECEIVER,
        POLICE,
        PROCURATORATE,
        VICTIM_SIDE,
        HIGHER_POLICE,
        SUPERIOR_PROCURATORATE,
        SUPERVISING_AUTHORITY,
        CIVIL_AFFAIRS,
        EDUCATION_AUTHORITY,
        JUSTICE_BUREAU,
        WOMENS_FEDERATION,
        YOUTH_LEAGUE,
    ),
    overseers=(PROCURATORATE,),
    secrets=(CHILD, FACTS, REPORTER),
    states=(
        State("reported", "已报告"),
        State("accepted", "已受案"),
        State("admin_case", "行政案件"),
        State("criminal_case", "刑事案件"),
        State("not_filed", "不予立案"),
        State("in_reconsideration", "复议中"),
        State("not_filed_upheld", "复议维持"),
        State("in_review", "复核中"),
        # Not an end: it is filed after all where new facts are found, and the reasons may still be asked for.
        State("not_filed_final", "不予立案（终局）"),
        State("reasons_asked", "已要求说明理由"),
        State("reasons_stated", "已说明理由"),
        State("filing_ordered", "已通知立案"),
        State("correction_issued", "已纠正违法"),
        State("prosecution_review", "审查起诉"),
        State("closed", "办结", ends=True),
    ),
    opening=Step(
        key="report",
        title="强制报告",
        by=REPORTER_UNIT,
        to="reported",
        said="reported",
        form=Report,
        papers=(Paper("preliminary_material", "初步核实材料", required=False),),
        shown_to=WITH_REPORTING,
        tells=INSIDE,
        cite=(
            MINORS("11(2)"),
            OPINION_2020("2", Mark.SECOND_HAND),
            OPINION_2020("4", Mark.SECOND_HAND),
            OPINION_2020("6", Mark.SECOND_HAND),
        ),
    ),
    entrances=(
        # Anonymous or not. What a civil affairs or education authority takes down goes on to the police at once.
        Step(
            key="take_down",
            title="受理个人报告并登记",
            by=RECEIVER,
            to="reported",
            said="taken_down",
            form=TakenDown,
            papers=(Paper("preliminary_material", "初步核实材料", required=False),),
            shown_to=WITH_REPORTING,
            tells=INSIDE,
            cite=(MINORS("11(1)"), MINORS("11(3)"), MINORS("97"), POLICE_RULES("169")),
        ),
    ),
    steps=(
        # At the police.
        Step(
            key="accept",
            title="受案并出具回执",
            by=POLICE,
            source=("reported",),
            to="accepted",
            said="accepted",
            form=Acceptance,
            papers=(Paper("case_receipt", "受案回执", required=False),),
            shown_to=WITH_REPORTING,
            tells=TO_REPORTING,
            opens=("child_protection",),
            cite=(
                OPINION_2020("8", Mark.SECOND_HAND),
                POLICE_RULES("169"),
                POLICE_RULES("171"),
                ADMINISTRATIVE_RULES("61(1)"),
            ),
        ),
        Step(
            key="find_no_jurisdiction",
            title="认定不属本机关管辖",
            by=POLICE,
            source=("accepted",),
            when=(NotTaken("find_no_jurisdiction", since_entry=True),),
            said="no_jurisdiction_found",
            form=Jurisdiction,
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=(ADMINISTRATIVE_RULES("61(2)"), POLICE_RULES("175")),
        ),
        Step(
            key="send_to_competent",
            title="移送有管辖权的公安机关",
            by=POLICE,
            source=("accepted",),
            to="reported",
            said="sent_to_competent",
            form=Sending,
            papers=(Paper("sending_notice", "移送案件通知书"),),
            binds=(POLICE,),
            shown_to=WITH_REPORTING,
            tells=(POLICE, *TO_REPORTING),
            cite=(ADMINISTRATIVE_RULES("61(2)"), ADMINISTRATIVE_RULES("62"), POLICE_RULES("175")),
        ),
        Step(
            key="extend_admin_review",
            title="受案审查期限延长至三日",
            by=POLICE,
            source=("accepted",),
            when=(FieldIs("case_track", ("administrative",)),),
            said="review_extended",
            form=Approval,
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=ACCEPTANCE_2015("受案审查期限", Mark.SECOND_HAND),
        ),
        Step(
            key="extend_filing_to_seven_days",
            title="立案审查期限延长至七日（线索需要查证）",
            by=POLICE,
            source=("accepted",),
            when=(
                FieldIs("case_track", ("criminal",)),
                NotTaken("extend_filing_to_thirty_days", since_entry=True),
            ),
            said="review_extended",
            form=Approval,
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=ACCEPTANCE_2015("立案审查期限", Mark.SECOND_HAND),
        ),
        Step(
            key="extend_filing_to_thirty_days",
            title="立案审查期限延长至三十日（重大疑难复杂）",
            by=POLICE,
            source=("accepted",),
            when=(FieldIs("case_track", ("criminal",)),),
            said="review_extended",
            form=Approval,
            papers=(Paper("extension_approval", "县级以上公安机关负责人审批文书"),),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=ACCEPTANCE_2015("立案审查期限", Mark.SECOND_HAND),
        ),
        Step(
            key="open_admin_case",
            title="作为行政案件办理",
            by=POLICE,
            source=("accepted",),
            to="admin_case",
            said="admin_case_opened",
            form=Decision,
            shown_to=WITH_REPORTING,
            tells=(PROCURATORATE,),
            cite=(
                ADMINISTRATIVE_RULES("61(1)"),
                POLICE_RULES("177"),
                ACCEPTANCE_2015("受案审查期限", Mark.SECOND_HAND),
            ),
        ),
        Step(
            key="file_criminal",
            title="立案",
            by=POLICE,
            source=(
                "accepted",
                "admin_case",
                *NOT_FILED,
                "reasons_asked",
                "reasons_stated",
                "filing_ordered",
                "correction_issued",
            ),
            to="criminal_case",
            said="filed",
            form=Decision,
            papers=(Paper("filing_decision", "立案决定书", required=False),),
            shown_to=WITH_REPORTING,
            tells=(PROCURATORATE,),
            cite=(
                CRIMINAL_PROCEDURE("112"),
                POLICE_RULES("178"),
                POLICE_RULES("182"),
                ADMINISTRATIVE_RULES("65"),
                OPINION_2020("11", Mark.TO_CONFIRM),
            ),
        ),
        Step(
            key="not_file",
            title="不予立案",
            by=POLICE,
            source=("accepted",),
            to="not_filed",
            said="not_filed",
            form=NonFiling,
            papers=(Paper("non_filing_notice", "不予立案通知书"),),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=(CRIMINAL_PROCEDURE("112"), POLICE_RULES("178")),
        ),
        # What the victim side can do against it; those who reported are not the complainant.
        Step(
            key="serve_non_filing_notice",
            title="送达不予立案通知书",
            by=POLICE,
            source=("not_filed", "reasons_asked", "reasons_stated", "not_filed_final"),
            when=(FieldIs("complainant", ("True",)), NotTaken("serve_non_filing_notice")),
            said="non_filing_notice_served",
            form=Served,
            papers=(Paper("service_receipt", "送达回证", required=False),),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=(CRIMINAL_PROCEDURE("112"), POLICE_RULES("178(2)")),
        ),
        Step(
            key="seek_reconsideration",
            title="申请复议",
            by=VICTIM_SIDE,
            source=("not_filed",),
            to="in_reconsideration",
            said="reconsideration_sought",
            papers=(Paper("reconsideration_request", "复议申请"),),
            shown_to=DECIDING,
            tells=INSIDE,
            cite=POLICE_RULES("179(1)"),
        ),
        Step(
            key="extend_reconsideration",
            title="延长复议时限",
            by=POLICE,
            source=("in_reconsideration",),
            said="reconsideration_extended",
            form=Approval,
            papers=(Paper("extension_notice", "延长时限书面告知"),),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=POLICE_RULES("179(3)"),
        ),
        Step(
            key="uphold",
            title="复议维持",
            by=POLICE,
            source=("in_reconsideration",),
            to="not_filed_upheld",
            said="non_filing_upheld",
            form=Decision,
            papers=(Paper("reconsideration_decision", "复议决定书"),),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            proposes=(DEMAND_REASONS,),
            cite=POLICE_RULES("179(1)"),
        ),
        Step(
            key="reverse",
            title="复议撤销，立案",
            by=POLICE,
            source=("in_reconsideration",),
            to="criminal_case",
            said="filed",
            form=Decision,
            papers=(Paper("reconsideration_decision", "复议决定书"),),
            shown_to=WITH_REPORTING,
            tells=(PROCURATORATE,),
            cite=POLICE_RULES("179(1)"),
        ),
        Step(
            key="serve_reconsideration_decision",
            title="送达复议决定书",
            by=POLICE,
            source=("not_filed_upheld", "reasons_asked", "reasons_stated", "not_filed_final"),
            when=(Taken("uphold"), NotTaken("serve_reconsideration_decision")),
            said="reconsideration_decision_served",
            form=Served,
            papers=(Paper("service_receipt", "送达回证", required=False),),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=POLICE_RULES("179(1)"),
        ),
        Step(
            key="seek_review",
            title="申请复核",
            by=VICTIM_SIDE,
            source=("not_filed_upheld",),
            to="in_review",
            said="review_sought",
            papers=(Paper("review_request", "复核申请"),),
            binds=(HIGHER_POLICE,),
            shown_to=DECIDING,
            tells=(*INSIDE, HIGHER_POLICE),
            cite=POLICE_RULES("179(2)"),
        ),
        Step(
            key="extend_review",
            title="延长复核时限",
            by=HIGHER_POLICE,
            source=("in_review",),
            said="review_extended",
            form=Approval,
            papers=(Paper("extension_notice", "延长时限书面告知"),),
            shown_to=DECIDING,
            tells=INSIDE,
            cite=POLICE_RULES("179(3)"),
        ),
        Step(
            key="uphold_review",
            title="复核维持",
            by=HIGHER_POLICE,
            source=("in_review",),
            to="not_filed_final",
            said="review_upheld",
            form=Decision,
            papers=(Paper("review_decision", "复核决定书"),),
            shown_to=DECIDING,
            tells=INSIDE,
            proposes=(DEMAND_REASONS,),
            cite=POLICE_RULES("179(2)"),
        ),
        Step(
            key="reverse_review",
            title="复核撤销，立案",
            by=HIGHER_POLICE,
            source=("in_review",),
            to="criminal_case",
            said="filed",
            form=Decision,
            papers=(Paper("review_decision", "复核决定书"),),
            shown_to=WITH_REPORTING,
            tells=INSIDE,
            cite=POLICE_RULES("179(2)"),
        ),
        # To those who reported.
        Step(
            key="give_feedback",
            title="反馈进展",
            by=POLICE,
            source=SINCE_ACCEPTANCE,
            said="feedback_given",
            form=Progress,
            shown_to=WITH_REPORTING,
            tells=TO_REPORTING,
            cite=(OPINION_2020("10", Mark.TO_CONFIRM), MINORS("11(3)")),
        ),
        Step(
            key="ask_feedback",
            title="请求反馈进展",
            by=REPORTING,
            source=SINCE_ACCEPTANCE,
            when=(AnyOf((Past("feedback"), Past("filing_feedback"))),),
            said="feedback_asked",
            shown_to=WITH_REPORTING,
            tells=INSIDE,
            cite=OPINION_2020("10", Mark.TO_CONFIRM),
        ),
        Step(
            key="pre_prosecution_notice",
            title="移送审查起诉前告知",
            by=POLICE,
            source=("criminal_case",),
            said="pre_prosecution_notified",
            shown_to=WITH_REPORTING,
            tells=TO_REPORTING,
            cite=OPINION_2020("10", Mark.TO_CONFIRM),
        ),
        Step(
            key="send_for_prosecution",
            title="移送审查起诉",
            by=POLICE,
            source=("criminal_case",),
            when=(Taken("pre_prosecution_notice", since_entry=True),),
            to="prosecution_review",
            said="sent_for_prosecution",
            form=Decision,
            papers=(Paper("prosecution_opinion", "起诉意见书", required=False),),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=OPINION_2020("10", Mark.TO_CONFIRM),
        ),
        Step(
            key="return_for_investigation",
            title="退回补充侦查",
            by=PROCURATORATE,
            source=("prosecution_review",),
            to="criminal_case",
            said="returned_for_investigation",
            form=Decision,
            shown_to=DECIDING,
            tells=(POLICE,),
            cite=CRIMINAL_PROCEDURE("175", Mark.TO_CONFIRM),
        ),
        # Supervision of filing.
        Step(
            key="ask_reasons",
            title="要求说明不立案理由",
            by=PROCURATORATE,
            source=("accepted", *NOT_FILED),
            when=(
                AnyOf((Taken("not_file"), Past("filing"), Past("admin_review"))),
                NotTaken("ask_reasons"),
            ),
            to="reasons_asked",
            said="reasons_asked",
            form=Notice,
            papers=(Paper("reasons_notice", "要求说明不立案理由通知书"),),
            shown_to=DECIDING,
            tells=(POLICE,),
            cite=(
                CRIMINAL_PROCEDURE("113"),
                PROSECUTION_RULES("560"),
                OPINION_2020("11", Mark.TO_CONFIRM),
            ),
        ),
        Step(
            key="state_reasons",
            title="说明不立案理由",
            by=POLICE,
            source=("reasons_asked",),
            to="reasons_stated",
            said="reasons_stated",
            form=Statement,
            papers=(Paper("statement", "不立案理由说明书"), Paper("evidence", "证据材料", required=False)),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=(PROSECUTION_RULES("560"), POLICE_RULES("182(1)")),
        ),
        Step(
            key="accept_reasons",
            title="认为不立案理由成立",
            by=PROCURATORATE,
            source=("reasons_stated",),
            to="not_filed_final",
            said="reasons_accepted",
            form=Decision,
            shown_to=DECIDING,
            tells=(POLICE,),
            cite=PROSECUTION_RULES("561"),
        ),
        Step(
            key="tell_reasons",
            title="将不立案的依据和理由告知被害人一方",
            by=PROCURATORATE,
            source=("not_filed_final",),
            when=(Taken("accept_reasons"), NotTaken("tell_reasons")),
            said="reasons_told",
            form=Served,
            papers=(Paper("service_receipt", "送达回证", required=False),),
            shown_to=DECIDING,
            tells=(POLICE,),
            cite=PROSECUTION_RULES("561"),
        ),
        Step(
            key="order_filing",
            title="通知立案",
            by=PROCURATORATE,
            post="chief",
            source=("reasons_stated", "correction_issued"),
            when=(NotTaken("order_filing"),),
            to="filing_ordered",
            said="filing_ordered",
            form=Notice,
            papers=(Paper("filing_order", "通知立案书"),),
            shown_to=DECIDING,
            tells=(POLICE,),
            cite=(CRIMINAL_PROCEDURE("113"), PROSECUTION_RULES("561"), PROSECUTION_RULES("563")),
        ),
        Step(
            key="correct_violation",
            title="纠正违法",
            by=PROCURATORATE,
            source=("reasons_asked", "filing_ordered"),
            when=(AnyOf((Past("reasons"), Past("ordered_filing"))),),
            to="correction_issued",
            said="violation_corrected",
            form=Notice,
            papers=(Paper("violation_notice", "纠正违法通知书"),),
            shown_to=DECIDING,
            tells=(POLICE,),
            cite=PROSECUTION_RULES("564"),
        ),
        Step(
            key="state_reasons_late",
            title="逾期后说明不立案理由",
            by=POLICE,
            source=("correction_issued",),
            when=(Past("reasons"),),
            to="reasons_stated",
            said="reasons_stated",
            form=Statement,
            papers=(Paper("statement", "不立案理由说明书"), Paper("evidence", "证据材料", required=False)),
            shown_to=DECIDING,
            tells=(PROCURATORATE,),
            cite=(PROSECUTION_RULES("560"), POLICE_RULES("182(1)")),
        ),
        Step(
            key="level_up",
            title="报上一级人民检察院协商同级公安机关",
            by=PROCURATORATE,
            source=("correction_issued",),
            when=(NotTaken("level_up", since_entry=True),),
            said="levelled_up",
            form=Decision,
            binds=(SUPERIOR_PROCURATORATE,),
            shown_to=DECIDING,
            tells=(SUPERIOR_PROCURATORATE,),
            cite=PROSECUTION_RULES("564"),
        ),
        Step(
            key="urge_investigation",
            title="立案监督案件催办",
            by=PROCURATORATE,
            source=("criminal_case",),
            when=(Taken("order_filing"),),
            said="investigation_urged",
            form=Notice,
            papers=(Paper("urging_letter", "立案监督案件催办函"),),
            shown_to=DECIDING,
            tells=(POLICE,),
            cite=PROSECUTION_RULES("564"),
        ),
        # The result.
        Step(
            key="close_admin",
            title="办结行政案件并告知处理结果",
            by=POLICE,
            source=("admin_case",),
            to="closed",
            said="closed",
            form=AdministrativeResult,
            shown_to=WITH_REPORTING,
            tells=TO_REPORTING,
            cite=MINORS("11(3)"),
        ),
        Step(
            key="close_not_filed",
            title="不予立案办结并告知处理结果",
            by=POLICE,
            source=NOT_FILED,
            when=(
                AnyOf(
                    (
                        FieldIs("complainant", ("False",)),
                        Taken("serve_non_filing_notice"),
                        Taken("accept_reasons"),
                    )
                ),
                AnyOf((NotTaken("uphold"), Taken("serve_reconsideration_decision"))),
                AnyOf((NotTaken("accept_reasons"), Taken("tell_reasons"))),
            ),
            to="closed",
            said="closed",
            shown_to=WITH_REPORTING,
            tells=TO_REPORTING,
            cite=MINORS("11(3)"),
        ),
        Step(
            key="withdraw",
            title="撤销案件并告知处理结果",
            by=POLICE,
            source=("criminal_case",),
            to="closed",
            said="closed",
            form=Decision,
            papers=(Paper("withdrawal_decision", "撤销案件决定书"),),
            shown_to=WITH_REPORTING,
            tells=TO_REPORTING,
            cite=(POLICE_RULES("186"), POLICE_RULES("189"), MINORS("11(3)")),
        ),
        Step(
            key="record_outcome",
            title="登记审查起诉结果",
            by=PROCURATORATE,
            source=("prosecution_review",),
            to="closed",
            said="closed",
            form=Outcome,
            shown_to=WITH_REPORTING,
            tells=(POLICE, *REPORTING),
            cite=MINORS("11(3)"),
        ),
        # Beside the main road.
        Step(
            key="supplement",
            title="补充报告",
            by=(*REPORTING, POLICE),
            source=ANY_OPEN_STATE,
            said="supplemented",
            form=Supplement,
            papers=(Paper("material", "补充材料", required=False),),
            shown_to=WITH_REPORTING,
            tells=INSIDE,
            cite=(OPINION_2020("6", Mark.SECOND_HAND), OPINION_2020("7", Mark.SECOND_HAND)),
        ),
        Step(
            key="file_for_record",
            title="报主管行政机关备案",
            by=REPORTER_UNIT,
            source=ANY_OPEN_STATE,
            when=(NotTaken("file_for_record"),),
            said="filed_for_record",
            binds=(SUPERVISING_AUTHORITY,),
            shown_to=(*INSIDE, REPORTER_UNIT, SUPERVISING_AUTHORITY),
            tells=(SUPERVISING_AUTHORITY,),
            cite=OPINION_2020("5", Mark.TO_CONFIRM),
        ),
        Step(
            key="record_hearing",
            title="登记询问未成年人情况",
            by=INSIDE,
            source=SINCE_ACCEPTANCE,
            said="hearing_recorded",
            form=Hearing,
            shown_to=INSIDE,
            tells=INSIDE,
            cite=(MINORS("110"), MINORS("112")),
        ),
        Step(
            key="notify_guardian",
            title="决定是否通知监护人",
            by=POLICE,
            source=SINCE_ACCEPTANCE,
            said="guardian_decided",
            form=GuardianDecision,
            shown_to=INSIDE,
            tells=(PROCURATORATE,),
            cite=(MINORS("110"), MINORS("103", Mark.DESIGN)),
        ),
        _call_in(CIVIL_AFFAIRS, MINORS("92"), DOMESTIC_VIOLENCE("15"), OPINION_2020("12", Mark.TO_CONFIRM)),
        _call_in(EDUCATION_AUTHORITY, MINORS("111"), OPINION_2020("12", Mark.TO_CONFIRM)),
        _call_in(JUSTICE_BUREAU, MINORS("104"), MINORS("111")),
        _call_in(WOMENS_FEDERATION, MINORS("111"), OPINION_2020("12", Mark.TO_CONFIRM)),
        _call_in(YOUTH_LEAGUE, MINORS("111"), OPINION_2020("12", Mark.TO_CONFIRM)),
        Step(
            key="commend",
            title="奖励及时报告的单位和个人",
            by=(*INSIDE, CIVIL_AFFAIRS),
            source=(*SINCE_ACCEPTANCE, "closed"),
            said="commended",
            form=Commendation,
            shown_to=(*INSIDE, CIVIL_AFFAIRS, REPORTER_UNIT),
            tells=(*INSIDE, REPORTER_UNIT),
            cite=OPINION_2020("19", Mark.TO_CONFIRM),
        ),
        # Every secret of the matter is destroyed; what remains is that there was one.
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
            tells=INSIDE,
            erases=True,
            cite=(PERSONAL_INFORMATION("19"), PERSONAL_INFORMATION("47")),
        ),
    ),
    clocks=(
        # 立即: the law sets no number. Two targets of the deployment's own; nothing closes by itself.
        Clock(
            key="acceptance_target",
            title="受案（立即）",
            on=POLICE,
            kind=Kind.SOFT,
            during=("reported",),
            length=FromSetting("mandatory_report.acceptance_target", minutes(30)),
            reminders=(Reminder(offset=minutes(0), to=("police", "procuratorate")),),
            cite=OPINION_2020("8", Mark.LOCAL),
        ),
        Clock(
            key="acceptance_ladder",
            title="受案（立即），报上级",
            on=POLICE,
            kind=Kind.SOFT,
            during=("reported",),
            length=FromSetting("mandatory_report.acceptance_ladder", hours(2)),
            reminders=(Reminder(offset=minutes(0), to=("superior", "police", "procuratorate")),),
            cite=OPINION_2020("8", Mark.LOCAL),
        ),
        # 意见 8 says 及时 only; the number is that of the rules of procedure.
        Clock(
            key="sending",
            title="移送有管辖权的公安机关",
            on=POLICE,
            after=("find_no_jurisdiction",),
            met_by=("send_to_competent",),
            dropped_by=("open_admin_case", "file_criminal", "not_file"),
            length=hours(24),
            reminders=HOURS_LADDER,
            cite=(ADMINISTRATIVE_RULES("61(2)"), POLICE_RULES("175")),
        ),
        Clock(
            key="admin_review",
            title="受案审查",
            on=POLICE,
            after=("accept",),
            when=(FieldIs("case_track", ("administrative",)),),
            counts_from="reported_at",
            met_by=("open_admin_case", "file_criminal", "not_file"),
            dropped_by=("send_to_competent", "accept_reasons", "order_filing"),
            length=hours(24),
            extensions=(
                Extension(
                    step="extend_admin_review",
                    length=days(3),
                    cite=ACCEPTANCE_2015("受案审查期限", Mark.SECOND_HAND),
                ),
            ),
            reminders=HOURS_LADDER,
            proposes=(DEMAND_REASONS,),
            cite=ACCEPTANCE_2015("受案审查期限", Mark.SECOND_HAND),
        ),
        Clock(
            key="filing",
            title="立案审查",
            on=POLICE,
            after=("accept",),
            when=(FieldIs("case_track", ("criminal",)),),
            counts_from="reported_at",
            met_by=("file_criminal", "not_file", "open_admin_case"),
            dropped_by=("send_to_competent", "accept_reasons", "order_filing"),
            length=days(3),
            extensions=(
                Extension(
                    step="extend_filing_to_seven_days",
                    length=days(7),
                    cite=ACCEPTANCE_2015("立案审查期限", Mark.SECOND_HAND),
                ),
                Extension(
                    step="extend_filing_to_thirty_days",
                    length=days(30),
                    cite=ACCEPTANCE_2015("立案审查期限", Mark.SECOND_HAND),
                ),
            ),
            reminders=POLICE_LADDER,
            proposes=(DEMAND_REASONS,),
            cite=ACCEPTANCE_2015("立案审查期限", Mark.SECOND_HAND),
        ),
        Clock(
            key="non_filing_service",
            title="送达不予立案通知书",
            on=POLICE,
            after=("not_file",),
            when=(FieldIs("complainant", ("True",)),),
            met_by=("serve_non_filing_notice",),
            dropped_by=("file_criminal",),
            length=days(3),
            reminders=POLICE_LADDER,
            cite=POLICE_RULES("178(2)"),
        ),
        # Once the procuratorate asks for the reasons, the case goes that way.
        Clock(
            key="reconsideration_window",
            title="申请复议",
            on=VICTIM_SIDE,
            kind=Kind.RIGHT,
            after=("serve_non_filing_notice",),
            when=(NotTaken("ask_reasons"),),
            met_by=("seek_reconsideration",),
            dropped_by=("ask_reasons", "file_criminal"),
            closes=("seek_reconsideration",),
            length=days(7),
            reminders=(Reminder(offset=days(2), to=("police",), merges=True),),
            cite=POLICE_RULES("179(1)"),
        ),
        Clock(
            key="reconsideration_decision",
            title="作出复议决定",
            on=POLICE,
            during=("in_reconsideration",),
            length=days(30),
            extensions=(
                Extension(
                    step="extend_reconsideration", length=days(30), added=True, cite=POLICE_RULES("179(3)")
                ),
            ),
            reminders=POLICE_LADDER,
            cite=POLICE_RULES("179(1)"),
        ),
        Clock(
            key="review_window",
            title="申请复核",
            on=VICTIM_SIDE,
            kind=Kind.RIGHT,
            after=("serve_reconsideration_decision",),
            when=(NotTaken("ask_reasons"),),
            met_by=("seek_review",),
            dropped_by=("ask_reasons", "file_criminal"),
            closes=("seek_review",),
            length=days(7),
            reminders=(Reminder(offset=days(2), to=("police",), merges=True),),
            cite=POLICE_RULES("179(2)"),
        ),
        Clock(
            key="review_decision",
            title="作出复核决定",
            on=HIGHER_POLICE,
            during=("in_review",),
            length=days(30),
            extensions=(
                Extension(step="extend_review", length=days(30), added=True, cite=POLICE_RULES("179(3)")),
            ),
            reminders=(
                Reminder(offset=hours(24), to=("higher_police",), merges=True),
                Reminder(offset=days(1), after=True, to=("higher_police", "superior")),
            ),
            cite=POLICE_RULES("179(2)"),
        ),
        # A refusal is not closed while it can still be fought.
        Clock(
            key="objection_period",
            title="复议、复核申请期间（期满前不办结）",
            on=VICTIM_SIDE,
            kind=Kind.MINIMUM,
            after=("serve_non_filing_notice", "serve_reconsideration_decision"),
            when=(NotTaken("ask_reasons"),),
            dropped_by=("seek_reconsideration", "seek_review", "ask_reasons", "file_criminal"),
            opens=("close_not_filed",),
            length=days(7),
            cite=POLICE_RULES("179"),
        ),
        Clock(
            key="feedback",
            title="受案后反馈",
            on=POLICE,
            after=("accept",),
            met_by=("give_feedback", *CLOSING),
            dropped_by=("send_to_competent",),
            length=days(3),
            reminders=FEEDBACK_LADDER,
            cite=OPINION_2020("10", Mark.TO_CONFIRM),
        ),
        Clock(
            key="filing_feedback",
            title="立案后反馈",
            on=POLICE,
            after=FILING,
            met_by=("give_feedback", *CLOSING),
            length=days(3),
            reminders=FEEDBACK_LADDER,
            cite=OPINION_2020("10", Mark.TO_CONFIRM),
        ),
        Clock(
            key="reasons",
            title="说明不立案理由",
            on=POLICE,
            after=("ask_reasons",),
            met_by=("state_reasons", "state_reasons_late"),
            dropped_by=("file_criminal", "order_filing"),
            length=days(7),
            reminders=POLICE_LADDER,
            proposes=(VIOLATION_NOTICE,),
            cite=(PROSECUTION_RULES("560"), POLICE_RULES("182(1)")),
        ),
        Clock(
            key="reasons_told",
            title="将不立案的依据和理由告知被害人一方",
            on=PROCURATORATE,
            after=("accept_reasons",),
            met_by=("tell_reasons",),
            dropped_by=("file_criminal",),
            length=days(10),
            reminders=(Reminder(offset=days(2), to=("procuratorate",), merges=True),),
            cite=PROSECUTION_RULES("561"),
        ),
        # 意见 11 says 立即; the number is that of the rules of procedure.
        Clock(
            key="ordered_filing",
            title="按通知立案",
            on=POLICE,
            after=("order_filing",),
            met_by=("file_criminal",),
            length=days(15),
            reminders=POLICE_LADDER,
            proposes=(VIOLATION_NOTICE,),
            cite=(PROSECUTION_RULES("563"), POLICE_RULES("182(2)"), OPINION_2020("11", Mark.TO_CONFIRM)),
        ),
        Clock(
            key="investigation",
            title="监督立案后侦查未终结（期满可以催办）",
            on=PROCURATORATE,
            kind=Kind.MINIMUM,
            during=("criminal_case",),
            when=(Taken("order_filing"),),
            opens=("urge_investigation",),
            length=months(3),
            cite=PROSECUTION_RULES("564"),
        ),
        # The deployment's own marks on reports of which nothing is heard. They judge nobody.
        Clock(
            key="yellow_mark",
            title="黄标：未反馈",
            on=POLICE,
            kind=Kind.SOFT,
            after=("report", "take_down"),
            met_by=("give_feedback", *CLOSING),
            length=FromSetting("mandatory_report.yellow_mark", days(3)),
            cite=OPINION_2020("10", Mark.LOCAL),
        ),
        Clock(
            key="red_mark",
            title="红标：无处理结果",
            on=POLICE,
            kind=Kind.SOFT,
            after=("report", "take_down"),
            met_by=CLOSING,
            length=FromSetting("mandatory_report.red_mark", months(3)),
            reminders=(Reminder(offset=minutes(0), to=("procuratorate",)),),
            cite=MINORS("11(3)", Mark.LOCAL),
        ),
        # No law says how long. When the deployment's own period is over, an officer decides.
        Clock(
            key="retention",
            title="个人信息保存期限",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("closed",),
            met_by=("erase",),
            length=FromSetting("mandatory_report.retention"),
            reminders=(Reminder(offset=minutes(0), to=("procuratorate",)),),
            cite=PERSONAL_INFORMATION("19", Mark.LOCAL),
        ),
    ),
    follow=Follow(
        states={
            "reported": "已收到，等待受理",
            "accepted": "已受理，正在审查",
            "admin_case": "正在办理",
            "criminal_case": "正在办理",
            "not_filed": "已作出审查决定",
            "in_reconsideration": "正在复查",
            "not_filed_upheld": "已作出复查决定",
            "in_review": "正在复查",
            "not_filed_final": "已作出复查决定",
            "reasons_asked": "正在复查",
            "reasons_stated": "正在复查",
            "filing_ordered": "正在复查",
            "correction_issued": "正在复查",
            "prosecution_review": "正在办理",
            "closed": "已办结",
        },
        steps={
            "accept": "已受理",
            "send_to_competent": "已转其他单位办理",
            "give_feedback": "已反馈进展",
            "pre_prosecution_notice": "已告知下一步办理",
            "close_admin": "已办结",
            "close_not_filed": "已办结",
            "withdraw": "已办结",
            "record_outcome": "已办结",
        },
        clocks=("feedback", "filing_feedback"),
        marks={"yellow_mark": "yellow", "red_mark": "red"},
        cite=MINORS("11(3)"),
    ),
)
