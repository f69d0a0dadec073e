"""法治副校长: one legal vice-principal's post at one school, from the plan to its end."""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import UUID4, Field, field_validator
from pydantic_core import PydanticCustomError

from shared.mechanism.grammar import (
    Basis,
    Clock,
    Form,
    FromSetting,
    Kind,
    KindsBy,
    Law,
    Mark,
    Mechanism,
    OnlyOne,
    Party,
    Purpose,
    Reminder,
    Secret,
    State,
    Step,
    days,
    months,
    years,
)

MEASURES = Law("中小学法治副校长聘任与管理办法", "教育部令第52号", "2022-05-01")
PREVENTION = Law("预防未成年人犯罪法", "", "2021-06-01")
# Of these articles the text was not read; a lawyer finds their numbers.
UNREAD: Final = "条款待核"
QUOTED, BELIEVED = MEASURES(UNREAD, Mark.SECOND_HAND), MEASURES(UNREAD, Mark.TO_CONFIRM)

CLASS_HOURS: Final = 4  # of legal education, at each school, in a year
TRAINING_HOURS: Final = 8
SCHOOLS_AT_ONCE: Final = 2
AGE_OF_RETIRED: Final = 65
TERM_YEARS: Final = 3

EDUCATION = Party("education_authority", "教育行政部门", kinds=("education_authority",))
SCHOOL = Party("school", "学校", kinds=("school",))
SENDERS: Final = ("court", "procuratorate", "public_security", "justice_bureau")
ORGAN = Party(
    "dispatching_organ",
    "派出机关",
    kinds=SENDERS,
    fits=KindsBy("sender_kind", {kind: (kind,) for kind in SENDERS}),
)
VICE_PRINCIPAL = Party("vice_principal", "法治副校长", recorded_by=ORGAN.key)
PROCURATORATE = Party("procuratorate", "人民检察院", kinds=("procuratorate",), by_division=True)


class SchoolType(StrEnum):
    """Which schools have one; a kindergarten may, by reference."""

    ORDINARY = "ordinary"  # 普通中小学
    VOCATIONAL = "vocational"  # 中等职业学校
    SPECIAL_EDUCATION = "special_education"  # 特殊教育学校
    SPECIALIZED = "specialized"  # 专门学校
    KINDERGARTEN = "kindergarten"  # 幼儿园（参照）


class Sender(StrEnum):
    """The four who may send one, as the directory calls their kinds."""

    COURT = "court"
    PROCURATORATE = "procuratorate"
    PUBLIC_SECURITY = "public_security"
    JUSTICE_BUREAU = "justice_bureau"


class Need(StrEnum):
    """Why a school comes first."""

    REMOTE = "remote"  # 偏远
    RURAL = "rural"  # 农村
    WEAK_URBAN = "weak_urban"  # 城市薄弱
    LARGE = "large"  # 规模较大
    ORDINARY = "ordinary"


class Expertise(StrEnum):
    """In what the person works."""

    JUVENILE = "juvenile"  # 未成年人
    CRIMINAL = "criminal"
    CIVIL = "civil"
    ADMINISTRATIVE = "administrative"
    POLICING = "policing"  # 治安
    LEGAL_PUBLICITY = "legal_publicity"  # 普法
    OTHER = "other"


class Duty(StrEnum):
    """The seven duties (52号 5)."""

    LEGAL_EDUCATION = "legal_education"
    STUDENT_RIGHTS = "student_rights"
    CRIME_PREVENTION = "crime_prevention"
    SCHOOL_SAFETY = "school_safety"
    EDUCATIONAL_DISCIPLINE = "educational_discipline"
    RULE_OF_LAW_GOVERNANCE = "rule_of_law_governance"
    OTHER = "other"


class Audience(StrEnum):
    """For whom it was."""

    STUDENTS = "students"
    TEACHERS = "teachers"
    PARENTS = "parents"
    SCHOOL = "school"  # its leadership and committees
    MIXED = "mixed"


class Grade(StrEnum):
    """The yearly evaluation."""

    EXCELLENT = "excellent"
    COMPETENT = "competent"
    BASIC = "basic"
    INCOMPETENT = "incompetent"


