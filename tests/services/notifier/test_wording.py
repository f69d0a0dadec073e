"""Notices in neutral words, from templates that can name little."""

import datetime as dt
import importlib
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import services
from services.notifier.domain import wording
from services.notifier.domain.wording import Facts, compose

FOLDER = Path(wording.__file__).parents[1] / "templates" / "mechanisms"
DECLARED = [
    mechanism
    for folder in sorted(Path(services.__path__[0]).glob("*/mechanisms/__init__.py"))
    for mechanism in importlib.import_module(f"services.{folder.parts[-3]}.mechanisms").MECHANISMS.values()
]

FACTS = Facts(
    kind="delivered",
    matter="3f2a9c10-5f6e-4f0e-9d1c-0a4f5f3f9c11",
    mechanism="forward_transfer",
    state="delivered",
    step="deliver",
    clock=None,
    due_at=None,
    division="410303",
)
DUE = dt.datetime(2026, 11, 26, 9, 30, tzinfo=dt.UTC)


def test_a_step_is_told_in_both_languages():
    texts = compose(FACTS)
    assert texts["zh"].title == "涉嫌犯罪案件移送：移送"
    expected = "事项 3F2A9C10（涉嫌犯罪案件移送，西工区）：移送，现为“已移送”。请登录系统查看"
    assert texts["zh"].text == expected
    assert "3F2A9C10" in texts["en"].text
    assert "delivered" in texts["en"].text


def test_the_due_moment_is_told_in_beijing_time():
    text = compose(FACTS._replace(clock="decision", due_at=DUE))["zh"].text
    assert "“决定是否立案”期限至 2026-11-26 17:30。" in text
    assert text.endswith("请登录系统查看")


def test_a_missed_duty_has_its_own_sentence():
    texts = compose(FACTS._replace(kind="duty_missed", clock="decision", due_at=DUE))
    assert texts["zh"].title == "涉嫌犯罪案件移送：期限已过"
    assert "尚未办理" in texts["zh"].text


def test_a_last_day_ends_at_its_own_midnight():
    midnight = dt.datetime(2026, 10, 8, 16, 0, tzinfo=dt.UTC)
    text = compose(FACTS._replace(clock="decision", due_at=midnight))["zh"].text
    assert "“决定是否立案”期限至 2026-10-08 24:00。" in text


@pytest.mark.parametrize(("because", "words"), [("calendar", "放假安排"), ("corrected", "行为日期更正")])
def test_a_moved_deadline_is_told_with_its_old_date_its_new_date_and_why(because, words):
    was, due = dt.datetime(2026, 12, 31, 16, 0, tzinfo=dt.UTC), dt.datetime(2027, 1, 4, 16, 0, tzinfo=dt.UTC)
    facts = FACTS._replace(kind="deadline_moved", moves=(("decision", was, due),), because=because)
    texts = compose(facts)
    assert texts["zh"].title == "涉嫌犯罪案件移送：期限变更"
    assert words in texts["zh"].text
    assert "由 2026-12-31 24:00 变更为 2027-01-04 24:00。" in texts["zh"].text
    assert "2026-12-31 24:00" in texts["en"].text


def test_an_emergency_access_is_told_in_words_of_its_own():
    texts = compose(FACTS._replace(kind="glass_broken", step=None, clock=None))
    assert texts["zh"].title == "涉嫌犯罪案件移送：紧急查阅"
    assert "emergency" in texts["en"].text


@pytest.mark.parametrize(
    "changes",
    [
        {"mechanism": "not_written_yet"},
        {"state": "unheard_of"},
        {"division": "999999"},
        {"kind": "duty_missed"},  # names no clock
        {"matter": "张三-4103"},  # no id of ours
    ],
)
def test_what_we_have_no_words_for_gets_the_neutral_sentence(changes):
    texts = compose(FACTS._replace(**changes))
    assert texts["zh"].text == "事项有新进展，请登录系统查看"
    assert "{" not in texts["en"].text


def test_a_sentence_that_names_anything_else_does_not_load():
    content = {
        "zh": {"step_taken": {"title": "", "text": "{facts}"}},
        "en": {"step_taken": {"title": "", "text": ""}},
    }
    with pytest.raises(ValueError, match="facts"):
        wording.check(content)
    del content["zh"]["step_taken"]
    with pytest.raises(ValueError, match="languages"):
        wording.check(content)


def test_every_mechanism_has_its_file_of_words_and_no_other_has():
    assert {file.stem for file in FOLDER.glob("*.toml")} == {mechanism.key for mechanism in DECLARED}


@pytest.mark.parametrize("key", sorted({mechanism.key for mechanism in DECLARED}))
def test_every_key_of_the_mechanism_has_words(key):
    editions = [mechanism for mechanism in DECLARED if mechanism.key == key]
    words = tomllib.loads((FOLDER / f"{key}.toml").read_text(encoding="utf-8"))
    assert words.keys() == {"title", "states", "steps", "clocks"}
    assert words["states"].keys() == {state.key for each in editions for state in each.states}
    assert words["steps"].keys() == {step.key for each in editions for step in each.every_step}
    assert words["clocks"].keys() == {clock.key for each in editions for clock in each.clocks}
    pairs = chain([words["title"]], *(words[part].values() for part in ("states", "steps", "clocks")))
    assert all(len(pair) == 2 and all(pair) for pair in pairs)
