"""What the directory refuses of a record, and why."""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from stdnum.cn import uscc

from services.notifier.domain.units import Unit, UnitKind, compact_uscc, faults

TODAY = dt.date(2026, 11, 23)


SOUND = Unit(name="西工公安分局", kind=UnitKind.PUBLIC_SECURITY, division="410303")


def unit(**changes: str) -> Unit:
    return SOUND.model_copy(update=changes)


def found(
    record: Unit, code: str = "LY-1", line: Mapping[str, str | None] = MappingProxyType({})
) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in faults(code, record, TODAY, line.__getitem__)]


def test_a_sound_record_has_no_faults():
    number = "11410303005000000"
    record = unit(uscc=number + uscc.calc_check_digit(number), superior="LY-0")
    assert found(record, line={"LY-0": None}) == []


def test_an_abolished_division_is_refused_and_its_successor_named():
    assert found(unit(division="410381")) == [("division", "division-abolished")]
    (fault,) = faults("LY-1", unit(division="410381"), TODAY, str)
    assert "410307" in fault.message


@pytest.mark.parametrize("code", ["410371", "999999", "410301"])
def test_a_code_outside_the_register_is_refused(code):
    assert found(unit(division=code)) == [("division", "division-unknown")]


def test_rural_collectives_carry_letters_in_their_credit_code():
    number = "N2410303MA0000000"
    assert compact_uscc(number + uscc.calc_check_digit(number)) == "N2410303MA00000000"


def test_a_credit_code_is_read_without_its_spaces_and_in_capitals():
    assert compact_uscc("n2410303 ma0000 0000") == "N2410303MA00000000"


@pytest.mark.parametrize(
    "number",
    [
        "N2410303MA00000001",  # check digit
        "114103030050000001",  # check digit
        "I1410303MA00000000",  # I is no letter of it
        "11410303005",
        "",
    ],
)
def test_a_wrong_credit_code_is_refused(number):
    assert found(unit(uscc=number)) == [("uscc", "uscc-invalid")]


def test_a_superior_must_exist():
    assert found(unit(superior="LY-0")) == [("superior", "superior-unknown")]


def test_the_line_of_superiors_is_no_circle():
    assert found(unit(superior="LY-0"), line={"LY-0": "LY-1"}) == [("superior", "superior-cycle")]
    assert found(unit(superior="LY-1")) == [("superior", "superior-cycle")]
    assert found(unit(superior="LY-0"), line={"LY-0": "LY-9", "LY-9": "LY-0"}) == [
        ("superior", "superior-cycle")
    ]


def test_a_line_has_an_end():
    line: dict[str, str | None] = {f"LY-{n}0": f"LY-{n + 1}0" for n in range(2, 40)}
    assert found(unit(superior="LY-20"), line=line) == [("superior", "superior-line-too-long")]


def test_all_faults_are_told_at_once():
    assert [field for field, _ in found(unit(division="410306", uscc="1", superior="LY-0"))] == [
        "division",
        "uscc",
        "superior",
    ]
