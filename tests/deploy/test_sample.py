"""The sample: sound in itself, read by its mapping, and loaded once however often it is imported."""

import csv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import ric, uscc

from deploy.local import load
from deploy.local.callers import Caller, Callers, addresses, calling
from deploy.local.cases import Unreadable, personal_values, read_cases, read_plan
from deploy.local.servers import Servers
from deploy.local.suite import running_suite
from shared import divisions

PLAN = read_plan(load.MAPPING)
HEADING = "号,机构,金额,时间,物品\n"
MAPPING = """
path = "/v1/forward-transfers"
number = "号"
personal = []
unit = { column = "机构", values = { A1 = "LY-SC-329" } }
[fields]
acted_at = { column = "时间", read = "moment", formats = ["%Y年%m月%d日", "%Y/%m/%d %H:%M"] }
"form.amount_fen" = { column = "金额", read = "fen" }
"form.seized_goods" = { column = "物品", read = "list", item = "(?P<name>.+)×(?P<quantity>[0-9]+)" }
"""


def units() -> list[dict[str, str]]:
    with load.UNITS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(folder: Path, rows: str, mapping: str = MAPPING) -> Any:
    """The first row of an export as its mapping reads it."""
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    (folder / "cases.csv").write_text(HEADING + rows, encoding="utf-8")
    return read_cases(folder / "cases.csv", read_plan(folder / "mapping.toml"))[0]


def test_every_division_of_the_city_has_police_a_procuratorate_a_commission_and_a_justice_bureau():
    city = {each.code for each in divisions.every() if each.parent == "410300" and each.valid_to is None}
    assert len(city) == 14
    for kind in ("公安机关", "人民检察院", "监察机关", "司法行政机关", "人民政府"):
        assert {unit["行政区划代码"] for unit in units() if unit["单位类别"] == kind} >= city | {"410300"}


def test_credit_codes_have_right_check_digits_and_are_nobodys():
    codes = [unit["统一社会信用代码"] for unit in units()]
    assert len(set(codes)) == len(codes)
    assert all(uscc.is_valid(code) and code[8:10] == "XN" for code in codes)


def test_personal_data_of_the_sample_belongs_to_nobody():
    values = personal_values(load.CASES, PLAN)
    numbers = [value for value in values if len(value) == 18]
    assert numbers
    assert not any(ric.is_valid(number) for number in numbers)
    assert all(value.startswith("129") for value in values if len(value) == 11)


def test_a_row_becomes_what_the_api_takes(tmp_path: Path):
    case = read(tmp_path, '伊〔2026〕1号,A1,"12,800.5元",2026年9月7日,酒×3;标签×20\n')
    assert case.unit == "LY-SC-329"
    assert case.body == {
        "acted_at": "2026-09-07T00:00:00+08:00",
        "form": {
            "amount_fen": 1_280_050,
            "seized_goods": [{"name": "酒", "quantity": "3"}, {"name": "标签", "quantity": "20"}],
        },
    }
    assert case.key.isascii()


def test_an_empty_cell_is_left_out(tmp_path: Path):
    assert read(tmp_path, "1号,A1,,,\n").body == {}


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ("1号,A2,,,", ["机构"]),
        ("1号,,,,", ["机构"]),
        (",A1,,,", ["号"]),
        ("1号,A1,约三万,,", ["金额"]),
        ("1号,A1,-5,,", ["金额"]),
        ("1号,A1,1.234,,", ["金额"]),
        ("1号,A1,,2026/13/1 9:00,", ["时间"]),
        ("1号,A1,,,酒", ["物品"]),
        ("1号,A1,x,x,x", ["时间", "金额", "物品"]),
        ("1号,A1", ["时间", "金额", "物品"]),
    ],
)
def test_what_is_wrong_with_a_row_is_named_by_column_and_never_quoted(
    tmp_path: Path, row: str, columns: list[str]
):
    faults = read(tmp_path, row + "\n")
    assert [fault.column for fault in faults] == columns
    assert all(fault.line == 2 and "三万" not in fault.reason for fault in faults)


def test_a_mapping_that_does_not_fit_is_refused_as_a_whole(tmp_path: Path):
    for mapping, why in (
        (MAPPING.replace("金额", "金额（元）"), "lacks the columns 金额（元）"),
        (MAPPING.replace('read = "fen"', 'read = "yuan"'), "fields.form.amount_fen.read"),
        (MAPPING.replace("path =", "paths ="), "path: Field required"),
        ("[", "mapping.toml"),
        ('encoding = "ascii"\n' + MAPPING, "not written in ascii"),
    ):
        with pytest.raises(Unreadable, match=why):
            read(tmp_path, "1号,A1,,,\n", mapping)


@pytest.fixture(scope="module")
async def filled(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Callers, load.Loaded]]:
    """Callers of a suite that was empty and is filled with the sample, and what became of its cases."""
    folder, prefix = tmp_path_factory.mktemp("sample"), "sample_"
    async with (
        servers.vhost() as urls,
        running_suite(folder, servers.mongo_url, urls, prefix=prefix) as suite,
        calling(addresses(suite)) as callers,
    ):
        loaded = await load.load_sample(callers)
        assert loaded is not None
        yield callers, loaded
    for name in suite.services:
        await servers.mongo.drop(prefix + name)


@pytest.fixture
def callers(filled: tuple[Callers, load.Loaded]) -> Callers:
    return filled[0]


def faults(loaded: load.Loaded) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for fault in loaded.refused]


async def test_sound_rows_open_matters_and_the_others_are_reported(filled: tuple[Callers, load.Loaded]):
    callers, loaded = filled
    # Refused by the mapping (19, 37) and by the service (23, 41), in the department's own words.
    assert faults(loaded) == [(19, "涉案金额（元）"), (23, "案发地区划"), (37, "承办机构"), (41, "涉嫌罪名")]
    assert [each.case.line for each in loaded.opened if not each.new] == [32]
    assert len({each.matter for each in loaded.opened}) == 41
    assert list(loaded.lines())[-1] == "41 matters opened, 1 there already, 4 rows refused"
    one = next(each for each in loaded.opened if each.case.line == 2)
    seen = await callers.get(Caller(one.case.unit), "referral", f"/v1/forward-transfers/{one.matter}")
    assert seen["parties"] == {"organ": "LY-SC-329", "procuratorate": "LY-JC-329"}
    assert seen["fields"]["amount_fen"] == 1_280_000
    assert seen["fields"]["seized_goods"][0]["quantity"] == 35


async def test_a_second_import_opens_nothing(filled: tuple[Callers, load.Loaded]):
    callers, first = filled
    again = await load.load_cases(callers, load.CASES, PLAN)
    assert not any(each.new for each in again.opened)
    assert [each.matter for each in again.opened] == [each.matter for each in first.opened]
    assert (await load.load_units(callers, load.UNITS))["unchanged"] == len(units())
    assert await load.load_sample(callers) is None


async def test_a_case_that_changed_since_is_refused_and_says_so(callers: Callers, tmp_path: Path):
    changed = tmp_path / "cases.csv"
    text = load.CASES.read_bytes().decode(PLAN.encoding).replace('"12,800.00"', '"12,900.00"')
    changed.write_bytes(text.encode(PLAN.encoding))
    loaded = await load.load_cases(callers, changed, PLAN)
    reused = [fault for fault in loaded.refused if fault.reason.startswith("idempotency-key-reused")]
    assert [(fault.line, fault.column) for fault in reused] == [(2, "案件编号"), (32, "案件编号")]
