"""Worked examples from the law and from the published arrangements of 2024, 2025 and 2026."""

from datetime import date, timedelta

import pytest

from shared.clocks.calendar import SHANGHAI, published_calendar
from shared.clocks.counting import MOMENTARY, Unit, count
from shared.mechanism.grammar import Clock, Law, Party
from shared.mechanism.matter import RUNNING, Ticking
from shared.mechanism.reckoning import Terms, reckon
from tests.shared.clocks import notices, oracle
from tests.shared.clocks.examples import Example, read

EXAMPLES = read()
CALENDAR = published_calendar()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_worked_example(example: Example) -> None:
    due = count(example.rule, example.start, CALENDAR, example.excluded)
    if example.extended:
        clock = Clock(
            key="clock",
            title="clock",
            on=Party("police", "公安机关"),
            length=example.rule.length,
            cite=Law("", "", "")(""),
        )
        run = Ticking(
            "clock",
            1,
            RUNNING,
            example.start,
            1,
            example.rule.length,
            pauses=example.excluded,
            extensions=example.extended,
        )
        due, _ = reckon(clock, run, Terms(CALENDAR, {}))
    found = (due.on, due.at, due.provisional, due.earliest, due.latest)
    assert found == (example.on, example.at, example.provisional, example.earliest, example.latest)


def test_the_table_is_large_and_every_row_differs() -> None:
    assert len(EXAMPLES) >= 120
    asked = {(each.start.isoformat(), each.rule, each.excluded, each.extended) for each in EXAMPLES}
    assert len(asked) == len(EXAMPLES)


def test_the_table_itself_agrees_with_a_plain_count_by_the_notices() -> None:
    checked = 0
    for example in EXAMPLES:
        rule = example.rule
        if rule.length.unit in MOMENTARY or example.extended or example.on is None or example.on.year > 2026:
            continue
        if rule.length.unit is Unit.WORKDAYS and example.start.year < 2024:
            continue
        out = {
            begin.date() + timedelta(days=passed)
            for begin, end in example.excluded
            for passed in range((end.date() - begin.date()).days)
        }
        last = oracle.last_day(
            example.start.astimezone(SHANGHAI).date(),
            rule.length.amount,
            rule.length.unit.value,
            _works,
            backward=rule.backward,
            roll=rule.roll,
            common=rule.common,
            out=frozenset(out),
        )
        if last.year <= 2026 and not example.provisional:
            assert last == example.on, example
            checked += 1
    assert checked >= 150


def _works(day: date) -> bool:
    return notices.works(day) if day.year in notices.NOTICES else day.isoweekday() <= 5
