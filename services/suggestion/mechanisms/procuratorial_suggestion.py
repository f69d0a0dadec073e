"""检察建议: from its source to verified rectification, point by point; a reply alone closes nothing."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.clocks.counting import Unit
from shared.mechanism.grammar import (
    AnyOf,
    ByChoice,
    Clock,
    Each,
    FieldIs,
    Form,
    FromForm,
    FromSetting,
    ItemLast,
    Kind,
    KindsBy,
    Law,
    Mark,
    Mechanism,
    Near,
    NotTaken,
    OnlyOne,
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

SUGGESTIONS = Law("人民检察院检察建议工作规定", "", "2019-02-26")
ADMINISTRATIVE_SUPERVISION = Law("人民检察院行政诉讼监督规则", "", "2021")
PUBLIC_INTEREST = Law("人民检察院公益诉讼办案规则", "", "2021-07-01")

ADMINISTRATIVE = (
    "administrative_organ",
    "justice_bureau",
    "civil_affairs",
    "education_authority",
    "health_authority",
    "government",
)
ENFORCING = ("court", "public_security", "prison", *ADMINISTRATIVE)
ANY_UNIT = (*ENFORCING, "supervisory_commission", "school", "employer", "other")

PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",))
# It learns of the matter when it is heard on the draft, or when it is served: not before.
ADDRESSEE = Party(
    "addressee",
    "被建议单位",
    kinds=ANY_UNIT,
    fits=KindsBy(
        "type",
        {
            "retrial": ("court",),
            "correction": ENFORCING,
            "public_interest": ("public_security", *ADMINISTRATIVE),
        },
    ),
    near=Near(
        "unit_in_case",
        "a unit of another level or place: it is for the procuratorate of that level or place, see route (3)",
    ),
)
SUPERIOR = Party("superior_procuratorate", "上级人民检察院", kinds=("procuratorate",))
COMPETENT = Party("competent_procuratorate", "有权提出的人民检察院", kinds=("procuratorate",))

INSIDE = (PROCURATORATE,)
# Where the addressee has the paper and has not rectified everything.
SERVED = ("delivered", "replied", "following_up", "urged", "escalated")
NOT_SOCIAL = ("retrial", "correction", "public_interest", "other")
POINT = "point"

ADDRESSEE_LADDER = (
    Reminder(offset=days(10), to=("addressee",), merges=True),
    Reminder(offset=days(3), to=("addressee",), merges=True),
    Reminder(offset=days(1), after=True, to=("addressee", "superior")),
)

Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Number = Annotated[str, Field(min_length=1, max_length=100, examples=["洛检建〔2026〕8号"])]
Days = Annotated[int, Field(ge=1, le=365)]
UnitCode = Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,32}$", examples=["LY-ZF-300"])]
ItemNumber = Annotated[int, Field(ge=1, le=100, description="Number of the point, from 1", examples=[1])]


def _each_once(codes: list[str]) -> list[str]:
    if len(set(codes)) < len(codes):
        raise PydanticCustomError("named_twice", "each unit is named once")
    return codes


Copies = Annotated[list[UnitCode], Field(max_length=20), AfterValidator(_each_once)]


class Type(StrEnum):
    """The five types (5)."""

    RETRIAL = "retrial"  # 再审检察建议
    CORRECTION = "correction"  # 纠正违法检察建议
    PUBLIC_INTEREST = "public_interest"  # 公益诉讼检察建议
    SOCIAL_GOVERNANCE = "social_governance"  # 社会治理检察建议
    OTHER = "other"  # 其他检察建议


class Source(StrEnum):
    """Where it comes from."""

    CASE = "case"  # 办案中发现
    GROUPED_CASES = "grouped_cases"  # 类案监督
    SUPERVISION_DRAFT = "supervision_draft"  # 监督线索
    LEAD = "lead"  # 群众控告、举报或者有关单位移送
    SUPERIOR = "superior"  # 上级人民检察院交办


class Proposal(Form):
    type: Type = Field(examples=["social_governance"])
    source: Source = Field(examples=["case"])
    situation: Text = Field(
        description="Which situation of articles 8 to 11 is at hand",
        examples=["在办理案件中发现行业监管存在普遍性漏洞，需要督促整改。"],
    )
    breach: Line = Field(
        description="The kind of breach: of one kind there is one suggestion to a unit at a time",
        examples=["网络餐饮入网审查不严"],
    )
    field: Line = Field(description="领域", examples=["食品药品安全"])
    urgent: bool = False


class Grouping(Form):
    """Source cases of one kind of problem (类案), by the ids of their matters."""

    cases: list[UUID] = Field(
        min_length=1, max_length=500, examples=[["6f1c2a34-9d7e-4a51-8a0e-2f6f0c9b7d11"]]
    )


class Measure(StrEnum):
    """调查核实措施 (14): never force on persons or property."""

    QUERY = "query"  # 查询、调取、复制证据材料
    ASK = "ask"  # 询问当事人、有关知情人员或者其他相关人员
    HEAR_UNIT = "hear_unit"  # 听取被建议单位意见
    CONSULT = "consult"  # 咨询专业人员、相关部门或者行业协会
    APPRAISE = "appraise"  # 委托鉴定、评估、审计
    INSPECT = "inspect"  # 现场走访、查验
    OTHER = "other"  # 查明事实所需要采取的其他措施


class MeasureTaken(Form):
    measure: Measure = Field(examples=["inspect"])
    note: Text = Field(examples=["现场查验三家商户的经营资质。"])


class Finding(Form):
    finding: Text = Field(examples=["经调查核实，被建议单位对入网商户资质审查流于形式。"])


class Point(Form):
    """One thing to be put right, verified and visited again by itself."""

    problem: Text = Field(examples=["未对入网经营者进行实名登记。"])
    suggestion: Text = Field(examples=["对全部入网经营者补充审查并登记。"])
    basis: Line = Field(description="Legal basis", examples=["食品安全法第六十二条"])


class Draft(Form):
    """What the paper must hold (16): both periods are part of it."""

    facts: Text = Field(examples=["2026年以来办理的三起案件均涉及无证商户。"])
    points: list[Point] = Field(
        min_length=1,
        max_length=100,
        examples=[
            [
                {
                    "problem": "未对入网经营者进行实名登记。",
                    "suggestion": "对全部入网经营者补充审查并登记。",
                    "basis": "食品安全法第六十二条",
                }
            ]
        ],
    )
    objection_days: Days = Field(description="异议期限 printed in the paper (16(5))", examples=[15])
    reply_period: Literal["two_months", "as_printed"] = Field(
        description="回复期限 printed in the paper: the general one (19), or another one in days",
        examples=["two_months"],
    )
    reply_days: Days | None = Field(None, description="Where the paper prints another period than two months")
    reply_reason: Text | None = Field(None, description="Why another one: urgency, or another provision (19)")

    @model_validator(mode="after")
    def _both_periods(self) -> Self:
        printed = self.reply_days is not None and self.reply_reason is not None
        if self.reply_period == "as_printed" and not printed:
            raise PydanticCustomError(
                "reply_period_missing", "a period as printed needs reply_days and reply_reason"
            )
        if self.reply_period == "two_months" and (
            self.reply_days is not None or self.reply_reason is not None
        ):
            raise PydanticCustomError(
                "reply_period_double", "two months need no reply_days and no reply_reason"
            )
        return self


class Review(Form):
    """必要性、合法性、说理性 (17(1))."""

    note: Text = Field(examples=["建议必要、合法，说理充分。"])


class InCase(Form):
    unit_in_case: bool = Field(False, description="The unit is the one in the case (涉案单位, 3)")


class Views(Form):
    views: Text = Field(examples=["同意主要事实，第二项建议的完成时间需要放宽。"])


class Approval(Form):
    decided_by: Literal["chief", "committee"] = Field(description="检察长 or 检察委员会", examples=["chief"])
    number: Number
    to_court: bool = Field(False, description="The unit is a court: handed over within fifteen days")


class Reasons(Form):
    reasons: Text = Field(examples=["事实不清，建议的针对性不足。"])


class Routing(Form):
    """To whom it falls when the unit is of another level or place (3)."""

    relation: Literal["higher", "lower", "elsewhere"] = Field(examples=["higher"])
    settled_by: Literal["report", "order", "consent", "common_superior"] = Field(
        description="层报、指令、征得同意、共同上级决定", examples=["report"]
    )
    reasons: Text = Field(examples=["被建议单位为上级机关，层报由同级人民检察院提出。"])


class Delivery(Service):
    unit_in_case: bool = Field(False, description="The unit is the one in the case (涉案单位, 3)")
    consent: bool | None = Field(None, description="宣告送达: the unit has consented (18(2))")
    place: Line | None = Field(None, description="宣告送达: where")
    participants: list[Line] = Field([], max_length=30, description="宣告送达: posts, not names")
    copies: Copies = Field([], description="抄送 (20): codes of the units that get a copy")

    @model_validator(mode="after")
    def _announced_with_consent(self) -> Self:
        if self.method == "announce" and not (self.consent and self.place and self.participants):
            raise PydanticCustomError(
                "announcement_incomplete", "an announcement needs consent, place and participants (18(2))"
            )
        return self


class CopyOut(Form):
    copies: Copies = Field(min_length=1, examples=[["LY-ZF-300"]])


class Objection(Form):
    reasons: Text = Field(examples=["第二项所指事实与实际情况不符。"])


class Changes(Draft):
    """The paper as changed (22, 23): its points begin anew."""

    reasons: Text = Field(examples=["异议成立，删去第二项。"])


class Reply(Form):
    """书面回复 (19): what was done, with the evidence."""

    reply: Text = Field(examples=["已逐项落实，整改情况和证据附后。"])


class Plan(Form):
    """Who puts a point right, how, and by when."""

    point: ItemNumber
    measure: Text = Field(examples=["逐户核验资质并登记。"])
    responsible: Line = Field(
        description="Code of the unit or office responsible, no person", examples=["LY-SC-329"]
    )
    target_days: Days | None = Field(None, description="In how many days it is to be done", examples=[30])


class Done(Form):
    point: ItemNumber
    done: Text = Field(examples=["已核验一百二十户，下架九户。"])


class Judgement(Form):
    point: ItemNumber
    note: Text = Field(examples=["抽查二十户，均已登记。"])


class Shortfall(Form):
    point: ItemNumber
    reason: Text = Field(examples=["抽查发现三户仍无登记。"])


class Remaining(Form):
    remaining: Text = Field(examples=["第一项尚未完成。"])


class FollowUp(Form):
    note: Text = Field(description="询问、走访、会商、联席会议 (24)", examples=["走访核实整改进度。"])


class Escalation(Form):
    """报告和通报 (25), when without good cause nothing or too little was done."""

    reasons: Text = Field(examples=["经督促无正当理由仍未整改。"])
    copies: Copies = Field(
        min_length=1,
        description="上级人民检察院以外的通报对象: codes of the units told",
        examples=[["LY-ZF-300"]],
    )


ABOUT_A_POINT = ("report_point", "verify_point", "reject_point", "revisit_point", "reopen_point")
VERIFIED = ("verify_point", "revisit_point")
EVERY_POINT_VERIFIED = Each(
    "points", POINT, done=VERIFIED, undone=("report_point", "reject_point", "reopen_point")
)
POLICY_REVIEWED = AnyOf((FieldIs("type", NOT_SOCIAL), Taken("review_policy")))


def _last(*steps: str) -> ItemLast:
    """The last that was done about this point was one of these steps (none: nothing was done yet)."""
    return ItemLast("points", POINT, among=ABOUT_A_POINT, steps=steps)


MECHANISM = Mechanism(
    key="procuratorial_suggestion",
    path="procuratorial-suggestions",
    title="检察建议",
    title_en="Procuratorial suggestion",
    basis=SUGGESTIONS,
    edition="2019-02-26",
    parties=(PROCURATORATE, ADDRESSEE, SUPERIOR, COMPETENT),
    only_one=OnlyOne(
        parties=(PROCURATORATE, ADDRESSEE),
        fields=("breach",),
        during=("delivered", "objected", "amended", "replied", "following_up", "urged", "escalated"),
        cite=ADMINISTRATIVE_SUPERVISION("120"),
    ),
    states=(
        State("proposed", "已提出线索"),
        State("investigating", "调查核实"),
        State("closed_no_issue", "不提出检察建议", ends=True),
        State("drafted", "已起草"),
        State("policy_reviewed", "已经政策研究部门审核"),
        State("consulting", "征求意见"),
        State("approved", "已批准"),
        State("rejected", "不予批准", ends=True),
        State("routed", "交由有权检察院提出", ends=True),
        State("delivered", "已送达"),
        State("objected", "异议审查"),
        State("amended", "已修改待送达"),
        State("withdrawn", "已撤回", ends=True),
        State("replied", "已回复"),
        State("following_up", "持续跟进"),
        State("urged", "已督促"),
        State("escalated", "已报告通报"),
        State("suit", "转入公益诉讼", ends=True),
        # Not an end: what relapses is opened again.
        State("closed_implemented", "落实办结"),
    ),
    opening=Step(
        key="propose",
        title="提出检察建议线索",
        by=PROCURATORATE,
        to="proposed",
        said="proposed",
        form=Proposal,
        tells=(),
        cite=(SUGGESTIONS("13"), SUGGESTIONS("5")),
    ),
    steps=(
        # Inside the procuratorate.
        Step(
            key="group_cases",
            title="归并同类案件",
            by=PROCURATORATE,
            source=("proposed", "investigating", "drafted"),
            said="cases_grouped",
            form=Grouping,
            links="cases",
            shown_to=INSIDE,
            tells=(),
            cite=(SUGGESTIONS("11"), ADMINISTRATIVE_SUPERVISION("120")),
        ),
        Step(
            key="investigate",
            title="决定调查核实",
            by=PROCURATORATE,
            post="chief",
            source=("proposed",),
            to="investigating",
            said="investigation_decided",
            shown_to=INSIDE,
            tells=(),
            cite=SUGGESTIONS("13"),
        ),
        Step(
            key="record_measure",
            title="登记调查核实措施",
            by=PROCURATORATE,
            source=("investigating",),
            said="measure_recorded",
            form=MeasureTaken,
            shown_to=INSIDE,
            tells=(),
            cite=SUGGESTIONS("14"),
        ),
        Step(
            key="report_investigation",
            title="提交调查终结报告",
            by=PROCURATORATE,
            source=("investigating",),
            said="investigation_reported",
            form=Finding,
            papers=(Paper("investigation_report", "检察建议调查终结报告"),),
            shown_to=INSIDE,
            tells=(),
            cite=SUGGESTIONS("15"),
        ),
        Step(
            key="close_no_issue",
            title="不提出检察建议",
            by=PROCURATORATE,
            post="chief",
            source=("investigating",),
            when=(Taken("report_investigation"),),
            to="closed_no_issue",
            said="not_proposed",
            form=Reasons,
            shown_to=INSIDE,
            tells=(),
            cite=SUGGESTIONS("15(3)"),
        ),
        Step(
            key="draft",
            title="起草检察建议书",
            by=PROCURATORATE,
            source=("investigating", "drafted"),
            when=(Taken("report_investigation"),),
            to="drafted",
            said="drafted",
            form=Draft,
            papers=(Paper("draft_paper", "检察建议书（稿）"),),
            tells=(),
            cite=(SUGGESTIONS("15(2)"), SUGGESTIONS("16")),
        ),
        Step(
            key="review_policy",
            title="政策研究部门审核",
            by=PROCURATORATE,
            post="policy",
            source=("drafted",),
            when=(FieldIs("type", ("social_governance",)),),
            to="policy_reviewed",
            said="policy_reviewed",
            form=Review,
            shown_to=INSIDE,
            tells=(),
            cite=SUGGESTIONS("17(1)"),
        ),
        Step(
            key="route",
            title="交由有权人民检察院提出",
            by=PROCURATORATE,
            post="chief",
            source=("drafted", "policy_reviewed", "approved"),
            to="routed",
            said="routed",
            form=Routing,
            binds=(COMPETENT,),
            tells=(COMPETENT,),
            cite=SUGGESTIONS("3"),
        ),
        # The draft is heard (optional), then decided.
        Step(
            key="consult",
            title="征求被建议单位意见",
            by=PROCURATORATE,
            source=("drafted", "policy_reviewed"),
            when=(POLICY_REVIEWED,),
            to="consulting",
            said="consulted",
            form=InCase,
            binds=(ADDRESSEE,),
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("17(2)"),
        ),
        Step(
            key="give_views",
            title="反馈意见",
            by=ADDRESSEE,
            source=("consulting",),
            said="views_given",
            form=Views,
            tells=(PROCURATORATE,),
            cite=SUGGESTIONS("17(2)"),
        ),
        Step(
            key="revise",
            title="修改检察建议书稿",
            by=PROCURATORATE,
            source=("policy_reviewed", "consulting"),
            said="revised",
            form=Draft,
            papers=(Paper("draft_paper", "检察建议书（稿）"),),
            tells=(),
            cite=SUGGESTIONS("17"),
        ),
        Step(
            key="approve",
            title="批准",
            by=PROCURATORATE,
            post="chief",
            source=("drafted", "policy_reviewed", "consulting"),
            when=(POLICY_REVIEWED,),
            to="approved",
            said="approved",
            form=Approval,
            shown_to=INSIDE,
            tells=(),
            cite=(SUGGESTIONS("7"), SUGGESTIONS("15(2)")),
        ),
        Step(
            key="reject",
            title="不予批准",
            by=PROCURATORATE,
            post="chief",
            source=("drafted", "policy_reviewed", "consulting"),
            to="rejected",
            said="rejected",
            form=Reasons,
            shown_to=INSIDE,
            tells=(),
            cite=SUGGESTIONS("15(2)"),
        ),
        # From here on the addressee has the paper. The day of the service is the day of the act.
        Step(
            key="deliver",
            title="送达",
            by=PROCURATORATE,
            source=("approved",),
            to="delivered",
            said="delivered",
            form=Delivery,
            papers=(
                Paper("suggestion_paper", "检察建议书"),
                Paper("service_receipt", "送达回证"),
                Paper("announcement_record", "宣告送达笔录", required=False),
            ),
            binds=(ADDRESSEE,),
            tells=(ADDRESSEE,),
            copies="copies",
            cite=(SUGGESTIONS("18"), SUGGESTIONS("20")),
        ),
        Step(
            key="copy_out",
            title="抄送",
            by=PROCURATORATE,
            source=SERVED,
            said="copied",
            form=CopyOut,
            tells=(ADDRESSEE,),
            copies="copies",
            cite=SUGGESTIONS("20"),
        ),
        Step(
            key="file_up",
            title="报上一级人民检察院备案",
            by=PROCURATORATE,
            source=(*SERVED, "objected", "amended", "closed_implemented"),
            when=(NotTaken("file_up"),),
            said="filed_up",
            papers=(Paper("filing_letter", "备案报告（对口部门和政策研究部门）"),),
            binds=(SUPERIOR,),
            tells=(SUPERIOR,),
            cite=SUGGESTIONS("21"),
        ),
        Step(
            key="order_correction",
            title="指令修改或者撤回",
            by=SUPERIOR,
            source=(*SERVED, "objected"),
            said="correction_ordered",
            form=Reasons,
            shown_to=(PROCURATORATE, SUPERIOR),
            tells=(PROCURATORATE,),
            cite=SUGGESTIONS("22"),
        ),
        Step(
            key="object",
            title="提出异议",
            by=ADDRESSEE,
            source=("delivered",),
            to="objected",
            said="objected",
            form=Objection,
            papers=(Paper("objection_paper", "书面异议"),),
            tells=(PROCURATORATE,),
            cite=(SUGGESTIONS("16(5)"), SUGGESTIONS("23")),
        ),
        Step(
            key="overrule_objection",
            title="异议不成立",
            by=PROCURATORATE,
            post="chief",
            source=("objected",),
            to="delivered",
            said="objection_overruled",
            form=Reasons,
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("23"),
        ),
        Step(
            key="amend",
            title="修改",
            by=PROCURATORATE,
            post="chief",
            source=(*SERVED, "objected"),
            to="amended",
            said="amended",
            form=Changes,
            papers=(Paper("amendment_decision", "修改决定"),),
            tells=(ADDRESSEE,),
            cite=(SUGGESTIONS("22"), SUGGESTIONS("23")),
        ),
        Step(
            key="deliver_amended",
            title="送达修改后的检察建议书",
            by=PROCURATORATE,
            source=("amended",),
            to="delivered",
            said="delivered",
            form=Delivery,
            papers=(Paper("suggestion_paper", "检察建议书"), Paper("service_receipt", "送达回证")),
            tells=(ADDRESSEE,),
            copies="copies",
            cite=(SUGGESTIONS("18"), SUGGESTIONS("23")),
        ),
        Step(
            key="withdraw",
            title="撤回",
            by=PROCURATORATE,
            post="chief",
            source=(*SERVED, "objected", "amended"),
            to="withdrawn",
            said="withdrawn",
            form=Reasons,
            papers=(Paper("withdrawal_notice", "撤回决定"),),
            cite=(SUGGESTIONS("22"), SUGGESTIONS("23")),
        ),
        Step(
            key="reply",
            title="书面回复",
            by=ADDRESSEE,
            source=("delivered", "urged", "escalated"),
            when=(NotTaken("reply", since_entry=True),),
            to="replied",
            said="replied",
            form=Reply,
            papers=(Paper("reply_letter", "书面回复"), Paper("evidence", "整改证据", required=False)),
            tells=(PROCURATORATE,),
            cite=SUGGESTIONS("19"),
        ),
        # Point by point.
        Step(
            key="plan_point",
            title="明确整改措施和责任单位",
            by=ADDRESSEE,
            source=SERVED,
            when=(AnyOf((_last(), _last("report_point", "reject_point", "reopen_point"))),),
            said="point_planned",
            form=Plan,
            tells=(PROCURATORATE,),
            cite=SUGGESTIONS("19", Mark.DESIGN),
        ),
        Step(
            key="report_point",
            title="报告整改完成",
            by=ADDRESSEE,
            source=SERVED,
            when=(AnyOf((_last(), _last("reject_point", "reopen_point"))),),
            said="point_reported",
            form=Done,
            papers=(Paper("evidence", "整改证据"),),
            tells=(PROCURATORATE,),
            cite=SUGGESTIONS("19", Mark.DESIGN),
        ),
        Step(
            key="verify_point",
            title="核实已整改",
            by=PROCURATORATE,
            source=SERVED,
            when=(_last("report_point"),),
            said="point_verified",
            form=Judgement,
            papers=(Paper("verification_record", "核实记录", required=False),),
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("24"),
        ),
        Step(
            key="reject_point",
            title="核实未整改",
            by=PROCURATORATE,
            source=SERVED,
            when=(_last("report_point"),),
            said="point_rejected",
            form=Shortfall,
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("24"),
        ),
        Step(
            key="revisit_point",
            title="回头看",
            by=PROCURATORATE,
            source=(*SERVED, "closed_implemented"),
            when=(_last(*VERIFIED),),
            said="point_revisited",
            form=Judgement,
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("24", Mark.LOCAL),
        ),
        Step(
            key="reopen_point",
            title="反弹回潮，重新整改",
            by=PROCURATORATE,
            source=(*SERVED, "closed_implemented"),
            when=(_last(*VERIFIED),),
            to="following_up",
            said="point_reopened",
            form=Shortfall,
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("24", Mark.LOCAL),
        ),
        # What follows the reply, or its absence, in a fixed order.
        Step(
            key="follow_up",
            title="登记跟踪督促",
            by=PROCURATORATE,
            source=SERVED,
            said="followed_up",
            form=FollowUp,
            shown_to=INSIDE,
            tells=(),
            cite=SUGGESTIONS("24"),
        ),
        Step(
            key="continue_following",
            title="部分落实，持续跟进",
            by=PROCURATORATE,
            source=("replied",),
            to="following_up",
            said="following_continued",
            form=Remaining,
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("24"),
        ),
        Step(
            key="urge_reply",
            title="督促回复",
            by=PROCURATORATE,
            source=("delivered",),
            when=(Past("reply"),),
            to="urged",
            said="urged",
            form=Reasons,
            tells=(ADDRESSEE,),
            cite=(SUGGESTIONS("24"), SUGGESTIONS("25")),
        ),
        Step(
            key="urge",
            title="督促整改",
            by=PROCURATORATE,
            source=("replied", "following_up"),
            to="urged",
            said="urged",
            form=Reasons,
            tells=(ADDRESSEE,),
            cite=(SUGGESTIONS("24"), SUGGESTIONS("25")),
        ),
        Step(
            key="resume_following",
            title="督促后继续跟进",
            by=PROCURATORATE,
            source=("urged", "escalated"),
            when=(Taken("reply"),),
            to="following_up",
            said="following_continued",
            form=Remaining,
            tells=(ADDRESSEE,),
            cite=SUGGESTIONS("24"),
        ),
        Step(
            key="escalate",
            title="报告上级并通报",
            by=PROCURATORATE,
            post="chief",
            source=("urged",),
            to="escalated",
            said="escalated",
            form=Escalation,
            papers=(Paper("escalation_report", "书面报告和通报"),),
            tells=(ADDRESSEE, SUPERIOR),
            copies="copies",
            cite=SUGGESTIONS("25"),
        ),
        Step(
            key="turn_to_suit",
            title="依法提起公益诉讼",
            by=PROCURATORATE,
            post="chief",
            source=("escalated",),
            when=(FieldIs("type", ("public_interest",)),),
            to="suit",
            said="turned_to_suit",
            form=Reasons,
            tells=(ADDRESSEE,),
            opens=("public_interest_litigation",),
            cite=SUGGESTIONS("25"),
        ),
        # On verified points, and after a reply; never on a reply alone.
        Step(
            key="close",
            title="落实办结",
            by=PROCURATORATE,
            post="department_head",
            source=("replied", "following_up", "urged", "escalated"),
            when=(Taken("reply"), EVERY_POINT_VERIFIED),
            to="closed_implemented",
            said="closed",
            form=FollowUp,
            tells=(ADDRESSEE,),
            cite=(SUGGESTIONS("24"), SUGGESTIONS("26", Mark.DESIGN)),
        ),
    ),
    clocks=(
        # "一般应当": worded softer than a duty elsewhere, yet the only time the law gives.
        Clock(
            key="investigation",
            title="调查核实",
            on=PROCURATORATE,
            during=("investigating",),
            length=months(2),
            reminders=(Reminder(offset=days(7), to=("procuratorate",), merges=True),),
            cite=SUGGESTIONS("15(1)"),
        ),
        Clock(
            key="policy_review",
            title="政策研究部门审核",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            after=("draft",),
            when=(FieldIs("type", ("social_governance",)),),
            met_by=("review_policy",),
            dropped_by=("reject", "route"),
            length=FromSetting("procuratorial_suggestion.policy_review"),
            cite=SUGGESTIONS("17(1)", Mark.LOCAL),
        ),
        Clock(
            key="consultation",
            title="征求意见",
            on=ADDRESSEE,
            kind=Kind.SOFT,
            after=("consult",),
            met_by=("give_views",),
            dropped_by=("approve", "reject"),
            length=FromSetting("procuratorial_suggestion.consultation"),
            cite=SUGGESTIONS("17(2)", Mark.LOCAL),
        ),
        # Further law for single types (30).
        Clock(
            key="service_public_interest",
            title="送达（公益诉讼检察建议）",
            on=PROCURATORATE,
            after=("approve",),
            when=(FieldIs("type", ("public_interest",)),),
            met_by=("deliver",),
            dropped_by=("route",),
            length=days(3),
            cite=PUBLIC_INTEREST("76"),
        ),
        Clock(
            key="service_court",
            title="移送法院（再审检察建议、对法院的纠正违法检察建议）",
            on=PROCURATORATE,
            after=("approve",),
            when=(AnyOf((FieldIs("type", ("retrial",)), FieldIs("to_court", ("True",)))),),
            met_by=("deliver",),
            dropped_by=("route",),
            length=days(15),
            cite=(
                ADMINISTRATIVE_SUPERVISION("92"),
                ADMINISTRATIVE_SUPERVISION("106"),
                ADMINISTRATIVE_SUPERVISION("113"),
            ),
        ),
        Clock(
            key="filing_up",
            title="报上一级备案",
            on=PROCURATORATE,
            after=("deliver",),
            met_by=("file_up",),
            dropped_by=("withdraw",),
            length=days(5),
            reminders=(Reminder(offset=days(1), to=("procuratorate",), merges=True),),
            cite=SUGGESTIONS("21"),
        ),
        # It runs on through an objection: nothing in 23 stops it.
        Clock(
            key="reply",
            title="书面回复",
            on=ADDRESSEE,
            after=("deliver", "deliver_amended"),
            met_by=("reply",),
            dropped_by=("withdraw", "amend", "turn_to_suit"),
            length=ByChoice(
                "reply_period", {"two_months": months(2), "as_printed": FromForm("reply_days", Unit.DAYS)}
            ),
            reminders=ADDRESSEE_LADDER,
            cite=SUGGESTIONS("19"),
        ),
        # Late objections may still be looked into by the procuratorate itself (22).
        Clock(
            key="objection",
            title="提出异议",
            on=ADDRESSEE,
            kind=Kind.RIGHT,
            after=("deliver", "deliver_amended"),
            met_by=("object",),
            dropped_by=("withdraw", "amend", "close", "turn_to_suit"),
            closes=("object",),
            length=FromForm("objection_days", Unit.DAYS),
            reminders=(Reminder(offset=days(3), to=("addressee",), merges=True),),
            cite=(SUGGESTIONS("16(5)"), SUGGESTIONS("23")),
        ),
        Clock(
            key="objection_review",
            title="复核异议（立即）",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            during=("objected",),
            length=FromSetting("procuratorial_suggestion.objection_review"),
            cite=SUGGESTIONS("23", Mark.LOCAL),
        ),
        Clock(
            key="rectification",
            title="按计划完成整改",
            on=ADDRESSEE,
            kind=Kind.SOFT,
            after=("plan_point",),
            item=POINT,
            met_by=("report_point",),
            dropped_by=("withdraw", "amend", "turn_to_suit"),
            length=FromForm("target_days", Unit.DAYS),
            reminders=(Reminder(offset=days(3), to=("addressee",), merges=True),),
            cite=SUGGESTIONS("19", Mark.DESIGN),
        ),
        Clock(
            key="verification",
            title="核实整改",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            after=("report_point",),
            item=POINT,
            met_by=("verify_point", "reject_point"),
            dropped_by=("withdraw", "amend", "turn_to_suit"),
            length=FromSetting("procuratorial_suggestion.verification", days(30)),
            cite=SUGGESTIONS("24", Mark.LOCAL),
        ),
        Clock(
            key="revisit",
            title="回头看",
            on=PROCURATORATE,
            kind=Kind.SOFT,
            after=("verify_point",),
            item=POINT,
            met_by=("revisit_point",),
            dropped_by=("reopen_point", "withdraw", "amend", "turn_to_suit"),
            length=FromSetting("procuratorial_suggestion.revisit", months(3)),
            reminders=(Reminder(offset=days(7), to=("procuratorate",), merges=True),),
            cite=SUGGESTIONS("24", Mark.LOCAL),
        ),
    ),
)