class Course(StrEnum):
    """What was taught before taking office."""

    LAW = "law"
    EDUCATION = "education"
    PSYCHOLOGY = "psychology"
    JOINT = "joint"  # 同堂培训


class Change(StrEnum):
    """Why somebody leaves before the term is over."""

    TRANSFERRED = "transferred"
    RETIRED = "retired"
    RESIGNED = "resigned"
    UNFIT = "unfit"
    OTHER = "other"


class Ground(StrEnum):
    """Why somebody is dismissed."""

    NOT_PERFORMING = "not_performing"
    UNFIT = "unfit"
    MISCONDUCT = "misconduct"


Day = Annotated[dt.date, Field(ge=dt.date(2000, 1, 1), le=dt.date(2099, 12, 31))]
Letter = Annotated[
    str,
    Field(
        pattern=r"^[一-龥A-Za-z]{1,12}[〔\[(（]?[0-9]{4}[〕\])）]?[0-9A-Za-z-]{0,8}[0-9]号?$",
        max_length=40,
        description="聘书编号",
    ),
]
PersonId = Annotated[
    UUID4,
    Field(
        description="The person, here and at a second school: random, from the register or new; made from nothing else."
    ),
]
BirthYear = Annotated[int, Field(ge=1930, le=2020)]
LegalYears = Annotated[int, Field(ge=0, le=60, description="从事法律工作年限")]
TrainingHours = Annotated[int, Field(ge=TRAINING_HOURS, le=1000, description="岗前培训学时")]
Number = Annotated[int, Field(ge=1, le=10, description="第几个聘期")]
SecondSchool = Annotated[
    bool, Field(description="The person serves at another school already; two at once are the most.")
]
Year = Annotated[
    int, Field(ge=2000, le=2099, description="The year, or the one in which the school year begins")
]
_PERSON_EXAMPLE: Final = {"name": "示例甲", "post": "检察官", "phone": "0379-00000000"}
_ID_EXAMPLE: Final = "3d0c6a1e-8f5b-4a55-9c57-1f0f7b0f9a10"


class Person(Form):
    """Who it is; read by those who work with the person."""

    name: Annotated[str, Field(min_length=1, max_length=50)] = Field(examples=["示例甲"])
    post: Annotated[str, Field(min_length=1, max_length=100)] = Field(examples=["检察官"])
    phone: Annotated[str, Field(min_length=3, max_length=30)] = Field(examples=["0379-00000000"])


class Remark(Form):
    """What the yearly evaluation says beside its grade."""

    text: Annotated[str, Field(min_length=1, max_length=2000)] = Field(examples=["授课深受学生欢迎。"])


class Plan(Form):
    """Which school needs one, and whom it is asked of."""

    year: Year = Field(examples=[2026])
    school_type: SchoolType = Field(examples=["ordinary"])
    need: Need = Need.ORDINARY
    planned_posts: int = Field(
        1, ge=1, le=5, description="At least 1; 2 to 5 where a school is large or needs it"
    )
    sender_kind: Sender = Field(examples=["procuratorate"])


class Recommendation(Form):
    """Whom the organ proposes."""

    person: Person = Field(examples=[_PERSON_EXAMPLE])
    person_id: PersonId = Field(examples=[_ID_EXAMPLE])
    birth_year: BirthYear = Field(examples=[1985])
    years_of_legal_work: LegalYears = Field(examples=[8])
    retired: bool = False
    expertise: Expertise = Expertise.OTHER
    no_conflict: Literal[True] = Field(
        description="No conflict of interest with the school was found.", examples=[True]
    )


class Training(Form):
    hours: TrainingHours = Field(examples=[8])
    courses: list[Course] = Field(min_length=1, max_length=4, examples=[["law", "education"]])
    completed_on: Day = Field(examples=["2026-08-20"])


def term_end(starts_on: dt.date) -> dt.date:
    """Return the last day of a usual term."""
    year = starts_on.year + TERM_YEARS
    leap_day = (starts_on.month, starts_on.day) == (2, 29)
    after = dt.date(year, 3, 1) if leap_day else starts_on.replace(year=year)
    return after - dt.timedelta(days=1)


