"""行刑正向衔接: an administrative organ hands a suspected crime to the police."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.mechanism.grammar import (
    ANY_OPEN_STATE,
    Clock,
    Extension,
    FieldIs,
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
    Reminder,
    State,
    Step,
    Taken,
    days,
    hours,
)
from shared.mechanism.service_form import Service

TRANSFER = Law("行政执法机关移送涉嫌犯罪案件的规定", "国务院令第310号", "2020-08-07")
POLICE_RULES = Law("公安机关办理刑事案件程序规定", "公安部令第159号", "2020")
PROSECUTION_RULES = Law("人民检察院刑事诉讼规则", "", "2019")
ECONOMIC_CRIME = Law("公安机关办理经济犯罪案件的若干规定", "公通字〔2017〕25号", "2017")
OPINION_2006 = Law("关于在行政执法中及时移送涉嫌犯罪案件的意见", "高检会〔2006〕2号", "2006")
RULES_2016 = Law("公安机关受理行政执法机关移送涉嫌犯罪案件规定", "公通字〔2016〕16号", "2016")
RULES_2021 = Law("关于推进行政执法与刑事司法衔接工作的规定", "高检发释字〔2021〕4号", "2021-09-06")
SUGGESTIONS = Law("人民检察院检察建议工作规定", "", "2019-02-26")
LUOZHENG_8 = Law("关于加强政府与检察院工作协作联动的意见", "洛政〔2024〕8号", "2024-03-25")

ORGAN = Party("organ", "行政执法机关", kinds=("administrative_organ",))
POLICE = Party("police", "公安机关", kinds=("public_security",))
PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",), by_division=True)
COMMISSION = Party("commission", "监察机关", kinds=("supervisory_commission",))

# Before, at (the event of the missed duty itself), and after: the debtor, then the unit above it.
ORGAN_LADDER = (
    Reminder(offset=hours(24), to=("organ",), merges=True),
    Reminder(offset=days(1), after=True, to=("organ", "superior")),
)
POLICE_LADDER = (
    Reminder(offset=hours(24), to=("police",), merges=True),
    Reminder(offset=days(1), after=True, to=("police", "superior")),
)

# What the procuratorate may lawfully do when the duty is missed. Proposed to it, never issued by itself.
OPINION = Proposal(
    instrument="procuratorial_opinion",
    title="检察意见（建议移送）",
    by=PROCURATORATE,
    cite=PROSECUTION_RULES("557(3)"),
)
DEMAND_REASONS = Proposal(
    instrument="demand_for_reasons",
    title="要求说明逾期理由",
    by=PROCURATORATE,
    cite=PROSECUTION_RULES("562"),
)
DEMAND_REASONS_NOT_FILED = Proposal(
    instrument="demand_for_reasons",
    title="要求说明不立案理由",
    by=PROCURATORATE,
    cite=(PROSECUTION_RULES("557"), PROSECUTION_RULES("560")),
)
SUGGESTION = Proposal(
    instrument="procuratorial_suggestion",
    title="检察建议（纠正违法）",
    by=PROCURATORATE,
    cite=SUGGESTIONS("9"),
)

Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Number = Annotated[str, Field(min_length=1, max_length=100, examples=["伊检涉嫌〔2026〕17号"])]
Officer = Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,32}$", examples=["ZF-4103-0172"])]
Fen = Annotated[int, Field(ge=0, le=10**15, description="Money in fen")]


class CaseType(StrEnum):
    """一般案件 or 经济犯罪案件: decides whether the decision clock can be extended."""

    GENERAL = "general"
    ECONOMIC_CRIME = "economic_crime"


class SeizedItem(Form):
    name: Line
    quantity: Annotated[int, Field(ge=1, le=10**9)] = 1
    value_fen: Fen | None = None


class Report(Form):
    """What the organ has found: facts, amount, suspected charge, evidence, seized goods."""

    case_type: CaseType = Field(CaseType.GENERAL, examples=["general"])
    facts: Text = Field(examples=["检查中发现当事人销售的食品含有禁止添加的物质。"])
    suspected_charge: Line = Field(examples=["生产、销售有毒、有害食品罪"])
    amount_fen: Fen | None = Field(None, examples=[1_280_000])
    evidence: list[Line] = Field(min_length=1, max_length=200, examples=[["现场检查笔录", "抽样检验报告"]])
    seized_goods: list[SeizedItem] = Field([], max_length=500)
    intellectual_property: bool = Field(
        False, description="An IP case: reasonable suspicion is enough (310号 3)"
    )
    own_number: Line | None = Field(None, description="The organ's own case number", examples=["2026-0117"])


class Team(Form):
    officers: list[Officer] = Field(min_length=2, max_length=20, examples=[["ZF-4103-0172", "ZF-4103-0188"]])


class Reasons(Form):
    reasons: Text = Field(examples=["现有证据不足以认定涉嫌犯罪。"])


class PriorPenalty(Form):
    """An earlier administrative penalty: fines paid are set off against a criminal fine (310号 11)."""

    kind: Line = Field(examples=["罚款"])
    decision_number: Number
    amount_fen: Fen | None = None


class Delivery(Form):
    letter_number: Number
    prior_penalties: list[PriorPenalty] = Field([], max_length=50)
    right_holder_told: bool = Field(
        False, description="Right-holders were told in writing, where a suspected crime was already punished"
    )
    follows_opinion: Line | None = Field(
        None, description="Number of the procuratorial opinion that the transfer follows"
    )


class Receipt(Form):
    receipt_number: Number = Field(examples=["伊公受案回执〔2026〕88号"])
    case_type: CaseType | None = Field(None, description="Given where the police classify the case otherwise")


class MissingItems(Form):
    items: list[Line] = Field(min_length=1, max_length=100, examples=[["扣押物品照片"]])


class Jurisdiction(Form):
    reasons: Text = Field(examples=["犯罪地在邻县，由其管辖。"])
    notice_number: Number


class Decision(Form):
    decision_number: Number = Field(examples=["伊公（刑）立字〔2026〕52号"])


class ReasonedDecision(Decision):
    reasons: Text = Field(examples=["没有犯罪事实。"])


class Approval(Form):
    """An extension as approved: by whom (post, not name), under which number and why."""

    approver: Line = Field(examples=["县级以上公安机关负责人"])
    approval_number: Number
    reasons: Text = Field(examples=["案情重大、复杂。"])


class Handover(Form):
    items: list[SeizedItem] = Field([], max_length=500)
    remarks: Text | None = None


class Withdrawal(ReasonedDecision):
    advises_penalty: bool = Field(
        False, description="The police suggest an administrative penalty (310号 13)"
    )


class Handling(Form):
    outcome: Annotated[str, Field(pattern="^(punished|not_punished)$", examples=["punished"])]
    decision_number: Number


class Penalty(Form):
    decision_number: Number


class Question(Form):
    question: Text = Field(examples=["该情形是否达到立案追诉标准？"])


class Answer(Form):
    answer: Text = Field(examples=["达到立案追诉标准，建议补强资金流向的证据。"])


MECHANISM = Mechanism(
    key="forward_transfer",
    path="forward-transfers",
    title="涉嫌犯罪案件移送",
    title_en="Transfer of a suspected crime",
    basis=TRANSFER,
    edition="2020-08-07",
    parties=(ORGAN, POLICE, PROCURATORATE, COMMISSION),
    overseers=(PROCURATORATE,),
    states=(
        State("suspected", "发现涉嫌犯罪"),
        State("verifying", "专案核实"),
        State("pending_approval", "待审批"),
        State("approved", "批准移送"),
        State("refused", "不批准移送", ends=True),
        State("delivered", "已移送"),
        State("received", "公安已接收"),
        State("supplement_requested", "要求补正"),
        State("redirected", "转送"),
        State("returned_out_of_scope", "退回", ends=True),
        State("filed", "立案"),
        State("handed_over", "交接完成"),
        State("not_filed", "不予立案"),
        State("reconsideration", "复议中"),
        State("not_filed_upheld", "维持不予立案"),
        State("supervision_suggested", "已建议立案监督"),
        State("withdrawn", "撤销案件"),
        State("admin_handled", "行政处理", ends=True),
    ),
    opening=Step(
        key="register",
        title="登记涉嫌犯罪线索",
        by=ORGAN,
        to="suspected",
        said="registered",
        form=Report,
        tells=(),
        cite=(TRANSFER("3"), TRANSFER("4")),
    ),
    steps=(
        # Inside the organ: nobody else is told before its chief has decided.
        Step(
            key="name_team",
            title="指定专案组",
            by=ORGAN,
            source=("suspected",),
            to="verifying",
            said="team_named",
            form=Team,
            tells=(),
            cite=TRANSFER("5(1)"),
        ),
        Step(
            key="submit_report",
            title="提出移送书面报告",
            by=ORGAN,
            source=("verifying",),
            to="pending_approval",
            said="report_submitted",
            papers=(Paper("written_report", "移送涉嫌犯罪案件书面报告"),),
            tells=(),
            cite=TRANSFER("5(1)"),
        ),
        Step(
            key="approve",
            title="批准移送",
            by=ORGAN,
            post="chief",
            source=("pending_approval",),
            to="approved",
            said="approved",
            tells=(),
            cite=TRANSFER("5(2)"),
        ),
        Step(
            key="refuse",
            title="不批准移送",
            by=ORGAN,
            post="chief",
            source=("pending_approval",),
            to="refused",
            said="refused",
            form=Reasons,
            tells=(PROCURATORATE,),
            cite=(TRANSFER("5(2)"), LUOZHENG_8("二(四)11", Mark.DESIGN)),
        ),
        Step(
            key="record_penalty",
            title="登记未移送案件的处罚决定",
            by=ORGAN,
            source=("refused",),
            when=(NotTaken("record_penalty"),),
            said="penalty_recorded",
            form=Penalty,
            papers=(Paper("penalty_decision", "行政处罚决定书"),),
            tells=(),
            cite=OPINION_2006("1"),
        ),
        Step(
            key="copy_penalty",
            title="抄送处罚决定书",
            by=ORGAN,
            source=("refused",),
            when=(Taken("record_penalty"), NotTaken("copy_penalty")),
            said="penalty_copied",
            binds=(POLICE,),
            tells=(POLICE, PROCURATORATE),
            cite=OPINION_2006("1"),
        ),
        # From the organ to the police.
        Step(
            key="deliver",
            title="移送",
            by=ORGAN,
            source=("approved",),
            to="delivered",
            said="delivered",
            form=Delivery,
            papers=(
                Paper("transfer_letter", "涉嫌犯罪案件移送书"),
                Paper("investigation_report", "涉嫌犯罪案件情况的调查报告"),
                Paper("item_list", "涉案物品清单"),
                Paper("expert_report", "有关检验报告或者鉴定结论", required=False),
                Paper("other_material", "其他有关涉嫌犯罪的材料"),
                Paper("prior_penalty_decision", "已作出的行政处罚决定书", required=False),
            ),
            binds=(POLICE,),
            tells=(POLICE, PROCURATORATE),
            cite=(TRANSFER("5(2)"), TRANSFER("6"), OPINION_2006("1")),
        ),
        Step(
            key="sign_receipt",
            title="签收并出具回执",
            by=POLICE,
            source=("delivered", "redirected"),
            to="received",
            said="received",
            form=Receipt,
            tells=(ORGAN, PROCURATORATE),
            cite=(TRANSFER("7"), POLICE_RULES("180(1)")),
        ),
        Step(
            key="ask_supplement",
            title="要求补正材料",
            by=POLICE,
            source=("received",),
            to="supplement_requested",
            said="supplement_requested",
            form=MissingItems,
            tells=(ORGAN,),
            cite=(POLICE_RULES("180(2)"), RULES_2016("2", Mark.TO_CONFIRM)),
        ),
        Step(
            key="supply",
            title="补正材料",
            by=ORGAN,
            source=("supplement_requested",),
            to="received",
            said="supplied",
            papers=(Paper("supplement", "补正材料"),),
            tells=(POLICE,),
            cite=(POLICE_RULES("180(2)"), RULES_2016("2", Mark.TO_CONFIRM)),
        ),
        Step(
            key="find_no_jurisdiction",
            title="认定不属本机关管辖",
            by=POLICE,
            source=("received",),
            when=(NotTaken("find_no_jurisdiction", since_entry=True),),
            said="no_jurisdiction_found",
            form=Reasons,
            tells=(ORGAN,),
            cite=TRANSFER("7"),
        ),
        Step(
            key="redirect",
            title="转送有管辖权的公安机关",
            by=POLICE,
            source=("received",),
            to="redirected",
            said="redirected",
            form=Jurisdiction,
            papers=(Paper("redirection_notice", "转送书面通知"),),
            binds=(POLICE,),
            cite=TRANSFER("7"),
        ),
        Step(
            key="return_out_of_scope",
            title="退回（不属公安机关管辖）",
            by=POLICE,
            source=("received",),
            to="returned_out_of_scope",
            said="returned",
            form=Reasons,
            papers=(Paper("return_notice", "退回书面说明"),),
            cite=POLICE_RULES("180(3)"),
        ),
        # The decision of the police.
        Step(
            key="extend_to_ten_days",
            title="立案审查期限延长至十日",
            by=POLICE,
            source=("received", "supplement_requested"),
            when=(
                FieldIs("case_type", ("economic_crime",)),
                NotTaken("extend_to_thirty_days", since_entry=True),
            ),
            said="decision_extended",
            form=Approval,
            papers=(Paper("extension_approval", "延长期限审批文书"),),
            tells=(ORGAN,),
            cite=ECONOMIC_CRIME("16"),
        ),
        Step(
            key="extend_to_thirty_days",
            title="立案审查期限延长至三十日",
            by=POLICE,
            source=("received", "supplement_requested"),
            when=(FieldIs("case_type", ("economic_crime",)),),
            said="decision_extended",
            form=Approval,
            papers=(Paper("extension_approval", "县级以上公安机关负责人审批文书"),),
            tells=(ORGAN,),
            cite=ECONOMIC_CRIME("16"),
        ),
        Step(
            key="extend_by_thirty_days",
            title="立案审查期限再延长三十日",
            by=POLICE,
            source=("received", "supplement_requested"),
            when=(FieldIs("case_type", ("economic_crime",)), Taken("extend_to_thirty_days")),
            said="decision_extended",
            form=Approval,
            papers=(Paper("extension_approval", "上一级公安机关负责人审批文书"),),
            tells=(ORGAN,),
            cite=ECONOMIC_CRIME("16"),
        ),
        Step(
            key="file",
            title="立案",
            by=POLICE,
            source=("received", "reconsideration", "supervision_suggested"),
            to="filed",
            said="filed",
            form=Decision,
            papers=(Paper("filing_decision", "立案通知书"),),
            tells=(ORGAN, PROCURATORATE),
            cite=(TRANSFER("8"), TRANSFER("9(2)"), POLICE_RULES("178"), POLICE_RULES("180")),
        ),
        Step(
            key="decline",
            title="不予立案",
            by=POLICE,
            source=("received",),
            to="not_filed",
            said="declined",
            form=ReasonedDecision,
            papers=(Paper("non_filing_notice", "不予立案通知书"),),
            tells=(ORGAN, PROCURATORATE),
            cite=(TRANSFER("8"), POLICE_RULES("180")),
        ),
        Step(
            key="complain_of_delay",
            title="反映逾期未作决定",
            by=ORGAN,
            source=("received", "supplement_requested"),
            when=(Past("decision"), NotTaken("complain_of_delay")),
            said="delay_complained_of",
            form=Reasons,
            tells=(PROCURATORATE,),
            opens=("filing_supervision",),
            cite=PROSECUTION_RULES("562"),
        ),
        Step(
            key="serve_filing_notice",
            title="送达立案通知书",
            by=POLICE,
            source=("filed",),
            when=(NotTaken("serve_filing_notice", since_entry=True),),
            said="filing_notice_served",
            form=Service,
            papers=(Paper("service_receipt", "送达回证", required=False),),
            tells=(ORGAN,),
            cite=(TRANSFER("8"), TRANSFER("12")),
        ),
        Step(
            key="hand_over",
            title="移交涉案物品和其他案卷材料",
            by=ORGAN,
            source=("filed",),
            when=(NotTaken("hand_over", since_entry=True),),
            said="goods_handed_over",
            form=Handover,
            papers=(Paper("handover_list", "交接清单"),),
            tells=(POLICE,),
            cite=(TRANSFER("12"), RULES_2016("6", Mark.TO_CONFIRM)),
        ),
        Step(
            key="sign_handover",
            title="签收交接清单",
            by=POLICE,
            source=("filed",),
            when=(Taken("hand_over", since_entry=True),),
            to="handed_over",
            said="handed_over",
            papers=(Paper("signed_handover_list", "双方签字的交接清单"),),
            tells=(ORGAN,),
            cite=(TRANSFER("12"), RULES_2016("6", Mark.TO_CONFIRM)),
        ),
        Step(
            key="withdraw",
            title="撤销案件",
            by=POLICE,
            source=("filed", "handed_over"),
            to="withdrawn",
            said="withdrawn",
            form=Withdrawal,
            papers=(
                Paper("withdrawal_decision", "撤销案件决定书"),
                Paper("penalty_suggestion", "行政处罚书面建议", required=False),
            ),
            tells=(ORGAN, PROCURATORATE),
            cite=(POLICE_RULES("189"), TRANSFER("13"), RULES_2016("9", Mark.TO_CONFIRM)),
        ),
        Step(
            key="serve_withdrawal",
            title="告知撤销案件",
            by=POLICE,
            source=("withdrawn",),
            when=(NotTaken("serve_withdrawal"),),
            said="withdrawal_served",
            form=Service,
            papers=(Paper("service_receipt", "送达回证", required=False),),
            tells=(ORGAN,),
            cite=POLICE_RULES("189(1)"),
        ),
        # What the organ can do against a refusal to file.
        Step(
            key="serve_non_filing_notice",
            title="送达不予立案通知书",
            by=POLICE,
            source=("not_filed",),
            when=(NotTaken("serve_non_filing_notice", since_entry=True),),
            said="non_filing_notice_served",
            form=Service,
            papers=(Paper("service_receipt", "送达回证", required=False),),
            tells=(ORGAN,),
            cite=(TRANSFER("8"), POLICE_RULES("180")),
        ),
        Step(
            key="ask_reconsideration",
            title="提请复议",
            by=ORGAN,
            source=("not_filed",),
            to="reconsideration",
            said="reconsideration_asked",
            form=Reasons,
            papers=(Paper("reconsideration_request", "复议申请书"),),
            tells=(POLICE, PROCURATORATE),
            cite=(TRANSFER("9(1)"), POLICE_RULES("181")),
        ),
        Step(
            key="uphold",
            title="维持不予立案决定",
            by=POLICE,
            source=("reconsideration",),
            to="not_filed_upheld",
            said="non_filing_upheld",
            form=ReasonedDecision,
            papers=(Paper("reconsideration_decision", "复议决定书"),),
            tells=(ORGAN, PROCURATORATE),
            proposes=(DEMAND_REASONS_NOT_FILED,),
            cite=(TRANSFER("9(2)"), POLICE_RULES("181")),
        ),
        Step(
            key="serve_reconsideration_decision",
            title="送达复议决定书",
            by=POLICE,
            source=("not_filed_upheld",),
            when=(NotTaken("serve_reconsideration_decision"),),
            said="reconsideration_decision_served",
            form=Service,
            papers=(Paper("service_receipt", "送达回证", required=False),),
            tells=(ORGAN,),
            cite=TRANSFER("9(2)"),
        ),
        Step(
            key="suggest_supervision",
            title="建议立案监督",
            by=ORGAN,
            source=("not_filed", "not_filed_upheld"),
            to="supervision_suggested",
            said="supervision_suggested",
            form=Reasons,
            papers=(Paper("supervision_letter", "建议立案监督函"),),
            tells=(PROCURATORATE,),
            opens=("filing_supervision",),
            cite=(TRANSFER("9"), PROSECUTION_RULES("557")),
        ),
        Step(
            key="handle_administratively",
            title="行政处理",
            by=ORGAN,
            source=("not_filed", "not_filed_upheld", "supervision_suggested", "withdrawn"),
            to="admin_handled",
            said="handled_administratively",
            form=Handling,
            papers=(Paper("administrative_decision", "行政处罚决定书或者不予行政处罚决定书"),),
            tells=(POLICE, PROCURATORATE),
            cite=(TRANSFER("10"), TRANSFER("13")),
        ),
        # Beside the main road.
        Step(
            key="ask_opinion",
            title="书面咨询立案追诉标准、证据问题",
            by=ORGAN,
            source=ANY_OPEN_STATE,
            said="opinion_asked",
            form=Question,
            tells=(PROCURATORATE,),
            cite=RULES_2021("13", Mark.TO_CONFIRM),
        ),
        Step(
            key="give_opinion",
            title="书面答复咨询",
            by=PROCURATORATE,
            source=ANY_OPEN_STATE,
            when=(Taken("ask_opinion"),),
            said="opinion_given",
            form=Answer,
            tells=(ORGAN,),
            cite=RULES_2021("13", Mark.TO_CONFIRM),
        ),
        Step(
            key="refer_duty_crime",
            title="移送职务违法犯罪线索",
            by=ORGAN,
            source=ANY_OPEN_STATE,
            said="duty_crime_referred",
            papers=(Paper("lead_letter", "问题线索移送函"),),
            binds=(COMMISSION,),
            tells=(COMMISSION,),
            cite=(TRANSFER("18"), TRANSFER("19")),
        ),
    ),
    clocks=(
        # 立即: the law sets no number; a deployment may set its own target.
        Clock(
            key="verification",
            title="组织专案核实（立即）",
            on=ORGAN,
            kind=Kind.SOFT,
            during=("suspected",),
            length=FromSetting("forward_transfer.verification"),
            cite=TRANSFER("5(1)", Mark.LOCAL),
        ),
        Clock(
            key="approval",
            title="决定是否批准移送",
            on=ORGAN,
            during=("pending_approval",),
            length=days(3),
            proposes=(OPINION,),
            reminders=ORGAN_LADDER,
            cite=TRANSFER("5(2)"),
        ),
        Clock(
            key="dispatch",
            title="向同级公安机关移送",
            on=ORGAN,
            during=("approved",),
            length=hours(24),
            reminders=(
                Reminder(offset=hours(4), to=("organ",), merges=True),
                Reminder(offset=hours(24), after=True, to=("organ", "superior")),
            ),
            proposes=(OPINION,),
            cite=TRANSFER("5(2)"),
        ),
        Clock(
            key="receipt",
            title="当场签收",
            on=POLICE,
            kind=Kind.SOFT,
            during=("delivered", "redirected"),
            length=FromSetting("forward_transfer.receipt"),
            cite=TRANSFER("7", Mark.LOCAL),
        ),
        # The duty is to ask in time where something is missing. Whether something is missing nobody but the police
        # can say, so the window lapses instead of going overdue; asking late stays possible (180(2)).
        Clock(
            key="supplement_request",
            title="告知补正（二十四小时内）",
            on=POLICE,
            kind=Kind.RIGHT,
            after=("sign_receipt",),
            met_by=("ask_supplement",),
            dropped_by=("file", "decline", "redirect", "return_out_of_scope"),
            length=hours(24),
            cite=POLICE_RULES("180(2)"),
        ),
        Clock(
            key="supplement",
            title="补正材料",
            on=ORGAN,
            during=("supplement_requested",),
            length=days(3),
            reminders=ORGAN_LADDER,
            cite=POLICE_RULES("180(2)"),
        ),
        Clock(
            key="redirection",
            title="转送有管辖权的机关",
            on=POLICE,
            after=("find_no_jurisdiction",),
            met_by=("redirect",),
            dropped_by=("file", "decline", "return_out_of_scope"),
            length=hours(24),
            cite=TRANSFER("7"),
        ),
        # A request for supplements does not stop it: nothing in 180 says so.
        Clock(
            key="decision",
            title="决定是否立案",
            on=POLICE,
            after=("sign_receipt",),
            met_by=("file", "decline"),
            dropped_by=("redirect", "return_out_of_scope"),
            length=days(3),
            proposes=(DEMAND_REASONS, SUGGESTION),
            extensions=(
                Extension(step="extend_to_ten_days", length=days(10), cite=ECONOMIC_CRIME("16")),
                Extension(step="extend_to_thirty_days", length=days(30), cite=ECONOMIC_CRIME("16")),
                Extension(
                    step="extend_by_thirty_days", length=days(30), added=True, cite=ECONOMIC_CRIME("16")
                ),
            ),
            reminders=POLICE_LADDER,
            cite=(TRANSFER("8"), POLICE_RULES("180(1)")),
        ),
        Clock(
            key="non_filing_service",
            title="送达不予立案通知书并退回案卷",
            on=POLICE,
            after=("decline",),
            met_by=("serve_non_filing_notice",),
            dropped_by=("ask_reconsideration", "suggest_supervision", "handle_administratively"),
            length=days(3),
            cite=(RULES_2016("4", Mark.TO_CONFIRM), POLICE_RULES("178(2)")),
        ),
        Clock(
            key="handover",
            title="移交涉案物品和其他案卷材料",
            on=ORGAN,
            after=("serve_filing_notice",),
            met_by=("hand_over",),
            dropped_by=("withdraw",),
            length=days(3),
            reminders=ORGAN_LADDER,
            cite=(TRANSFER("12"), RULES_2016("6", Mark.TO_CONFIRM)),
        ),
        Clock(
            key="withdrawal_service",
            title="告知撤销案件",
            on=POLICE,
            after=("withdraw",),
            met_by=("serve_withdrawal",),
            dropped_by=("handle_administratively",),
            length=days(3),
            cite=POLICE_RULES("189(1)"),
        ),
        Clock(
            key="reconsideration_window",
            title="提请复议",
            on=ORGAN,
            kind=Kind.RIGHT,
            after=("serve_non_filing_notice",),
            met_by=("ask_reconsideration",),
            dropped_by=("suggest_supervision", "handle_administratively"),
            closes=("ask_reconsideration",),
            length=days(3),
            reminders=(Reminder(offset=hours(24), to=("organ",), merges=True),),
            cite=(TRANSFER("9(1)"), POLICE_RULES("181")),
        ),
        Clock(
            key="reconsideration_decision",
            title="作出复议决定",
            on=POLICE,
            during=("reconsideration",),
            length=days(3),
            reminders=POLICE_LADDER,
            cite=(TRANSFER("9(2)"), POLICE_RULES("181")),
        ),
        # "应当…建议", yet a late suggestion is accepted (检察规则 557(2)): its lapse closes nothing.
        Clock(
            key="supervision_window",
            title="建议立案监督",
            on=ORGAN,
            kind=Kind.RIGHT,
            after=("serve_reconsideration_decision",),
            met_by=("suggest_supervision",),
            dropped_by=("handle_administratively",),
            length=days(3),
            cite=TRANSFER("9(2)"),
        ),
        Clock(
            key="penalty_copy",
            title="抄送处罚决定书",
            on=ORGAN,
            after=("record_penalty",),
            met_by=("copy_penalty",),
            length=days(10),
            cite=OPINION_2006("1"),
        ),
        Clock(
            key="opinion",
            title="答复书面咨询",
            on=PROCURATORATE,
            after=("ask_opinion",),
            met_by=("give_opinion",),
            length=days(7),
            cite=RULES_2021("13", Mark.TO_CONFIRM),
        ),
    ),
)
