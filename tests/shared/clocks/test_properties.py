"""What holds of every period, tried on fourteen thousand that nobody thought of."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.clocks.calendar import SHANGHAI, Arrangement, Calendar, published_calendar
from shared.clocks.counting import (
    MOMENTARY,
    DayNote,
    Interval,
    Length,
    Rule,
    Unit,
    count,
    end_of,
    explain,
    start_of,
)
from shared.mechanism.grammar import Clock, Law, Party
from shared.mechanism.matter import RUNNING, Extended, Ticking
from shared.mechanism.reckoning import Terms, reckon
from tests.shared.clocks import notices, oracle
from tests.shared.clocks.strategies import (
    LONG,
    ONE,
    arrangements,
    calendars,
    days,
    intervals,
    moments,
    rules,
)

PUBLISHED = published_calendar()
BY_DAYS = (Unit.DAYS, Unit.HALF_MONTHS, Unit.WORKDAYS)


def cases(number: int) -> settings:
    return settings(
        max_examples=number, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )


# A later start. It holds of every unit, both directions, rolled or not; of hours and days also where time is not
# counted. Months and years are the exception to that last: from 30 and from 31 January a month ends on the same day, so
# that a day excluded between the two lengthens only the earlier one. There the ends can cross by the days by which
# months differ: three at most.


@cases(2000)
@given(rules(), moments(days()), moments(days()))
def test_a_later_start_never_gives_an_earlier_end(rule: Rule, one: datetime, other: datetime) -> None:
    sooner, later = sorted((one, other))
    assert count(rule, sooner, PUBLISHED).at <= count(rule, later, PUBLISHED).at


@cases(1000)
@given(
    st.data(), rules((*MOMENTARY, *BY_DAYS)), moments(days()), st.timedeltas(timedelta(0), timedelta(days=40))
)
def test_nor_where_time_is_not_counted(
    data: st.DataObject, rule: Rule, start: datetime, wait: timedelta
) -> None:
    excluded = data.draw(intervals(start.date()))
    sooner, later = count(rule, start, PUBLISHED, excluded), count(rule, start + wait, PUBLISHED, excluded)
    assert sooner.at <= later.at


@cases(500)
@given(st.data(), rules(LONG, backward=False), days(), st.integers(0, 40))
def test_months_with_time_not_counted_cross_by_three_days_at_most(
    data: st.DataObject, rule: Rule, start: date, wait: int
) -> None:
    excluded = data.draw(intervals(start))
    unrolled = Rule(rule.length, roll=False)
    sooner = count(unrolled, start_of(start), PUBLISHED, excluded).on
    later = count(unrolled, start_of(start + ONE * wait), PUBLISHED, excluded).on
    assert sooner is not None
    assert later is not None
    crossed = [later + ONE * more for more in range(1, (sooner - later).days + 1)]
    assert len([day for day in crossed if day not in out(excluded)]) <= 3


# A plain count, day by day.


@cases(1500)
@given(st.data(), calendars(), rules((*BY_DAYS, *LONG)), moments(days(date(2024, 3, 1), date(2026, 10, 31))))
def test_counting_agrees_with_a_plain_count(
    data: st.DataObject, calendar: Calendar, rule: Rule, start: datetime
) -> None:
    excluded = data.draw(intervals(start.date()))
    due = count(rule, start, calendar, excluded)
    assert due.on == plain(rule, start.date(), calendar, excluded)
    assert due.on is not None
    assert due.at == end_of(due.on)
    assert (due.provisional, due.earliest, due.latest) == (False, due.on, due.on)


@cases(1000)
@given(days(date(2024, 7, 1), date(2026, 7, 31)), st.integers(1, 80), st.booleans())
def test_working_days_agree_with_a_plain_count_by_the_notices_themselves(
    start: date, amount: int, backward: bool
) -> None:
    rule = Rule(Length(amount, Unit.WORKDAYS), backward=backward)
    expected = oracle.last_day(start, amount, "workdays", notices.works, backward=backward)
    assert count(rule, start_of(start), PUBLISHED).on == expected


# Time that is not counted.


@cases(500)
@given(
    moments(days()),
    st.integers(1, 400),
    st.integers(0, 999),
    st.timedeltas(timedelta(0), timedelta(days=30)),
    st.booleans(),
)
def test_hours_not_counted_move_the_end_by_as_many_hours(
    start: datetime, amount: int, thousandths: int, length: timedelta, backward: bool
) -> None:
    rule = Rule(Length(amount, Unit.HOURS), backward=backward)
    within = timedelta(hours=amount) * thousandths / 1000
    begin = start - within - length if backward else start + within
    moved = count(rule, start, PUBLISHED, [(begin, begin + length)]).at - count(rule, start, PUBLISHED).at
    assert moved == (-length if backward else length)


@cases(1500)
@given(st.data(), calendars(), rules((*BY_DAYS, *LONG)), days(date(2024, 3, 1), date(2026, 10, 31)))
def test_days_not_counted_move_the_end_by_as_many_days_of_its_own_unit(
    data: st.DataObject, calendar: Calendar, rule: Rule, start: date
) -> None:
    rule = Rule(rule.length, backward=rule.backward, roll=False, common=rule.common)
    before = count(rule, start_of(start), calendar).on
    assert before is not None
    # The first day that is out lies between the start, whose own day counts for nothing, and the end.
    way = abs((before - start).days)
    met, length = data.draw(st.integers(1, way)), data.draw(st.integers(0, 30))
    step = -ONE if rule.backward else ONE
    days_out = {start + step * (met + more) for more in range(length)}
    excluded = [(start_of(min(days_out)), start_of(max(days_out) + ONE))] if days_out else []
    after = count(rule, start_of(start), calendar, excluded).on
    assert after is not None
    if rule.length.unit is Unit.WORKDAYS:
        lost = sum(calendar.works(day) for day in days_out)
        further = oracle.last_day(
            before, lost, "workdays", calendar.works, backward=rule.backward, roll=False
        )
        # Between the old end and the interval's there may be no working day left to pass.
        assert after == further
    else:
        assert after - before == step * length


@cases(500)
@given(st.data(), calendars(), days(date(2024, 3, 1), date(2026, 10, 31)), st.integers(2, 60), st.booleans())
def test_what_remains_at_a_pause_goes_on_in_its_own_unit(
    data: st.DataObject, calendar: Calendar, start: date, amount: int, of_workdays: bool
) -> None:
    unit = Unit.WORKDAYS if of_workdays else Unit.DAYS
    rule = Rule(Length(amount, unit), roll=False)
    whole = count(rule, start_of(start), calendar).on
    assert whole is not None
    paused = start + ONE * data.draw(st.integers(1, (whole - start).days))
    resumed = paused + ONE * data.draw(st.integers(1, 60))
    walked = [start + ONE * more for more in range(1, (paused - start).days)]
    used = sum(calendar.works(day) if of_workdays else True for day in walked)
    rest = Rule(Length(amount - used, unit), roll=False)
    # The day before time goes on stands for the start: its own day is not counted either.
    expected = count(rest, start_of(resumed - ONE), calendar)
    assert count(rule, start_of(start), calendar, [(start_of(paused), start_of(resumed))]) == expected


# Backward and forward.


@cases(1000)
@given(calendars(), days(date(2024, 3, 1), date(2026, 10, 31)), st.integers(1, 60))
def test_backward_and_forward_are_inverse_on_working_days(
    calendar: Calendar, start: date, amount: int
) -> None:
    assume(calendar.works(start))
    there = Rule(Length(amount, Unit.WORKDAYS))
    back = Rule(there.length, backward=True)
    for one, other in ((there, back), (back, there)):
        middle = count(one, start_of(start), calendar).on
        assert middle is not None
        assert count(other, start_of(middle), calendar).on == start


@cases(500)
@given(rules(backward=True), moments(days()))
def test_counting_backward_never_ends_later_than_it_would_without_moving(rule: Rule, start: datetime) -> None:
    still = Rule(rule.length, backward=True, roll=False, common=rule.common)
    assert count(rule, start, PUBLISHED).at <= count(still, start, PUBLISHED).at
    safe = Rule(rule.length, backward=True, roll=rule.roll)
    assert count(safe, start, PUBLISHED).at <= count(rule, start, PUBLISHED).at


# The explanation.


@cases(2000)
@given(st.data(), calendars(), rules((*BY_DAYS, *LONG)), moments(days(date(2024, 3, 1), date(2026, 10, 31))))
def test_the_explanation_counted_again_gives_the_end(
    data: st.DataObject, calendar: Calendar, rule: Rule, start: datetime
) -> None:
    excluded = data.draw(intervals(start.date()))
    notes = explain(rule, start, calendar, excluded)
    assert reread(notes, rule) == count(rule, start, calendar, excluded).on
    for note in notes[1:-1]:
        # What it says of a day that it passes over is so.
        rest = note.why == calendar.day(note.day).why and not calendar.works(note.day)
        assert note.counted or rest or note.day in out(excluded), note


def reread(notes: Sequence[DayNote], rule: Rule) -> date:
    """Count an explanation as a reader does, from its own words."""
    first, *rest = notes
    assert not first.counted
    step = -1 if rule.backward else 1
    assert sorted({note.day for note in notes}, reverse=rule.backward) == [note.day for note in notes]
    counted = [note for note in rest if note.counted]
    if rule.length.unit in LONG:
        months = rule.length.amount * (12 if rule.length.unit is Unit.YEARS else 1)
        (named,) = [
            place for place, note in enumerate(rest) if "day" in note.why.partition(";")[0] and note.counted
        ]
        way = rest[named].day.year * 12 + rest[named].day.month - first.day.year * 12 - first.day.month
        assert way == step * months
        assert len(counted) == 1 + sum("time that is not counted" in note.why for note in rest[: named + 1])
        rest = rest[named:]
    else:
        amount = rule.length.amount * (15 if rule.length.unit is Unit.HALF_MONTHS else 1)
        safe = rule.backward and not rule.common and rule.length.unit is not Unit.WORKDAYS
        assert len(counted) == amount + safe
        rest = list(notes)
    # From here on no day is left out, and after the last one counted there is only what moves the end.
    assert all((after.day - before.day).days == step for before, after in pairwise(rest))
    moves = rest[rest.index(counted[-1]) :]
    assert ("the end moves on" in moves[0].why) == (len(moves) > 1)
    assert len(moves) == 1 or "the last day" in moves[-1].why
    return moves[-1].day


# Years that are not published.


@cases(2000)
@given(st.data(), arrangements(), rules(), moments(days(date(2026, 6, 1), date(2027, 9, 30))))
def test_an_arrangement_to_come_moves_no_end_outside_its_bounds(
    data: st.DataObject, arrangement: Arrangement, rule: Rule, start: datetime
) -> None:
    excluded = data.draw(intervals(start.date(), most=1))
    guessed = count(rule, start, PUBLISHED, excluded)
    known = PUBLISHED.with_year(arrangement, 2)
    came = count(rule, start, known, excluded)
    if guessed.on is None or came.on is None:
        assert guessed == came
        return
    assert guessed.earliest is not None
    assert guessed.latest is not None
    assert guessed.earliest <= guessed.on <= guessed.latest
    assume(came.on.year <= 2027)
    assert guessed.earliest <= came.on <= guessed.latest
    assert guessed.provisional or guessed.earliest == guessed.latest


@cases(500)
@given(
    st.data(),
    arrangements(),
    rules(BY_DAYS, backward=False),
    moments(days(date(2026, 9, 1), date(2027, 3, 1))),
)
def test_nor_of_a_limit_that_was_extended(
    data: st.DataObject, arrangement: Arrangement, rule: Rule, start: datetime
) -> None:
    more = data.draw(rules((*BY_DAYS, Unit.MONTHS), backward=False)).length
    excluded = tuple(data.draw(intervals(start.date(), most=1)))
    guessed = extended(rule, more, start, excluded, PUBLISHED)
    came = extended(rule, more, start, excluded, PUBLISHED.with_year(arrangement, 2))
    assume(came[1].year <= 2027)
    assert guessed[0] <= came[1] <= guessed[2]


def extended(
    rule: Rule, more: Length, start: datetime, excluded: tuple[Interval, ...], calendar: Calendar
) -> tuple[date, date, date]:
    """Return the earliest, the likely and the latest end of a period that was extended by more."""
    clock = Clock(
        key="clock",
        title="clock",
        on=Party("police", "公安机关"),
        length=rule.length,
        cite=Law("", "", "")(""),
    )
    run = Ticking(
        "clock",
        1,
        RUNNING,
        start,
        1,
        rule.length,
        roll=rule.roll,
        pauses=excluded,
        extensions=(Extended("extend", 2, more, added=True),),
    )
    due, _ = reckon(clock, run, Terms(calendar, {}))
    assert due.on is not None
    assert due.earliest is not None
    assert due.latest is not None
    assert due.earliest <= due.on <= due.latest
    return due.earliest, due.on, due.latest


def plain(rule: Rule, start: date, calendar: Calendar, excluded: Sequence[Interval]) -> date:
    return oracle.last_day(
        start,
        rule.length.amount,
        rule.length.unit.value,
        calendar.works,
        backward=rule.backward,
        roll=rule.roll,
        common=rule.common,
        out=out(excluded),
    )


def out(excluded: Sequence[Interval]) -> frozenset[date]:
    """Return the local days inside whole-day intervals."""
    return frozenset(
        begin.astimezone(SHANGHAI).date() + ONE * passed
        for begin, end in excluded
        for passed in range((end - begin).days)
    )
