"""The register of divisions: what lives, what was abolished, and what stands in its place."""

import datetime as dt

from shared import divisions

TODAY = dt.date(2026, 11, 23)


def test_luoyang_has_seven_districts_and_seven_counties():
    names = {d.name for d in divisions.every() if d.parent == "410300" and d.holds(TODAY)}
    assert len(names) == 14
    assert {"瀍河回族区", "偃师区", "孟津区", "洛龙区", "伊川县"} <= names


def test_abolished_codes_are_known_but_not_live():
    for code in ("410306", "410322", "410381", "410321", "412529"):
        assert divisions.find(code) is not None
        assert not divisions.live(code, TODAY)


def test_headings_and_statistics_codes_are_not_places():
    assert divisions.find("410301") is None
    assert divisions.find("410371") is None


def test_a_code_lives_until_the_day_it_is_abolished():
    assert divisions.live("410381", dt.date(2021, 3, 17))
    assert not divisions.live("410381", dt.date(2021, 3, 18))
    assert divisions.live("410307", dt.date(2021, 3, 18))
    assert not divisions.live("410307", dt.date(2021, 3, 17))


def test_the_successor_is_followed_to_a_live_code():
    assert divisions.successor("412521", TODAY) == "410307"  # 偃师县 → 偃师县 → 偃师市 → 偃师区
    assert divisions.successor("410306", TODAY) == "410308"
    assert divisions.successor("410303", TODAY) == "410303"
    assert divisions.successor("412500", TODAY) is None  # divided among three cities
    assert divisions.successor("999999", TODAY) is None


def test_a_code_that_changed_its_name_answers_for_the_day_asked():
    before, after = divisions.find("410311", dt.date(1999, 6, 1)), divisions.find("410311", TODAY)
    assert before is not None
    assert after is not None
    assert (before.name, after.name) == ("郊区", "洛龙区")
    assert divisions.successor("410311", TODAY) == "410311"


def test_ancestors_are_named_nearest_first():
    assert divisions.ancestors("410303") == ("410300", "410000")
    assert divisions.ancestors("410000") == ()
    assert divisions.ancestors("000000") == ()


def test_the_register_has_no_loose_ends():
    codes = {d.code for d in divisions.every()}
    for division in divisions.every():
        assert division.parent is None or division.parent in codes
        assert division.successor is None or division.successor in codes
        if division.valid_to is not None and division.code != "412500":
            assert divisions.successor(division.code, TODAY), division