class Term(Form):
    """The letter and the days of one term; three years where no last day is given."""

    letter_number: Letter = Field(examples=["洛教聘〔2026〕17号"])
    starts_on: Day = Field(examples=["2026-09-01"])
    ends_on: Day | None = Field(None, validate_default=True, description="Its last day")

    @field_validator("ends_on")
    @classmethod
    def _after_start(cls, value: dt.date | None, info: Any) -> dt.date | None:
        begins = info.data.get("starts_on")
        if begins is None:
            return value  # said of that field already
        ends = value or term_end(begins)
        if ends <= begins:
            raise PydanticCustomError("ends_before_start", "a term ends after it has begun")
        return ends


class Appointment(Term):
    term: Number = 1
    second_school: SecondSchool = False
    screened_on: Day | None = Field(None, description="入职查询日期")


class Renewal(Term):
    retired: bool | None = Field(None, description="Where that has changed")


class TakeOver(Appointment):
    """A post that began before this register did."""

    school_type: SchoolType = Field(examples=["ordinary"])
    sender_kind: Sender = Field(examples=["procuratorate"])
    person: Person = Field(examples=[_PERSON_EXAMPLE])
    person_id: PersonId = Field(examples=[_ID_EXAMPLE])
    birth_year: BirthYear = Field(examples=[1985])
    years_of_legal_work: LegalYears = Field(examples=[8])
    retired: bool = False
    training_hours: TrainingHours = Field(examples=[8])
    taught_hours: int = Field(
        0, ge=0, le=200, description="Class hours of legal education given this year before"
    )


class Work(Form):
    """What was done at the school; cases are told without identities, and not here."""

    duty: Duty = Field(examples=["legal_education"])
    done_on: Day = Field(examples=["2026-10-12"])
    class_hours: int = Field(ge=0, le=8, examples=[2])
    audience: Audience = Field(examples=["students"])
    cases: int = Field(0, ge=0, le=50, description="How many cases were used")


class Confirmation(Form):
    entries: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(
        min_length=1,
        max_length=100,
        description="Versions of the history entries with the work",
        examples=[[7]],
    )


class Assessment(Form):
    year: Year = Field(examples=[2026])
    grade: Grade = Field(examples=["competent"])
    remark: Remark | None = None


class Leaving(Form):
    reason: Change = Field(examples=["transferred"])
    effective_on: Day = Field(examples=["2027-03-01"])


class Replacement(Form):
    """The post, opened beside this one, for which somebody new is recommended."""

    successor: list[UUID] = Field(
        min_length=1, max_length=1, examples=[["6f1c2a34-9d7e-4a51-8a0e-2f6f0c9b7d11"]]
    )


class Dismissal(Form):
    ground: Ground = Field(examples=["not_performing"])


class OpenedYear(Form):
    year: Year = Field(examples=[2026])
    last_day: Day = Field(examples=["2026-12-31"])


class FulfilledYear(Form):
    year: Year = Field(examples=[2026])


_ENDS = ("replace", "dismiss", "end_term")
_BEGINS = ("appoint", "take_over")
_EVERYBODY = (EDUCATION, SCHOOL, ORGAN)

