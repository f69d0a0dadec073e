"""Rosters as departments keep them: read from CSV and XLSX, judged row by row."""

import datetime as dt
import io
import zipfile
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from openpyxl import Workbook

from services.notifier.domain.roster import CSV, XLSX, Outcome, Row, Unreadable, in_file_order, judge, read
from services.notifier.domain.units import Unit, UnitKind

TODAY = dt.date(2026, 11, 23)
HEAD = "code,name,kind,division,superior\n"
TOP = Unit(name="洛阳市公安局", kind=UnitKind.PUBLIC_SECURITY, division="410300")


def judged(
    text: str, known: Mapping[str, Unit] = MappingProxyType({})
) -> dict[int, tuple[Outcome, list[str]]]:
    verdicts = judge(read(text.encode(), CSV), known, TODAY)
    return {v.line: (v.outcome, [fault.code for fault in v.faults]) for v in in_file_order(verdicts)}


def workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_superior_may_stand_further_down_and_is_written_first():
    text = HEAD + "LY-3,丙分局,public_security,410303,LY-2\nLY-2,乙分局,public_security,410303,LY-1\n"
    text += "LY-1,甲分局,public_security,410300,\n"
    verdicts = judge(read(text.encode(), CSV), {}, TODAY)
    assert [v.code for v in verdicts] == ["LY-1", "LY-2", "LY-3"]
    assert {v.outcome for v in verdicts} == {Outcome.CREATED}


def test_a_refused_superior_takes_those_below_it_along():
    text = HEAD + "LY-2,乙分局,public_security,410303,LY-1\nLY-1,甲分局,public_security,410306,\n"
    assert judged(text) == {
        2: (Outcome.REFUSED, ["superior-unknown"]),
        3: (Outcome.REFUSED, ["division-abolished"]),
    }


def test_a_circle_within_the_file_is_refused():
    text = HEAD + "LY-1,甲分局,public_security,410303,LY-2\nLY-2,乙分局,public_security,410303,LY-1\n"
    assert {codes[0] for _, codes in judged(text).values()} == {"superior-cycle", "superior-unknown"}


def test_two_units_can_change_places_in_one_file():
    below = TOP.model_copy(update={"superior": "LY-1"})
    known = {"LY-1": TOP, "LY-2": below}
    text = "code,superior\nLY-1,LY-2\nLY-2,\n"
    assert judged(text, known) == {2: (Outcome.UPDATED, []), 3: (Outcome.UPDATED, [])}


def test_a_code_given_twice_counts_once():
    text = HEAD + "LY-1,甲分局,public_security,410303,\nLY-1,乙分局,public_security,410303,\n"
    assert judged(text) == {2: (Outcome.CREATED, []), 3: (Outcome.REFUSED, ["row-repeated"])}


def test_a_row_that_says_nothing_new_is_unchanged():
    text = HEAD + "LY-1,洛阳市公安局,公安机关,410300,\n"
    assert judged(text, {"LY-1": TOP}) == {2: (Outcome.UNCHANGED, [])}
    assert judged(text, {"LY-1": TOP.model_copy(update={"name": "旧名"})}) == {2: (Outcome.UPDATED, [])}


def test_a_column_that_is_not_in_the_file_leaves_what_was_there():
    before = TOP.model_copy(update={"uscc": "N2410303MA00000000"})
    (verdict,) = judge([Row(2, {"code": "LY-1", "name": "新名"})], {"LY-1": before}, TODAY)
    assert verdict.unit == before.model_copy(update={"name": "新名"})
    (verdict,) = judge([Row(2, {"code": "LY-1", "uscc": ""})], {"LY-1": before}, TODAY)
    assert verdict.unit == TOP


def test_each_fault_of_a_row_names_its_field_and_repeats_no_input():
    text = "code,name,kind,division,active,contact_points\nLY-1,甲,CANARY,41030x,CANARY,CANARY\n"
    (verdict,) = judge(read(text.encode(), CSV), {}, TODAY)
    assert {fault.field.split(".")[0] for fault in verdict.faults} == {
        "name",
        "kind",
        "division",
        "active",
        "contact_points",
    }
    assert "CANARY" not in str(verdict)


def test_a_row_without_a_code_is_told_by_its_line():
    assert judged(HEAD + "ly 1,甲分局,public_security,410303,\n") == {
        2: (Outcome.REFUSED, ["string-pattern-mismatch"])
    }


def test_chinese_headings_kinds_and_gb18030_are_read():
    text = "单位代码,单位名称,单位类别,行政区划代码,联系方式,是否启用\n"
    text += "LY-1,瀍河分局,公安机关,410304,duty_desk:phone:0379-0;liaison：email：a@b.invalid,是\n"
    (verdict,) = judge(read(text.encode("gb18030"), CSV), {}, TODAY)
    assert verdict.unit is not None
    assert (verdict.unit.name, verdict.unit.kind) == ("瀍河分局", UnitKind.PUBLIC_SECURITY)
    assert [point.address for point in verdict.unit.contact_points] == ["0379-0", "a@b.invalid"]


def test_numbers_in_a_workbook_are_read_as_written():
    content = workbook(["code", "name", "kind", "division"], ["LY-1", "甲分局", "公安机关", 410303.0], [None])
    (verdict,) = judge(read(content, XLSX), {}, TODAY)
    assert verdict.unit is not None
    assert verdict.unit.division == "410303"


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", CSV, "roster-columns"),
        (b"name,kind\n", CSV, "roster-columns"),
        (b"code,code\n", CSV, "roster-columns"),
        (b"code,salary\n", CSV, "roster-columns"),
        (b"code\n\xff\xff\xff", CSV, "roster-unreadable"),
        (b'code\n"LY', CSV, "roster-unreadable"),
        (b"PK\x03\x04nonsense", XLSX, "roster-unreadable"),
        (workbook(["name"]), XLSX, "roster-columns"),
        (b"code\n" + b"LY-1\n" * 20_001, CSV, "roster-too-long"),
    ],
)
def test_a_file_that_is_no_roster_is_refused_as_a_whole(content, kind, code):
    with pytest.raises(Unreadable) as refusal:
        read(content, kind)
    assert refusal.value.code == code


def test_a_workbook_that_would_unpack_to_gigabytes_is_refused_unopened():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (65 * 1024 * 1024))
    with pytest.raises(Unreadable) as refusal:
        read(file.getvalue(), XLSX)
    assert refusal.value.code == "roster-too-long"
