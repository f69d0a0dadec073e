"""An existing register as an XLSX workbook: its columns, its rows, and the form that each row asks for; pure."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final
from uuid import uuid4

from openpyxl import load_workbook
from pydantic import ValidationError

from services.minors.mechanisms.vice_principal import SCHOOLS_AT_ONCE, Person, SchoolType, TakeOver

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_LIMIT: Final = 20_000
_UNPACKED_LIMIT: Final = 64 * 1024 * 1024

COLUMNS: Final[Mapping[str, str]] = {
    "学校代码": "school",
    "学校类型": "school_type",
    "派出机关代码": "sender",
    "姓名": "name",
    "职务": "post",
    "联系电话": "phone",
    "人员编号": "person",  # the file's own; tells its rows apart, and is not kept
    "人员标识": "person_id",  # this register's
    "出生年份": "birth_year",
    "法律工作年限": "years_of_legal_work",
    "是否退休": "retired",
    "培训学时": "training_hours",
    "聘书编号": "letter_number",
    "聘期开始": "starts_on",
    "聘期届满": "ends_on",
    "聘期届次": "term",
    "第二任职学校": "second_school",
    "入职查询日期": "screened_on",
    "本年度已授课时": "taught_hours",
}
NEEDED: Final = (
    "school", "sender", "name", "post", "phone", "birth_year", "years_of_legal_work", "training_hours",
    "letter_number", "starts_on",
)  # fmt: skip
_TYPES: Final = {
    "普通中小学": SchoolType.ORDINARY,
    "中等职业学校": SchoolType.VOCATIONAL,
    "特殊教育学校": SchoolType.SPECIAL_EDUCATION,
    "专门学校": SchoolType.SPECIALIZED,
    "幼儿园": SchoolType.KINDERGARTEN,
}
_FLAGS: Final = {"true": True, "1": True, "是": True, "false": False, "0": False, "否": False}
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_DAYS: Final = ("starts_on", "ends_on", "screened_on")
_YES_OR_NO: Final = ("retired", "second_school")


class Unreadable(Exception):  # a finding about the file, said to the caller
    """The file as a whole cannot be taken; the code is stable, the sentence repeats nothing of the file."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is refused: the column, a stable code, and a sentence that repeats no input."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file (the heading is line 1). `new`: the person got its id from this file."""

    line: int
    cells: Mapping[str, str]
    new: bool
    fault: Fault | None = None


def read(content: bytes) -> list[Row]:
    """Return the rows of the first sheet, each with the id of its person; Unreadable otherwise."""
    table = _table(content)
    heading = [COLUMNS.get(cell, cell) for cell in next(table, [])]
    named = [name for name in heading if name]
    if not set(NEEDED) <= set(named) <= set(COLUMNS.values()) or len(set(named)) != len(named):
        raise Unreadable(
            "register-columns", f"the heading must hold {', '.join(NEEDED)}, and nothing twice or unknown"
        )
    rows = [
        (line, {column: cell for column, cell in zip(heading, cells, strict=False) if column and cell})
        for line, cells in enumerate(islice(table, ROWS_LIMIT + 1), start=2)
        if any(cells)
    ]
    if len(rows) > ROWS_LIMIT:
        raise Unreadable("register-too-long", f"at most {ROWS_LIMIT} rows in one file")
    return list(_told_apart(rows))


def form_of(row: Row, sender_kind: str | None) -> dict[str, Any] | list[Fault]:
    """Return the form of the row as the route takes it, or everything that is wrong with it."""
    cells: dict[str, Any] = dict(row.cells)
    for name in _DAYS:
        if name in cells and (found := _DATE.fullmatch(cells[name])):
            cells[name] = "-".join(part.zfill(2) for part in found.groups())
    for name in _YES_OR_NO:
        if name in cells:
            cells[name] = _FLAGS.get(cells[name].lower(), cells[name])
    kind = cells.get("school_type", SchoolType.ORDINARY)
    person = {name: cells[name] for name in Person.model_fields if name in cells}
    given = {name: value for name, value in cells.items() if name in TakeOver.model_fields}
    fields = {**given, "school_type": _TYPES.get(kind, kind), "sender_kind": sender_kind, "person": person}
    try:
        return TakeOver.model_validate(fields).model_dump(mode="json")
    except ValidationError as error:
        return [
            Fault(str(each["loc"][-1]), each["type"].replace("_", "-"), each["msg"])
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]


def column_of(field: str) -> str:
    """Return the column that a field of a refusal stands for."""
    last = field.rpartition(".")[2]
    return "sender" if last in ("dispatching_organ", "sender_kind") else last


def _told_apart(rows: Iterable[tuple[int, dict[str, str]]]) -> Iterator[Row]:
    """Give each row its person: by the register's id, else by the file's own number, else by name and phone."""
    ids: dict[tuple[str | None, ...], str] = {}
    schools: Counter[str] = Counter()
    letters: set[tuple[str | None, str | None]] = set()
    for line, cells in rows:
        number = cells.pop("person", None)
        key = (number,) if number else (cells.get("name"), cells.get("phone"))
        new = "person_id" not in cells
        person = cells.get("person_id") or ids.setdefault(key, str(uuid4()))
        letter = (cells.get("school"), cells.get("letter_number"))
        fault = None
        if letter in letters:
            fault = Fault(
                "letter_number", "row-repeated", "这个聘书编号在文件中已出现 (given in an earlier row)"
            )
        elif schools[person] >= SCHOOLS_AT_ONCE:
            fault = Fault("person_id", "serves-twice", "文件中此人已有两所学校 (two schools in earlier rows)")
        else:
            cells.setdefault("second_school", "1" if schools[person] else "0")
            schools[person] += 1
            letters.add(letter)
        yield Row(line, {**cells, "person_id": person}, new, fault)


def _table(content: bytes) -> Iterator[list[str]]:
    try:
        _refuse_bomb(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        try:
            for cells in book.worksheets[0].iter_rows(values_only=True):
                yield [_cell(value) for value in cells]
        finally:
            book.close()
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001  # a broken workbook makes openpyxl raise nearly anything
        raise Unreadable("register-unreadable", "the file is not a readable XLSX workbook") from None


def _refuse_bomb(content: bytes) -> None:
    """A few kilobytes can unpack to gigabytes; no member of a ZIP yields more than it declares."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _UNPACKED_LIMIT:
            raise Unreadable("register-too-long", "the workbook unpacks to more than 64 MB")


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value).strip()
