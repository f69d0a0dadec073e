"""A table with a hole does not load: each fault is found, and all of them at once."""

from dataclasses import replace
from typing import Any

import pytest

from shared.clocks.counting import Unit
from shared.mechanism.check import Faulty, check
from shared.mechanism.grammar import (
    AnyOf,
    ByChoice,
    Clock,
    FieldIs,
    Form,
    FromForm,
    Kind,
    KindsBy,
    Mechanism,
    Near,
    NotTaken,
    OnlyOne,
    Paper,
    Party,
    Past,
    Proposal,
    State,
    Step,
    days,
)
from shared.mechanism.load import load
from tests.shared.mechanism.trials import AGENCY, LAW, PROCURATORATE, REVERSE, SUPERVISION, clock, step

STRANGER = Party("stranger", "局外人", kinds=("court",))


UNCITED = Proposal(instrument="opinion", title="意见", by=PROCURATORATE, cite=())


class Unexampled(Form):
    reasons: str


def with_steps(*more: Step) -> Mechanism:
    return replace(REVERSE, steps=(*REVERSE.steps, *more))


def with_clocks(*more: Clock) -> Mechanism:
    return replace(REVERSE, clocks=(*REVERSE.clocks, *more))


def broken(**changes: Any) -> Clock:
    values: dict[str, Any] = {"after": ("send_opinion",), "met_by": ("reply",), **changes}
    return clock("broken", values.pop("on", AGENCY), values.pop("length", days(3)), **values)


FAULTS = [
    (with_steps(step("jump", PROCURATORATE, ("nowhere",), "delivered")), "unknown state nowhere"),
    (with_steps(step("jump", PROCURATORATE, ("delivered",), "nowhere")), "unknown state nowhere"),
    (with_steps(step("meddle", STRANGER, ("delivered",), None)), "unknown party stranger"),
    (
        with_steps(step("bind", PROCURATORATE, ("delivered",), None, binds=(STRANGER,))),
        "unknown party stranger",
    ),
    (with_steps(step("reply", AGENCY, ("delivered",), None)), "step reply is declared 2 times"),
    (with_steps(step("revive", AGENCY, ("replied",), "delivered")), "leaves the end state replied"),
    (with_steps(step("float", AGENCY, (), None)), "open in no state"),
    (with_steps(step("Shout", AGENCY, ("delivered",), None, said="x")), "not lower_case"),
    (with_steps(step("mutter", AGENCY, ("delivered",), None, said="Said It")), "not lower_case"),
    (with_steps(replace(REVERSE.steps[0], key="uncited", cite=())), "step uncited cites no article"),
    (with_steps(replace(REVERSE.steps[0], key="blank", cite=LAW(" "))), "step blank cites no article"),
    (
        with_steps(step("ask", AGENCY, ("delivered",), None, form=Unexampled)),
        "no example for its field reasons",
    ),
    (
        with_steps(step("ask", AGENCY, ("delivered",), None, papers=(Paper("a", "甲"), Paper("a", "乙")))),
        "asks twice for paper a",
    ),
    (
        with_steps(step("ask", AGENCY, ("delivered",), None, when=(FieldIs("colour", ("red",)),))),
        "looks at the field colour",
    ),
    (with_steps(step("ask", AGENCY, ("delivered",), None, when=(NotTaken("dance"),))), "unknown step dance"),
    (with_steps(step("ask", AGENCY, ("delivered",), None, when=(Past("tea"),))), "unknown clock tea"),
    (replace(REVERSE, states=(*REVERSE.states, State("island", "孤岛"))), "state island cannot be reached"),
    (replace(REVERSE, states=(*REVERSE.states, State("island", "孤岛"))), "state island is a dead end"),
    (replace(REVERSE, parties=(*REVERSE.parties, STRANGER)), "party stranger is never filled"),
    (
        replace(REVERSE, parties=(*REVERSE.parties, Party("ghost", "无名"))),
        "party ghost has neither kinds of unit nor a party that records it",
    ),
    (replace(REVERSE, overseers=(STRANGER,)), "overseen by names the unknown party stranger"),
    (replace(REVERSE, opening=REVERSE.steps[0]), "must lead from nowhere to a state"),
    (with_clocks(broken(on=STRANGER)), "clock broken names the unknown party stranger"),
    (with_clocks(broken(after=("dance",))), "unknown step dance"),
    (with_clocks(broken(after=(), during=("nowhere",))), "unknown state nowhere"),
    (with_clocks(broken(paused_during=("nowhere",))), "unknown state nowhere"),
    (with_clocks(broken(after=())), "one of the three"),
    (with_clocks(broken(after=(), follows="tea")), "unknown clock tea"),
    (with_clocks(broken(met_by=())), "never ends"),
    (with_clocks(broken(closes=("reply",))), "closes steps but is no right"),
    (with_clocks(broken(kind=Kind.MINIMUM)), "a minimum opens steps"),
    (with_clocks(broken(length=FromForm("colour", Unit.DAYS))), "the field colour, which no form has"),
    (with_clocks(broken(counts_from="colour")), "counts from colour, which the form of send_opinion lacks"),
    (with_clocks(replace(broken(), cite=())), "clock broken cites no article"),
    (
        with_steps(step("ask", AGENCY, ("delivered",), None, when=(AnyOf((NotTaken("dance"),)),))),
        "unknown step dance",
    ),
    (with_steps(step("ask", AGENCY, ("delivered",), None, copies="colour")), "unknown field colour"),
    (with_steps(step("ask", AGENCY, ("delivered",), None, links="colour")), "unknown field colour"),
    (
        with_steps(step("ask", AGENCY, ("delivered",), None, shown_to=(PROCURATORATE,), tells=())),
        "is not shown to those who take it",
    ),
    (
        with_steps(step("ask", AGENCY, ("delivered",), None, shown_to=(AGENCY,))),
        "is told to parties that it is not shown to",
    ),
    (
        with_steps(step("ask", AGENCY, ("delivered",), None, proposes=(UNCITED,))),
        "step ask cites no article",
    ),
    (
        replace(REVERSE, parties=(*REVERSE.parties, replace(AGENCY, key="near", near=Near("colour", "")))),
        "party near names the unknown field colour",
    ),
    (
        replace(REVERSE, parties=(*REVERSE.parties, replace(AGENCY, key="fit", fits=KindsBy("colour", {})))),
        "party fit names the unknown field colour",
    ),
    (
        replace(REVERSE, only_one=OnlyOne(parties=(STRANGER,), fields=(), during=(), cite=LAW("1"))),
        "the only one names the unknown party stranger",
    ),
    (
        replace(
            REVERSE, only_one=OnlyOne(parties=(), fields=("colour",), during=("nowhere",), cite=LAW("1"))
        ),
        "the only one names the unknown field colour",
    ),
    (
        with_clocks(broken(length=ByChoice("urgent", {"True": FromForm("colour", Unit.DAYS)}))),
        "the field colour, which no form has",
    ),
]


