"""A roster of units as departments keep it (CSV or XLSX): reading it, and judging each row."""

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from openpyxl import load_workbook
from pydantic import TypeAdapter, ValidationError

from services.notifier.domain.units import Fault, Unit, UnitCode, UnitKind, faults, normal

ROWS_LIMIT: Final = 20_000
_UNPACKED_LIMIT: Final = 64 * 1024 * 1024
CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

COLUMNS: Final[Mapping[str, str]] = {
    "单位代码": "code",
    "单位名称": "name",
    "单位类别": "kind",
    "行政区划代码": "division",
    "统一社会信用代码": "uscc",
    "上级单位代码": "superior",
    "联系方式": "contact_points",
    "是否启用": "active",
}
KINDS: Final[Mapping[str, UnitKind]] = {
    "行政执法机关": UnitKind.ADMINISTRATIVE_ORGAN,
    "公安机关": UnitKind.PUBLIC_SECURITY,
    "人民检察院": UnitKind.PROCURATORATE,
    "人民法院": UnitKind.COURT,
    "监狱": UnitKind.PRISON,
    "司法行政机关": UnitKind.JUSTICE_BUREAU,
    "监察机关": UnitKind.SUPERVISORY_COMMISSION,
    "人民政府": UnitKind.GOVERNMENT,
    "学校": UnitKind.SCHOOL,
    "用人单位": UnitKind.EMPLOYER,
    "民政部门": UnitKind.CIVIL_AFFAIRS,
    "教育行政部门": UnitKind.EDUCATION_AUTHORITY,
    "卫生健康部门": UnitKind.HEALTH_AUTHORITY,
    "医疗机构": UnitKind.HOSPITAL,
    "救助保护机构": UnitKind.RELIEF_BODY,
    "居（村）民委员会": UnitKind.RESIDENTS_COMMITTEE,
    "妇女联合会": UnitKind.WOMENS_FEDERATION,
    "共青团": UnitKind.YOUTH_LEAGUE,
    "关心下一代工作委员会": UnitKind.CARE_COMMITTEE,
    "其他": UnitKind.OTHER,
}
_FLAGS: Final = {"true": True, "1": True, "是": True, "false": False, "0": False, "否": False}
_CODE: Final[TypeAdapter[str]] = TypeAdapter(UnitCode)


class Unreadable(Exception):  # a finding about the file, said to the caller
    """The file as a whole cannot be taken; the code is stable, the sentence repeats nothing of the file."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file (the heading is line 1) with the cells of the columns it has."""

    line: int
    cells: Mapping[str, str]


class Outcome(StrEnum):
    """What becomes of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with one row; a refused one says why, any other has its code and record."""

    line: int
    outcome: Outcome
    code: str | None = None
    unit: Unit | None = None
    faults: tuple[Fault, ...] = ()


def read(content: bytes, media_type: str) -> list[Row]:
    """The rows of a CSV (UTF-8 or GB 18030) or of the first sheet of an XLSX; Unreadable otherwise."""
    table = _xlsx(content) if media_type == XLSX else _csv(content)
    heading = [COLUMNS.get(cell, cell) for cell in next(table, [])]
    known = set(COLUMNS.values())
    if (
        "code" not in heading
        or len(set(heading)) != len(heading)
        or not known.issuperset(filter(None, heading))
    ):
        raise Unreadable("roster-columns", f"the heading must hold code, and only once each: {sorted(known)}")
    rows = [
        Row(line, {column: cell for column, cell in zip(heading, cells, strict=False) if column})
        for line, cells in enumerate(islice(table, ROWS_LIMIT + 1), start=2)
        if any(cells)
    ]
    if len(rows) > ROWS_LIMIT:
        raise Unreadable("roster-too-long", f"at most {ROWS_LIMIT} rows in one file")
    return rows


