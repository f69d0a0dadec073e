"""Cases as a department's own system exports them (CSV), read by its mapping (TOML) into what the API takes."""

import csv
import hashlib
import io
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.clocks.calendar import SHANGHAI


class Unreadable(Exception):
    """The export or its mapping cannot be used as a whole; the message says why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """How one column is read. `values` maps the department's own codes; everything else is refused then."""

    column: str
    read: Literal["text", "fen", "moment", "list"] = "text"
    values: dict[str, str | bool] | None = None
    formats: tuple[str, ...] = ()
    separator: str = ";"
    item: re.Pattern[str] | None = Field(None, description="Named groups make each item of a list an object")

    def value(self, cell: str) -> Any:
        """What the API takes for this cell. Raises ValueError, which quotes nothing of the cell."""
        if self.values is not None:
            if cell not in self.values:
                raise ValueError("the mapping has no value for this code")
            return self.values[cell]
        return _READERS[self.read](self, cell)


class Plan(_Strict):
    """A mapping file: where rows go (`path`), who opens (`unit`), and the field of the body for each column."""

    path: str
    encoding: str = "utf-8-sig"
    number: str
    personal: tuple[str, ...] = ()
    unit: Column
    fields: dict[str, Column]

    @property
    def columns(self) -> set[str]:
        """Every column that an export must have."""
        return {
            self.number,
            *self.personal,
            self.unit.column,
            *(each.column for each in self.fields.values()),
        }

    def column_of(self, field: str) -> str:
        """The department's own name for a field of the API; the field itself where it has none."""
        for name, column in self.fields.items():
            if field == name or field.startswith(f"{name}."):
                return column.column
        return field


@dataclass(frozen=True, slots=True)
class Case:
    """A readable row: the unit that opens it, and the body of its request."""

    line: int
    number: str
    unit: str
    body: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The Idempotency-Key: one and the same for one case number."""
        return f"case-{hashlib.sha256(self.number.encode()).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row (the heading is line 1) was not taken: the department's column, and a reason without its contents."""

    line: int
    number: str
    column: str
    reason: str


def read_plan(file: Path) -> Plan:
    """The mapping of a department's export. Raises Unreadable."""
    try:
        return Plan.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file.name}: {error}") from None
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Unreadable(f"{file.name}: {'; '.join(wrong)}") from None


def read_cases(file: Path, plan: Plan) -> list[Case | list[Fault]]:
    """Each row in the file's order: a case, or everything that is wrong with it. Raises Unreadable."""
    return [_case(line, row, plan) for line, row in _rows(file, plan)]


def personal_values(file: Path, plan: Plan) -> set[str]:
    """What stands in the columns with personal data."""
    return {row[column] for _, row in _rows(file, plan) for column in plan.personal if row.get(column)}


def _rows(file: Path, plan: Plan) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = file.read_bytes().decode(plan.encoding)
    except (UnicodeDecodeError, LookupError):
        raise Unreadable(f"{file.name} is not written in {plan.encoding}") from None
    rows = csv.reader(io.StringIO(text, newline=""))
    heading = [cell.strip() for cell in next(rows, [])]
    if missing := plan.columns - set(heading):
        raise Unreadable(f"{file.name} lacks the columns {', '.join(sorted(missing))}")
    for line, cells in enumerate(rows, start=2):
        if any(cells):
            yield line, dict(zip(heading, map(str.strip, cells), strict=False))


def _case(line: int, row: Mapping[str, str], plan: Plan) -> Case | list[Fault]:
    number, faults, body = row.get(plan.number, ""), list[Fault](), dict[str, Any]()

    def read(column: Column) -> Any:
        if column.column not in row:
            raise ValueError("the row ends before this column")
        return column.value(row[column.column])

    for name, column in {"": plan.unit, **plan.fields}.items():
        if name and row.get(column.column) == "":
            continue  # whether the field is needed is for the API to say
        try:
            _put(body, name, read(column))
        except ValueError as error:
            faults.append(Fault(line, number, column.column, str(error)))
    if not number:
        faults.append(Fault(line, number, plan.number, "a case number is needed"))
    return faults or Case(line, number, body.pop(""), body)


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *above, last = name.split(".")
    for each in above:
        body = body.setdefault(each, {})
    body[last] = value


def _fen(_: Column, cell: str) -> int:
    plain = unicodedata.normalize("NFKC", cell).replace(",", "").removesuffix("元").strip()
    if not re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,2})?", plain):
        raise ValueError("an amount in yuan is needed, with two decimals at most")
    return int(Decimal(plain) * 100)


def _moment(column: Column, cell: str) -> str:
    for form in column.formats:
        try:
            return datetime.strptime(cell, form).replace(tzinfo=SHANGHAI).isoformat()
        except ValueError:
            continue
    raise ValueError(f"a date is needed, written as {' or '.join(column.formats)}")


def _list(column: Column, cell: str) -> list[Any]:
    items = [item.strip() for item in cell.split(column.separator) if item.strip()]
    if column.item is None:
        return items
    found = [column.item.fullmatch(item) for item in items]
    if not all(found):
        raise ValueError("an item is not written as the mapping says")
    return [match.groupdict() for match in found if match]


_READERS: Mapping[str, Callable[[Column, str], Any]] = {
    "text": lambda _, cell: cell,
    "fen": _fen,
    "moment": _moment,
    "list": _list,
}