@pytest.mark.parametrize(("declared", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_declaration_with_this_fault_does_not_load(declared: Mechanism, fault: str) -> None:
    with pytest.raises(Faulty) as refused:
        check(declared)
    assert any(fault in each for each in refused.value.faults), refused.value.faults


def test_all_faults_are_reported_at_once() -> None:
    declared = replace(
        with_steps(step("meddle", STRANGER, ("nowhere",), None)), clocks=(*REVERSE.clocks, broken(met_by=()))
    )
    with pytest.raises(Faulty) as refused:
        check(declared)
    assert len(refused.value.faults) == 3, refused.value.faults


def test_both_editions_of_a_mechanism_stay_loaded_and_clash_only_in_their_paths(tmp_path: Any) -> None:
    package = tmp_path / "editions"
    package.mkdir()
    (package / "__init__.py").write_text("")
    source = "from dataclasses import replace\nfrom tests.shared.mechanism.trials import SUPERVISION\n"
    old = source + "MECHANISM = replace(SUPERVISION, edition='2019')\n"
    (package / "old.py").write_text(old)
    (package / "new.py").write_text(
        source + "MECHANISM = replace(SUPERVISION, edition='2027', path='newer')\n"
    )
    import sys

    sys.path.insert(0, str(tmp_path))
    try:
        found = load("editions", [str(package)])
        assert set(found) == {(SUPERVISION.key, "2019"), (SUPERVISION.key, "2027")}
        (package / "third.py").write_text(old)
        with pytest.raises(ValueError, match="a new edition has a path of its own"):
            load("editions", [str(package)])
        (package / "third.py").write_text("")
        sys.modules.pop("editions.third", None)
        with pytest.raises(TypeError, match="declares no MECHANISM"):
            load("editions", [str(package)])
    finally:
        sys.path.remove(str(tmp_path))
