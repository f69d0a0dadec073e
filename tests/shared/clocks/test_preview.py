"""The worked examples once more, asked of the service; what it refuses; the timetable of a whole procedure."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.local.servers import Servers
from shared.clocks.calendar import SHANGHAI
from tests.services.referral.desk import ORGAN, TRANSFER, Desk, desk_on
from tests.shared.clocks.examples import read

STARTS = "2026-09-29T10:00:00+08:00"
DECISION = {"mechanism": "forward_transfer", "clock": "decision", "starts_at": STARTS}


@pytest.fixture(scope="module")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    async with servers.database() as database, desk_on(servers.mongo_url, database) as running:
        yield running


async def preview(desk: Desk, body: Any) -> Any:
    answer = await desk.post(ORGAN, "/v1/clocks/preview", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_decision_on_a_transfer_received_before_national_day(desk: Desk) -> None:
    found = await preview(desk, DECISION)
    assert found["due_on"] == found["earliest"] == found["latest"] == "2026-10-08"
    assert found["due_at"] == "2026-10-09T00:00:00+08:00"
    assert found["provisional"] is False
    assert found["counted_from"] == "2026-09-30"
    assert [(day["date"], day["counted"]) for day in found["explanation"]] == [
        *(("2026-09-29", False), ("2026-09-30", True), ("2026-10-01", True), ("2026-10-02", True)),
        *((f"2026-10-0{day}", False) for day in range(3, 9)),
    ]
    assert "National Day" in found["explanation"][3]["why"]
    assert (found["law"]["law"], found["law"]["article"], found["law"]["mark"]) == (
        "行政执法机关移送涉嫌犯罪案件的规定",
        "8",
        "read",
    )


async def test_the_service_answers_the_worked_examples(desk: Desk) -> None:
    askable = [(example, body) for example in read() if (body := example.free()) is not None]
    asked = askable[::6] + [each for each in askable if each[0].provisional or each[0].excluded]
    assert len(asked) >= 60
    for example, body in asked:
        found = await preview(desk, body)
        hours = example.on is None
        expected = {
            "due_on": None if hours else f"{example.on}",
            "due_at": example.at.astimezone(SHANGHAI).isoformat(),
            "provisional": example.provisional,
            "earliest": None if hours else f"{example.earliest}",
            "latest": None if hours else f"{example.latest}",
        }
        assert {key: found[key] for key in expected} == expected, example
        assert found["law"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"unit": "weeks"}, "rule.unit"),
        ({"amount": 0}, "rule.amount"),
        ({"amount": "three"}, "rule.amount"),
        ({"amount": 11, "unit": "years"}, "rule.amount"),
        ({"amount": 4000}, "rule.amount"),
        ({"amount": 2501, "unit": "workdays"}, "rule.amount"),
        ({"direction": "sideways"}, "rule.direction"),
        ({"reading": "bold"}, "rule.reading"),
        ({"excluded": [["2026-10-15", "2026-10-10"]]}, "rule.excluded.0"),
        ({"excluded": [["2026-10-10", "soon"]]}, "rule.excluded.0.1"),
        ({"excluded": [["2026-10-10"]]}, "rule.excluded.0.1"),
        ({"excluded": [["2020-01-01", "2030-02-01"]]}, "rule.excluded.0"),
        ({"excluded": [["0001-01-01", "0001-01-02"]]}, "rule.excluded.0"),
        ({"excluded": [["2026-10-10", "2026-10-11"]] * 21}, "rule.excluded"),
        ({"colour": "red"}, "rule.*"),
    ],
)
async def test_a_rule_that_is_none_names_its_field(desk: Desk, change: dict[str, Any], field: str) -> None:
    body = {"rule": {"amount": 3, "unit": "days"} | change, "starts_at": STARTS}
    await refused(desk, body, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (DECISION | {"starts_at": "2026-09-29T10:00:00"}, "starts_at"),
        (DECISION | {"starts_at": "1999-09-29T10:00:00+08:00"}, "starts_at"),
        (DECISION | {"starts_at": "yesterday"}, "starts_at"),
        ({key: value for key, value in DECISION.items() if key != "starts_at"}, "starts_at"),
        (DECISION | {"mechanism": "tea"}, "mechanism"),
        (DECISION | {"clock": "tea"}, "clock"),
        (DECISION | {"rule": {"amount": 3, "unit": "days"}}, "rule"),
        ({"starts_at": STARTS}, "rule"),
        ({"mechanism": "forward_transfer", "starts_at": STARTS}, "rule"),
        ({"clock": "decision", "rule": {"amount": 3, "unit": "days"}, "starts_at": STARTS}, "rule"),
    ],
)
async def test_a_question_that_is_none_names_its_field(desk: Desk, body: Any, field: str) -> None:
    await refused(desk, body, field)


async def refused(desk: Desk, body: Any, field: str) -> None:
    answer = await desk.post(ORGAN, "/v1/clocks/preview", body)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]], answer.text


@pytest.mark.parametrize(
    "rule",
    [
        {"amount": 2500, "unit": "workdays"},
        {"amount": 10, "unit": "years"},
        {"amount": 120, "unit": "months", "direction": "backward"},
        {"amount": 2500, "unit": "workdays", "direction": "backward"},
        {
            "amount": 1,
            "unit": "months",
            "excluded": [["2090-01-01", "2099-12-31"], ["2080-06-01", "2090-01-01"]],
        },
    ],
)
@pytest.mark.parametrize("starts_at", ["2004-01-01T00:00:00+08:00", "2099-12-31T23:59:59+08:00"])
async def test_the_longest_rules_at_the_ends_of_what_is_allowed_are_counted(
    desk: Desk, rule: dict[str, Any], starts_at: str
) -> None:
    assert (await preview(desk, {"rule": rule, "starts_at": starts_at}))["due_on"] is not None


async def test_a_clock_whose_number_nobody_set_has_no_date(desk: Desk) -> None:
    found = await preview(desk, DECISION | {"clock": "verification"})
    assert (found["due_on"], found["due_at"], found["provisional"]) == (None, None, False)
    assert found["law"]["mark"] == "local_policy"


async def test_the_timetable_says_of_every_clock_when_it_would_be_over(desk: Desk) -> None:
    answer = await desk.get(ORGAN, "/v1/mechanisms/forward_transfer/timetable", starts_on="2026-09-29")
    assert answer.status_code == 200, answer.text
    table = answer.json()
    assert (table["mechanism"], table["edition"], table["starts_on"]) == (
        "forward_transfer",
        TRANSFER.edition,
        "2026-09-29",
    )
    rows = {row["clock"]: row for row in table["clocks"]}
    assert list(rows) == [clock.key for clock in TRANSFER.clocks]
    ends = {key: (row["due_on"], row["due_at"]) for key, row in rows.items()}
    assert ends["decision"] == ("2026-10-08", "2026-10-09T00:00:00+08:00")
    assert ends["dispatch"] == (None, "2026-09-30T00:00:00+08:00")
    assert ends["penalty_copy"] == ("2026-10-09", "2026-10-10T00:00:00+08:00")
    assert ends["opinion"] == ("2026-10-08", "2026-10-09T00:00:00+08:00")
    assert ends["verification"] == (None, None)
    assert rows["decision"]["starts_with"] == ["sign_receipt"]
    assert rows["decision"]["met_by"] == ["file", "decline"]
    assert rows["approval"]["starts_with"] == ["submit_report"]
    assert rows["approval"]["met_by"] == ["approve", "refuse"]
    assert all(row["cites"] for row in rows.values())


async def test_the_timetable_marks_what_rests_on_an_unpublished_year(desk: Desk) -> None:
    answer = await desk.get(ORGAN, "/v1/mechanisms/forward_transfer/timetable", starts_on="2026-12-29")
    row = next(row for row in answer.json()["clocks"] if row["clock"] == "decision")
    assert (row["due_on"], row["provisional"]) == ("2027-01-04", True)
    assert (row["earliest"], row["latest"]) == ("2027-01-02", "2027-01-07")


@pytest.mark.parametrize(
    ("path", "starts_on", "status"),
    [("tea", "2026-09-29", 404), ("forward_transfer", "soon", 422), ("forward_transfer", "1999-01-01", 422)],
)
async def test_a_timetable_of_nothing_is_refused(desk: Desk, path: str, starts_on: str, status: int) -> None:
    answer = await desk.get(ORGAN, f"/v1/mechanisms/{path}/timetable", starts_on=starts_on)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert [error["field"] for error in answer.json()["errors"]] == ["starts_on"]


async def test_the_simulator_asks_for_a_token_and_touches_no_matter(desk: Desk) -> None:
    assert (await desk.client.post("/v1/clocks/preview", json=DECISION)).status_code == 401
    assert (await desk.client.get("/v1/mechanisms/forward_transfer/timetable")).status_code in (401, 422)
    await preview(desk, DECISION)
    assert await desk.store.matters.collection.count_documents({}) == 0
