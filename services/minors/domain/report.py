"""What became of each row of an import, as a workbook; it repeats nothing of a person; pure."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from openpyxl import Workbook

from services.minors.domain.sheet import COLUMNS, Fault


class Outcome(StrEnum):
    """What became of a row; in a dry run, what would."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """One row: by its line in the file (the heading is line 1), with the post that it became or stands for."""

    line: int
    outcome: Outcome
    matter: str | None = None
    faults: tuple[Fault, ...] = ()


_HEADING: Final = ("行号", "结果", "事项编号", "代码", "字段", "说明")
_OUTCOMES: Final = {Outcome.CREATED: "已登记", Outcome.UNCHANGED: "未变化", Outcome.REFUSED: "未登记"}
_TITLES: Final = {name: title for title, name in COLUMNS.items()}


def workbook(results: Iterable[Result]) -> bytes:
    """Return the XLSX file, a line for each row and each of its faults; for a thread, since it takes a while."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("导入结果")
    sheet.freeze_panes = "A2"
    sheet.append(list(_HEADING))
    for each in results:
        for fault in each.faults or (None,):
            told = (
                (fault.code, _TITLES.get(fault.field, fault.field), fault.message) if fault else (None,) * 3
            )
            sheet.append([each.line, _OUTCOMES[each.outcome], each.matter, *told])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