MECHANISM = Mechanism(
    key="vice_principal",
    path="vice-principals",
    title="法治副校长",
    title_en="Legal vice-principal",
    basis=MEASURES,
    edition="2022-05-01",
    parties=(EDUCATION, SCHOOL, ORGAN, VICE_PRINCIPAL, PROCURATORATE),
    overseers=(EDUCATION, PROCURATORATE),
    states=(
        State("planned", "已列入计划"),
        State("recommended", "已推荐"),
        State("in_pool", "已入人员库"),
        State("trained", "已完成岗前培训"),
        State("serving", "在任"),
        State("leaving", "待更换"),
        State("replaced", "已更换", ends=True),
        State("dismissed", "已解聘", ends=True),
        State("ended", "聘期结束", ends=True),
        State("cancelled", "不再聘任", ends=True),
    ),
    # A person has two places, and each is taken by one post: the database itself keeps it so.
    only_one=OnlyOne(
        parties=(),
        fields=("person_id", "second_school"),
        during=("serving", "leaving"),
        cite=QUOTED,
    ),
    opening=Step(
        key="plan",
        title="列入年度聘任计划",
        by=EDUCATION,
        to="planned",
        said="planned",
        form=Plan,
        binds=(SCHOOL, ORGAN),
        tells=(SCHOOL, ORGAN),
        cite=(QUOTED, PREVENTION("18")),
    ),
    entrances=(
        Step(
            key="take_over",
            title="既有名册登记",
            by=EDUCATION,
            to="serving",
            said="taken_over",
            form=TakeOver,
            binds=(SCHOOL, ORGAN),
            tells=(),  # for nobody anything is new
            cite=MEASURES(UNREAD, Mark.DESIGN),
        ),
    ),
    steps=(
        Step(
            key="recommend",
            title="推荐",
            by=ORGAN,
            source=("planned",),
            to="recommended",
            said="recommended",
            form=Recommendation,
            tells=(EDUCATION,),
            cite=BELIEVED,
        ),
        Step(
            key="pool",
            title="列入人员库",
            by=EDUCATION,
            source=("recommended",),
            to="in_pool",
            said="pooled",
            tells=(ORGAN,),
            cite=BELIEVED,
        ),
        Step(
            key="train",
            title="登记岗前培训",
            by=(EDUCATION, ORGAN),
            source=("in_pool",),
            to="trained",
            said="trained",
            form=Training,
            tells=(EDUCATION, SCHOOL),
            cite=BELIEVED,
        ),
        Step(
            key="appoint",
            title="聘任",
            by=(EDUCATION, SCHOOL),
            source=("trained",),
            to="serving",
            said="appointed",
            form=Appointment,
            tells=_EVERYBODY,
            cite=(MEASURES("10", Mark.TO_CONFIRM), PREVENTION("18")),
        ),
        Step(
            key="cancel",
            title="不再聘任",
            by=(EDUCATION, ORGAN),
            source=("planned", "recommended", "in_pool", "trained"),
            to="cancelled",
            said="cancelled",
            tells=_EVERYBODY,
            cite=MEASURES(UNREAD, Mark.DESIGN),
        ),
        Step(
            key="log_work",
            title="登记履职",
            by=(VICE_PRINCIPAL, SCHOOL),
            source=("serving", "leaving"),
            said="work_logged",
            form=Work,
            tells=(SCHOOL,),
            cite=MEASURES("5", Mark.SECOND_HAND),
        ),
        Step(
            key="confirm_work",
            title="确认履职",
            by=SCHOOL,
            source=("serving", "leaving"),
            said="work_confirmed",
            form=Confirmation,
            tells=(ORGAN,),
            cite=MEASURES("5", Mark.SECOND_HAND),
        ),
        # These two are taken by the service itself, in the name of who keeps the register.
        Step(
            key="open_year",
            title="年度课时任务开始",
            by=EDUCATION,
            source=("serving", "leaving"),
            said="year_opened",
            form=OpenedYear,
            tells=(),
            cite=MEASURES("5", Mark.SECOND_HAND),
        ),
        Step(
            key="fulfil_hours",
            title="年度课时达标",
            by=SCHOOL,
            source=("serving", "leaving"),
            said="hours_fulfilled",
            form=FulfilledYear,
            tells=(ORGAN,),
            cite=MEASURES("5", Mark.SECOND_HAND),
        ),
        Step(
            key="assess",
            title="年度考核",
            by=SCHOOL,
            source=("serving", "leaving"),
            said="assessed",
            form=Assessment,
            tells=(EDUCATION, ORGAN),
            cite=BELIEVED,
        ),
        Step(
            key="report_change",
            title="报告变动",
            by=(SCHOOL, VICE_PRINCIPAL),
            source=("serving",),
            to="leaving",
            said="change_reported",
            form=Leaving,
            tells=_EVERYBODY,
            cite=BELIEVED,
        ),
        Step(
            key="replace",
            title="更换",
            by=(EDUCATION, ORGAN),
            source=("leaving",),
            to="replaced",
            said="replaced",
            form=Replacement,
            links="successor",
            tells=_EVERYBODY,
            cite=BELIEVED,
        ),
        Step(
            key="dismiss",
            title="解聘",
            by=(EDUCATION, SCHOOL),
            source=("serving",),
            to="dismissed",
            said="dismissed",
            form=Dismissal,
            tells=_EVERYBODY,
            cite=BELIEVED,
        ),
        Step(
            key="renew",
            title="续聘",
            by=EDUCATION,
            source=("serving",),
            said="renewed",
            form=Renewal,
            tells=_EVERYBODY,
            cite=MEASURES("10", Mark.TO_CONFIRM),
        ),
        Step(
            key="end_term",
            title="聘期结束",
            by=EDUCATION,
            source=("serving", "leaving"),
            to="ended",
            said="term_ended",
            tells=_EVERYBODY,
            cite=MEASURES("10", Mark.TO_CONFIRM),
        ),
    ),
    clocks=(
        Clock(
            key="filling",
            title="落实聘任计划",
            on=EDUCATION,
            kind=Kind.SOFT,
            during=("planned", "recommended", "in_pool", "trained"),
            met_by=("appoint",),
            length=FromSetting("vice_principal.filling", months(12)),
            cite=MEASURES(UNREAD, Mark.LOCAL),
        ),
        # A cycle whose years are the calendar's or the school's own: each is opened, and owed until its last day.
        Clock(
            key="hours",
            title="年度四课时",
            on=VICE_PRINCIPAL,
            after=("open_year",),
            item="year",
            met_by=("fulfil_hours",),
            dropped_by=_ENDS,
            counts_from="last_day",
            backward=True,
            length=months(0),
            roll=False,
            reminders=(Reminder(offset=days(92), to=("school", "dispatching_organ")),),
            cite=MEASURES("5", Mark.SECOND_HAND),
        ),
        Clock(
            key="assessment",
            title="年度考核",
            on=SCHOOL,
            kind=Kind.CYCLE,
            after=(*_BEGINS, "assess"),
            met_by=("assess",),
            dropped_by=_ENDS,
            length=FromSetting("vice_principal.assessment", years(1)),
            reminders=(Reminder(offset=days(30), to=("school",), merges=True),),
            cite=BELIEVED,
        ),
        Clock(
            key="replacement",
            title="推荐新的人选",
            on=ORGAN,
            during=("leaving",),
            met_by=("replace",),
            length=months(1),
            reminders=(
                Reminder(offset=days(7), to=("dispatching_organ", "education_authority"), merges=True),
            ),
            cite=BELIEVED,
        ),
        Clock(
            key="term",
            title="聘期",
            on=EDUCATION,
            kind=Kind.VALIDITY,
            after=(*_BEGINS, "renew"),
            dropped_by=_ENDS,
            counts_from="ends_on",
            backward=True,
            length=months(0),
            roll=False,
            cite=MEASURES("10", Mark.TO_CONFIRM),
        ),
        Clock(
            key="term_warning",
            title="聘期将满提醒",
            on=EDUCATION,
            kind=Kind.SOFT,
            after=(*_BEGINS, "renew"),
            dropped_by=(*_ENDS, "renew"),
            counts_from="ends_on",
            backward=True,
            length=FromSetting("vice_principal.term_warning", days(90)),
            roll=False,
            reminders=(Reminder(offset=days(0), to=("school", "dispatching_organ")),),
            cite=MEASURES(UNREAD, Mark.LOCAL),
        ),
    ),
    secrets=(
        Secret(
            key="person",
            title="法治副校长本人",
            prefix="P",
            form=Person,
            readers={
                "name": (*_EVERYBODY, PROCURATORATE),
                "post": (*_EVERYBODY, PROCURATORATE),
                "phone": (SCHOOL, EDUCATION),
            },
            owners=(EDUCATION, ORGAN),
            purposes=(
                Purpose("contact", "联系履职", Basis.STATUTORY_DUTY, PREVENTION("18")),
                Purpose("appraisal", "考核与人事", Basis.STATUTORY_DUTY, BELIEVED),
                Purpose("supervision", "法律监督", Basis.STATUTORY_DUTY, PREVENTION("18")),
            ),
            cite=MEASURES(UNREAD, Mark.DESIGN),
        ),
        Secret(
            key="remark",
            title="考核评语",
            prefix="K",
            form=Remark,
            readers={"text": _EVERYBODY},
            owners=(EDUCATION, ORGAN),
            purposes=(Purpose("appraisal", "考核与人事", Basis.STATUTORY_DUTY, BELIEVED),),
            cite=MEASURES(UNREAD, Mark.DESIGN),
        ),
    ),
)
