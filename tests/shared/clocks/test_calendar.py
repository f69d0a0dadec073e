"""The calendar against the notices themselves, and its guesses against what years to come have turned out to be."""

from datetime import date, timedelta

import pytest

from shared.clocks.calendar import Arrangement, Calendar, published_calendar, statutory
from shared.clocks.counting import Length, Rule, Unit, count, start_of
from tests.shared.clocks import notices

PUBLISHED = published_calendar()
RULES = [
    Rule(Length(amount, unit), backward=backward)
    for amount, unit in ((3, Unit.DAYS), (10, Unit.WORKDAYS), (40, Unit.WORKDAYS))
    for backward in (False, True)
]


@pytest.mark.parametrize("year", notices.NOTICES)
def test_every_day_is_as_the_notice_has_it(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        assert PUBLISHED.works(day) == notices.works(day), day
        assert PUBLISHED.day(day).works == notices.works(day), day
        assert PUBLISHED.day(day).certain or day >= date(2026, 12, 29), day
        day += timedelta(days=1)


def test_the_laws_own_feasts_are_known_before_a_notice_and_hold_no_exchanged_days() -> None:
    # 全国年节及纪念日放假办法 (2024) 2: thirteen days.
    assert sorted(day.isoformat()[5:] for day in statutory(2027)) == [
        *("01-01", "02-05", "02-06", "02-07", "02-08", "04-05", "05-01", "05-02", "06-09", "09-15"),
        *("10-01", "10-02", "10-03"),
    ]
    assert sorted(day.isoformat()[5:] for day in statutory(2026)) == [
        *("01-01", "02-16", "02-17", "02-18", "02-19", "04-05", "05-01", "05-02", "06-19", "09-25"),
        *("10-01", "10-02", "10-03"),
    ]


@pytest.mark.parametrize("year", range(2008, 2027))
def test_a_year_that_was_unknown_turned_out_within_the_bounds(year: int) -> None:
    before = Calendar(1, {known: each for known, each in PUBLISHED.years.items() if known < year})
    day = date(year - 1, 12, 1)
    while day < date(year, 11, 1):
        for rule in RULES:
            guessed, came = count(rule, start_of(day), before), count(rule, start_of(day), PUBLISHED)
            assert guessed.earliest is not None
            assert guessed.latest is not None
            assert came.on is not None
            assert guessed.earliest <= came.on <= guessed.latest, (day, rule)
            assert guessed.provisional or came.on == guessed.on, (day, rule)
        day += timedelta(days=1)


@pytest.mark.parametrize("year", notices.NOTICES)
def test_a_day_off_and_a_make_up_workday_name_the_notice(year: int) -> None:
    number = notices.NOTICES[year][0]
    assert PUBLISHED.years[year].address
    for day in notices.off(year) | notices.worked(year):
        assert number in PUBLISHED.day(day).why


def test_a_day_that_the_next_years_notice_names_goes_by_it() -> None:
    # 国办发明电〔2018〕15号: 29 December 2018, a Saturday, is worked for New Year 2019; 31 December, a Monday, is off.
    assert PUBLISHED.day(date(2018, 12, 29)).works
    assert not PUBLISHED.day(date(2018, 12, 31)).works


def test_a_missing_year_is_due_from_the_fifteenth_of_november() -> None:
    assert PUBLISHED.missing(date(2026, 11, 14)) is None
    assert PUBLISHED.missing(date(2026, 11, 15)) == 2027
    assert PUBLISHED.missing(date(2027, 3, 1)) == 2027
    assert PUBLISHED.missing(date(2025, 12, 1)) is None


def test_a_new_year_differs_from_the_last_days_of_december_on() -> None:
    arranged = Arrangement(2027, "a notice", None, dict(statutory(2027)), {})
    assert PUBLISHED.first_difference(PUBLISHED.with_year(arranged, 2)) == date(2026, 12, 29)


def test_a_correction_differs_from_the_day_it_corrects_and_a_repetition_nowhere() -> None:
    year = PUBLISHED.years[2026]
    corrected = Arrangement(
        2026, "a correction", None, {**year.off, date(2026, 6, 22): "端午节"}, year.working
    )
    assert PUBLISHED.first_difference(PUBLISHED.with_year(corrected, 2)) == date(2026, 6, 22)
    assert PUBLISHED.first_difference(PUBLISHED.with_year(year, 2)) is None