def judge(rows: Iterable[Row], known: Mapping[str, Unit], on: dt.date) -> list[Verdict]:
    """Say what becomes of each row, in the order in which to write: a superior before those below it."""
    verdicts, candidates = _candidates(rows, known)
    accepted: dict[str, Unit] = {}
    undecided = {code: unit for code, (_, unit) in candidates.items()}

    def superior_of(code: str) -> str | None:
        for place in (accepted, undecided, known):
            if code in place:
                return place[code].superior
        raise KeyError(code)

    for start in candidates:
        for code in reversed(_line_up(start, undecided, known)):
            line, unit = candidates[code]
            found = faults(code, unit, on, superior_of)
            del undecided[code]
            if found:
                verdicts.append(Verdict(line, Outcome.REFUSED, code, faults=tuple(found)))
                continue
            accepted[code] = unit
            before = known.get(code)
            changed = Outcome.UNCHANGED if unit == before else Outcome.UPDATED
            verdicts.append(Verdict(line, changed if before else Outcome.CREATED, code, unit))
    return verdicts


def _candidates(
    rows: Iterable[Row], known: Mapping[str, Unit]
) -> tuple[list[Verdict], dict[str, tuple[int, Unit]]]:
    refused: list[Verdict] = []
    candidates: dict[str, tuple[int, Unit]] = {}
    first: dict[str, int] = {}
    for row in rows:
        try:
            code = _CODE.validate_python(row.cells["code"])
        except ValidationError as error:
            refused.append(Verdict(row.line, Outcome.REFUSED, faults=tuple(_shape_faults(error, "code"))))
            continue
        if code in first:
            fault = Fault("code", "row-repeated", f"这个单位代码已在第 {first[code]} 行出现 (already given)")
            refused.append(Verdict(row.line, Outcome.REFUSED, code, faults=(fault,)))
            continue
        first[code] = row.line
        try:
            candidates[code] = row.line, normal(_unit(row, known.get(code)))
        except ValidationError as error:
            refused.append(Verdict(row.line, Outcome.REFUSED, code, faults=tuple(_shape_faults(error))))
    return refused, candidates


def _line_up(code: str, undecided: Mapping[str, Unit], known: Mapping[str, Unit]) -> list[str]:
    """The undecided rows from `code` upward through all its superiors."""
    line: dict[str, None] = {}
    seen: set[str] = set()
    above: str | None = code if code in undecided else None
    while above is not None and above not in seen:
        seen.add(above)
        if above in undecided:
            line[above] = None
        place = undecided if above in undecided else known
        above = place[above].superior if above in place else None
    return list(line)


def _unit(row: Row, before: Unit | None) -> Unit:
    """The record a row asks for: a column that is not in the file leaves what was there."""
    fields: dict[str, Any] = before.model_dump(mode="json") if before else {}
    for column, cell in row.cells.items():
        if column == "kind":
            fields["kind"] = KINDS.get(cell, cell)
        elif column == "active":
            fields["active"] = _FLAGS.get(cell.lower(), cell) if cell else True
        elif column == "contact_points":
            fields["contact_points"] = list(_contact_points(cell))
        elif column in {"uscc", "superior"}:
            fields[column] = cell or None
        elif column != "code":
            fields[column] = cell
    return Unit.model_validate(fields)


def _contact_points(cell: str) -> Iterator[dict[str, str]]:
    for part in filter(str.strip, cell.replace("；", ";").replace("\n", ";").split(";")):
        role, _, rest = part.replace("：", ":").strip().partition(":")
        channel, _, address = rest.partition(":")
        yield {"role": role, "channel": channel, "address": address}


def _shape_faults(error: ValidationError, field: str = "") -> Iterator[Fault]:
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(step) for step in each["loc"]) or field
        yield Fault(place, each["type"].replace("_", "-"), each["msg"])


def _csv(content: bytes) -> Iterator[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):  # what spreadsheets in China save is often the latter
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Unreadable("roster-unreadable", "a CSV in UTF-8 or GB 18030 is needed")
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), strict=True):
            yield [cell.strip() for cell in cells]
    except csv.Error:
        raise Unreadable("roster-unreadable", "the file is not a well-formed CSV") from None


def _xlsx(content: bytes) -> Iterator[list[str]]:
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
        raise Unreadable("roster-unreadable", "the file is not a readable XLSX workbook") from None


def _refuse_bomb(content: bytes) -> None:
    """A few kilobytes can unpack to gigabytes; no member of a ZIP yields more than it declares."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _UNPACKED_LIMIT:
            raise Unreadable("roster-too-long", "the workbook unpacks to more than 64 MB")


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def in_file_order(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda verdict: verdict.line)
