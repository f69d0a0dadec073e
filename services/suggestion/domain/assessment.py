"""The yearly assessment (法治政府建设考核): suggestions as they stood at the end of a day, and the workbook; pure."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from services.suggestion.domain.standing import Counts, Course, PointCourse, counts, course, day_of
from services.suggestion.mechanisms.procuratorial_suggestion import Type
from shared.clocks.counting import start_of
from shared.mechanism.matter import Entry

Value = str | int | date | None
Cells = Sequence[Value]

# What a spreadsheet takes for a formula, the last two behind a cell that seems to end.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_TYPES: Final = {
    Type.RETRIAL: "再审检察建议",
    Type.CORRECTION: "纠正违法检察建议",
    Type.PUBLIC_INTEREST: "公益诉讼检察建议",
    Type.SOCIAL_GOVERNANCE: "社会治理检察建议",
    Type.OTHER: "其他检察建议",
}
_POINT_STATES: Final = {
    None: "未报告整改",
    "report_point": "已报告，待核实",
    "verify_point": "核实已整改",
    "revisit_point": "回头看，仍已整改",
    "reject_point": "核实未整改",
    "reopen_point": "反弹回潮，重新整改",
}
_ISSUED_HEADING: Final = (
    "事项编号", "文号", "类型", "违法情形", "领域", "被建议单位代码", "送达日期", "修改后送达日期",
    "整改事项数", "核实已整改数", "办结日期", "撤回日期",
)  # fmt: skip
_REPLY_HEADING: Final = ("事项编号", "文号", "被建议单位代码", "送达日期", "回复期限", "回复日期", "是否按期")
_POINT_HEADING: Final = (
    "事项编号", "文号", "被建议单位代码", "整改事项序号", "核实情况", "是否核实已整改", "报告日期", "核实日期",
    "回头看日期", "核实未整改日期", "重新整改日期",
)  # fmt: skip
_POINT_DATES: Final = ("report_point", "verify_point", "revisit_point", "reject_point", "reopen_point")


@dataclass(frozen=True, slots=True)
class Period:
    """From 1 January of the year of the cut-off day up to the end of that day, in Asia/Shanghai."""

    cut_off: date

    @property
    def since(self) -> date:
        return self.cut_off.replace(month=1, day=1)

    @property
    def until(self) -> datetime:
        """Return the first moment that does not belong to it."""
        return start_of(self.cut_off + timedelta(days=1))

    def over(self, now: datetime) -> bool:
        """Return whether nothing more can come to be recorded in it.

        A moment is given to an entry seconds before the entry is written: so a minute more.
        """
        return day_of(now - timedelta(minutes=1)) > self.cut_off


@dataclass(frozen=True, slots=True)
class Assessed:
    """One suggestion delivered in the period, as it stood at its end."""

    matter: str
    unit: str
    course: Course


@dataclass(frozen=True, slots=True)
class Tally:
    """What all of them add up to. The withdrawn ones are listed and counted nowhere else."""

    withdrawn: int
    counts: Counts


def assess(period: Period, matter: str, unit: str, history: Sequence[Entry]) -> Assessed | None:
    """Return the suggestion as it stood at the end of the period; None if it was not delivered within it.

    What was recorded afterwards does not exist here, whenever it was done.
    """
    found = course(history, period.until)
    if found is None or not period.since <= day_of(found.delivered_at) <= period.cut_off:
        return None
    return Assessed(matter, unit, found)


def tally(assessed: Iterable[Assessed]) -> Tally:
    """Add up, withdrawn suggestions apart."""
    total, withdrawn = Counts(), 0
    for each in assessed:
        if each.course.withdrawn:
            withdrawn += 1
            continue
        more = asdict(counts(each.course))
        total = replace(total, **{name: value + more[name] for name, value in asdict(total).items()})
    return Tally(withdrawn, total)


def workbook(period: Period, assessed: Sequence[Assessed]) -> bytes:
    """Return the XLSX file: 建议清单, 回复清单, 核实清单. It takes seconds for thousands; for a thread."""
    book = Workbook(write_only=True)
    ordered = sorted(assessed, key=lambda each: (day_of(each.course.delivered_at), each.matter))
    counting = [each for each in ordered if not each.course.withdrawn]
    _add(book, "建议清单", _ISSUED_HEADING, map(_issued, ordered))
    _add(book, "回复清单", _REPLY_HEADING, (_reply(period, each) for each in counting))
    _add(
        book,
        "核实清单",
        _POINT_HEADING,
        (_point(each, point) for each in counting for point in each.course.points),
    )
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _add(book: Workbook, title: str, heading: Cells, rows: Iterable[Cells]) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    sheet.append(list(heading))
    for row in rows:
        sheet.append(list(_written(sheet, row)))


def _written(sheet: Any, row: Cells) -> Iterator[object]:
    """Give the cells as a spreadsheet shall take them: what a unit typed is text, whatever it begins with."""
    for value in row:
        if not isinstance(value, str):
            yield value
            continue
        text = ILLEGAL_CHARACTERS_RE.sub("", value)  # XML has no form for them
        if not text.startswith(_FORMULA):
            yield text
            continue
        cell = WriteOnlyCell(sheet, text)
        cell.data_type = "s"
        cell.number_format = "@"
        cell.quotePrefix = True  # it stays text when somebody edits it
        yield cell


def _issued(each: Assessed) -> Cells:
    found = each.course
    return (
        each.matter,
        found.answers.get("number"),
        _TYPES[Type(found.answers["type"])],
        found.answers["breach"],
        found.answers["field"],
        each.unit,
        day_of(found.delivered_at),
        _day(found.delivered_again_at),
        len(found.points),
        found.verified,
        _day(found.closed_at) if found.closed else None,
        _day(found.withdrawn_at),
    )


def _reply(period: Period, each: Assessed) -> Cells:
    found = each.course
    due_at = found.reply_due_at
    if found.replied_at is not None:
        state = "按期" if found.replied_in_time else "逾期回复"
    elif due_at is not None and due_at <= period.until:
        state = "逾期未回复"
    else:
        state = "未回复，期限未届满"
    return (
        each.matter,
        found.answers.get("number"),
        each.unit,
        day_of(found.delivered_at),
        # The limit is the midnight after the last day.
        _day(due_at - timedelta(microseconds=1)) if due_at else None,
        _day(found.replied_at),
        state,
    )


def _point(each: Assessed, point: PointCourse) -> Cells:
    return (
        each.matter,
        each.course.answers.get("number"),
        each.unit,
        point.number,
        _POINT_STATES[point.last],
        "是" if point.verified else "否",
        *(_day(point.done.get(step)) for step in _POINT_DATES),
    )


def _day(moment: datetime | None) -> date | None:
    return day_of(moment) if moment is not None else None
