"""What a unit of the directory is, and which records are refused."""

import datetime as dt
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from stdnum.cn import uscc

from shared import divisions

CODE = r"^[A-Z0-9][A-Z0-9-]{0,30}[A-Z0-9]$"
LINE_LIMIT = 12
UnitCode = Annotated[str, Field(pattern=CODE, description="单位代码", examples=["LY-GA-001"])]


class UnitKind(StrEnum):
    """What an office is; a mechanism binds its parties by it."""

    ADMINISTRATIVE_ORGAN = "administrative_organ"
    PUBLIC_SECURITY = "public_security"
    PROCURATORATE = "procuratorate"
    COURT = "court"
    PRISON = "prison"
    JUSTICE_BUREAU = "justice_bureau"
    SUPERVISORY_COMMISSION = "supervisory_commission"
    GOVERNMENT = "government"
    SCHOOL = "school"
    EMPLOYER = "employer"
    CIVIL_AFFAIRS = "civil_affairs"
    EDUCATION_AUTHORITY = "education_authority"
    HEALTH_AUTHORITY = "health_authority"
    HOSPITAL = "hospital"
    RELIEF_BODY = "relief_body"
    RESIDENTS_COMMITTEE = "residents_committee"
    WOMENS_FEDERATION = "womens_federation"
    YOUTH_LEAGUE = "youth_league"
    CARE_COMMITTEE = "care_committee"
    OTHER = "other"


class ContactChannel(StrEnum):
    """By what a contact point is reached."""

    PHONE = "phone"
    FAX = "fax"
    SMS = "sms"
    EMAIL = "email"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


class ContactPoint(BaseModel):
    """Where a duty role of a unit is reached; an address never leaves the directory."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    role: str = Field(pattern=r"^[a-z][a-z_]{0,31}$", examples=["duty_desk"])
    channel: ContactChannel
    address: str = Field(min_length=1, max_length=200, examples=["0379-00000000"])


class Unit(BaseModel):
    """A real office: its code, kind, division, the unit above it, and where it is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = Field(min_length=2, max_length=100, examples=["洛阳市公安局"])
    kind: UnitKind
    division: str = Field(pattern=r"^[0-9]{6}$", description="GB/T 2260 行政区划代码", examples=["410300"])
    uscc: str | None = Field(default=None, max_length=30, description="统一社会信用代码")
    superior: UnitCode | None = Field(default=None, description="上级单位代码")
    contact_points: tuple[ContactPoint, ...] = Field(default=(), max_length=20)
    active: bool = Field(default=True, strict=True)


class Fault(NamedTuple):
    """Why a record is refused: the field, a stable code, and a sentence that repeats no input."""

    field: str
    code: str
    message: str


# Fewer characters than the standard has: none that route (%, !), none that a mail program decodes (?).
_ATOM = r"[A-Za-z0-9_+=&'~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")


def compact_uscc(number: str) -> str | None:
    """The 18 characters of a unified social credit code (GB 32100-2015), or None when it is none."""
    number = uscc.compact(number)
    # `uscc.validate` refuses letters in the first two places, which rural collectives (N1, N2, N3) carry.
    if not _USCC.fullmatch(number) or uscc.calc_check_digit(number) != number[-1]:
        return None
    return number


def is_email(address: str) -> bool:
    """Whether this is one bare ASCII address, which can neither end a header or a command nor hold a second one."""
    local, _, _ = address.rpartition("@")
    return len(address) <= 254 and len(local) <= 64 and _EMAIL.fullmatch(address) is not None


def normal(unit: Unit) -> Unit:
    """The record as it is kept: the credit code without separators, in capitals."""
    if unit.uscc is None:
        return unit
    return unit.model_copy(update={"uscc": compact_uscc(unit.uscc) or unit.uscc})


def faults(code: str, unit: Unit, on: dt.date, superior_of: Callable[[str], str | None]) -> list[Fault]:
    """Everything that forbids keeping this record on that day, all at once.

    `superior_of` gives the superior of a known unit, None at the top of a line; KeyError for an unknown one.
    """
    return [
        *_division(unit, on),
        *_credit_code(unit),
        *_mailboxes(unit),
        *_line(code, unit, superior_of),
    ]


def _division(unit: Unit, on: dt.date) -> list[Fault]:
    if divisions.live(unit.division, on):
        return []
    if divisions.find(unit.division) is None:
        return [Fault("division", "division-unknown", "这个行政区划代码不在登记之中 (not in the register)")]
    after = divisions.successor(unit.division, on)
    hint = f"，现为 (now) {after}" if after else ""
    return [Fault("division", "division-abolished", f"这个行政区划代码已撤销 (abolished){hint}")]


def _credit_code(unit: Unit) -> list[Fault]:
    if unit.uscc is None or compact_uscc(unit.uscc):
        return []
    return [Fault("uscc", "uscc-invalid", "统一社会信用代码的格式或校验码不正确 (wrong form or check digit)")]


def _mailboxes(unit: Unit) -> list[Fault]:
    emails = (each.address for each in unit.contact_points if each.channel is ContactChannel.EMAIL)
    if all(map(is_email, emails)):
        return []
    return [Fault("contact_points", "email-invalid", "电子邮件地址的格式不正确 (not an e-mail address)")]


def _line(code: str, unit: Unit, superior_of: Callable[[str], str | None]) -> list[Fault]:
    seen, above = {code}, unit.superior
    while above is not None:
        if len(seen) > LINE_LIMIT:
            return [Fault("superior", "superior-line-too-long", f"至多 {LINE_LIMIT} 级上级 (levels at most)")]
        if above in seen:
            return [Fault("superior", "superior-cycle", "上级关系成环 (the line of superiors is a circle)")]
        seen.add(above)
        try:
            above = superior_of(above)
        except KeyError:
            return [Fault("superior", "superior-unknown", "上级单位不存在 (no such unit)")]
    return []
