"""The pure core and the clocks, on parts of procedures that ask more than a plain transfer does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.clocks.calendar import published_calendar
from shared.clocks.counting import Length, Unit
from shared.mechanism import core
from shared.mechanism.check import check
from shared.mechanism.core import Act, Change, Whereabouts
from shared.mechanism.grammar import Mechanism
from shared.mechanism.matter import Matter, Ticking
from shared.mechanism.permit import Refused
from shared.mechanism.reckoning import Terms
from tests.shared.mechanism.trials import RECTIFICATION, REVERSE, SCREENING, SUPERVISION, TRIALS

SHANGHAI = ZoneInfo("Asia/Shanghai")
TERMS = Terms(published_calendar(), {})
UNITS = {"procuratorate": "PRO", "agency": "AGE", "police": "POL", "school": "SCH", "victim": "POL"}
MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=SHANGHAI)


def local(day: str, hour: int = 10) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=SHANGHAI)


def act(
    mechanism: Mechanism, key: str, at: datetime, form: Mapping[str, Any] | None = None, **more: Any
) -> Act:
    step = mechanism.step_by_key[key]
    values: dict[str, Any] = {
        "step": key,
        "unit": UNITS[step.parties[0].key],
        "person": "P-1",
        "posts": frozenset({"chief"}),
        "acted_at": at,
        "recorded_at": at,
        "key": f"{key}-{at.isoformat()}",
        "digest": "d",
        "form": form or {},
        "parties": {party.key: UNITS[party.key] for party in step.binds},
    }
    return Act(**{**values, **more})


def opened(mechanism: Mechanism, at: datetime = MONDAY, form: Mapping[str, Any] | None = None) -> Matter:
    opening = mechanism.opening
    place = Whereabouts("M-1", opening.parties[0].key, "410329", ("410329",), "M-1")
    return core.open_matter(mechanism, place, act(mechanism, opening.key, at, form), TERMS).matter


def take(
    mechanism: Mechanism,
    matter: Matter,
    key: str,
    at: datetime,
    form: Mapping[str, Any] | None = None,
    **more: Any,
) -> Matter:
    return core.take_step(mechanism, matter, act(mechanism, key, at, form, **more), TERMS).matter


def run_of(matter: Matter, key: str) -> Ticking:
    run = matter.ticking(key)
    assert run is not None
    return run


def last_day(matter: Matter, key: str) -> str | None:
    day = run_of(matter, key).due_on
    return day.isoformat() if day else None


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.key)
def test_the_grammar_carries_it(trial: Mechanism) -> None:
    assert check(trial) is trial


def test_time_that_is_not_counted_moves_the_last_day_by_its_own_length() -> None:
    matter = opened(REVERSE)
    assert last_day(matter, "review") == "2026-03-16"
    matter = take(REVERSE, matter, "suspend", local("2026-03-05"))
    assert run_of(matter, "review").state == "paused"
    assert run_of(matter, "review").due_at is None
    matter = take(REVERSE, matter, "resume", local("2026-03-10"))
    # 5, 6 and 9 March were working days of the suspension.
    assert last_day(matter, "review") == "2026-03-19"
    matter = take(REVERSE, matter, "consult_elsewhere", local("2026-03-11"))
    matter = take(REVERSE, matter, "hear_back", local("2026-03-12"))
    assert last_day(matter, "review") == "2026-03-20"


def test_an_extension_that_adds_goes_on_from_the_old_limit() -> None:
    matter = take(REVERSE, opened(REVERSE), "extend_review", local("2026-03-04"))
    assert last_day(matter, "review") == "2026-03-23"
    with pytest.raises(Refused, match="already extended"):
        take(REVERSE, matter, "extend_review", local("2026-03-05"))


def test_an_extension_after_the_limit_is_refused() -> None:
    with pytest.raises(Refused, match="already over"):
        take(REVERSE, opened(REVERSE), "extend_review", local("2026-03-17"))


def test_a_paper_may_set_its_own_time_for_the_reply() -> None:
    matter = take(
        REVERSE, opened(REVERSE), "send_opinion", local("2026-03-04"), {"urgent": True, "reply_days": 10}
    )
    assert last_day(matter, "reply") == "2026-03-16"  # the 14th is a Saturday
    matter = take(REVERSE, opened(REVERSE), "send_opinion", local("2026-03-04"), {"reply_days": None})
    # Two months end on 4 May, inside the holiday of 1 to 5 May.
    assert last_day(matter, "reply") == "2026-05-06"


def test_the_deployments_own_length_takes_the_place_of_the_default() -> None:
    matter = take(REVERSE, opened(REVERSE), "send_opinion", local("2026-03-04"))
    terms = Terms(TERMS.calendar, {"reverse_transfer.follow_up": Length(1, Unit.MONTHS)})
    reply = act(REVERSE, "reply", local("2026-04-01"))
    assert last_day(core.take_step(REVERSE, matter, reply, terms).matter, "follow_up") == "2026-05-06"
    assert last_day(core.take_step(REVERSE, matter, reply, TERMS).matter, "follow_up") == "2026-07-01"


def test_a_step_that_waits_for_a_missed_clock_opens_when_it_is_missed_and_in_its_order() -> None:
    matter = take(REVERSE, opened(REVERSE), "send_opinion", local("2026-03-04"))
    with pytest.raises(Refused, match="time of reply is not over"):
        take(REVERSE, matter, "remind", local("2026-05-06"))
    with pytest.raises(Refused, match="remind must be taken first"):
        take(REVERSE, matter, "escalate", local("2026-05-07"))
    matter = take(REVERSE, matter, "remind", local("2026-05-07"))
    matter = take(REVERSE, matter, "escalate", local("2026-05-08"))
    # The reply is still owed after the escalation, and its lateness stays on record.
    assert run_of(matter, "reply").open
    assert run_of(take(REVERSE, matter, "reply_late", local("2026-05-09")), "reply").state == "late"


def test_several_clocks_start_with_one_step_and_end_apart() -> None:
    matter = opened(SUPERVISION, form={"kind": "overdue"})
    matter = take(SUPERVISION, matter, "demand_reasons", local("2026-03-03"))
    assert run_of(matter, "reasons").open
    assert matter.ticking("never") is None
    matter = take(SUPERVISION, matter, "give_reasons", local("2026-03-04"))
    matter = take(SUPERVISION, matter, "notify", local("2026-03-05"))
    running = {run.key for run in matter.open_clocks()}
    assert running == {"compliance", "filing_above", "objection", "examination"}
    matter = take(SUPERVISION, matter, "file_with_superior", local("2026-03-06"))
    assert run_of(matter, "filing_above").state == "met"
    assert run_of(matter, "compliance").state == "running"


def test_a_clock_that_follows_begins_where_the_other_ends() -> None:
    matter = opened(SUPERVISION, form={"kind": "overdue"})
    for key, day in (("demand_reasons", "03"), ("give_reasons", "04"), ("notify", "05")):
        matter = take(SUPERVISION, matter, key, local(f"2026-03-{day}"))
    assert last_day(matter, "compliance") == "2026-03-20"
    assert last_day(matter, "examination") == "2026-04-20"


def test_a_lapsed_right_closes_its_step_and_an_act_in_time_is_taken_late() -> None:
    matter = opened(SUPERVISION, form={"kind": "overdue"})
    for key, day in (("demand_reasons", "03"), ("give_reasons", "04"), ("notify", "05")):
        matter = take(SUPERVISION, matter, key, local(f"2026-03-{day}"))
    told = core.tell_time(SUPERVISION, matter, local("2026-03-12"), TERMS)
    assert told is not None
    assert [said.participle for said in told.said] == ["duty_missed", "right_lapsed"]
    with pytest.raises(Refused, match="time of objection ended"):
        take(SUPERVISION, told.matter, "object", local("2026-03-12"))
    late = take(SUPERVISION, told.matter, "object", local("2026-03-09"), recorded_at=local("2026-03-12"))
    assert run_of(late, "objection").state == "met"
    assert late.history[-1].late


def test_a_persons_acts_are_recorded_by_the_unit_that_hears_them() -> None:
    matter = take(SCREENING, opened(SCREENING), "answer_hit", local("2026-03-03"))
    matter = take(SCREENING, matter, "serve", local("2026-03-04"), {"instrument": "ruling"})
    assert last_day(matter, "objection") == "2026-03-16"
    other = take(SCREENING, matter, "serve", local("2026-03-04", 11), {"instrument": "judgment"})
    assert last_day(other, "objection") == "2026-03-19"
    with pytest.raises(Refused, match="object is taken by victim"):
        take(SCREENING, matter, "object", local("2026-03-05"), unit="SCH")
    assert take(SCREENING, matter, "object", local("2026-03-05")).history[-1].party == "victim"


def test_at_once_has_no_date_until_the_deployment_sets_a_number() -> None:
    run = run_of(opened(SCREENING), "first_questions")
    assert (run.state, run.due_at, run.length) == ("running", None, None)


def test_a_cycle_goes_overdue_and_comes_again() -> None:
    matter = take(SCREENING, opened(SCREENING, local("2024-03-04", 9)), "answer_clear", local("2024-03-04"))
    assert last_day(matter, "recheck") == "2025-03-04"
    change = core.tell_time(SCREENING, matter, local("2025-03-05"), TERMS)
    assert change is not None
    runs = [run for run in change.matter.clocks if run.key == "recheck"]
    assert [(run.number, run.state, str(run.due_on)) for run in runs] == [
        (1, "overdue", "2025-03-04"),
        (2, "running", "2026-03-04"),
    ]
    assert change.matter.state == "clear"


def test_counting_back_from_a_hearing_ends_before_it() -> None:
    matter = take(SCREENING, opened(SCREENING), "answer_hit", local("2026-03-03"))
    matter = take(SCREENING, matter, "object", local("2026-03-04"))
    matter = take(SCREENING, matter, "set_hearing", local("2026-03-05"), {"hearing_on": "2026-03-20"})
    assert last_day(matter, "hearing_notice") == "2026-03-16"


def test_a_minimum_holds_its_step_back_until_it_is_over() -> None:
    matter = take(SCREENING, opened(SCREENING), "answer_hit", local("2026-03-03"))
    matter = take(SCREENING, matter, "object", local("2026-03-04", 9))
    form = {"term_months": 36, "runs_from": "2026-03-04"}
    with pytest.raises(Refused, match="opens after reflection"):
        take(SCREENING, matter, "uphold", local("2026-03-04", 9) + timedelta(minutes=59), form)
    assert take(SCREENING, matter, "uphold", local("2026-03-04", 10), form).state == "banned"


def test_a_date_a_clock_counts_from_is_neither_to_come_nor_before_the_history() -> None:
    matter = take(SCREENING, opened(SCREENING), "answer_hit", local("2026-03-03"))
    matter = take(SCREENING, matter, "object", local("2026-03-04", 9))
    for wrong in ("2026-01-31", "2026-04-01"):
        with pytest.raises(Refused) as refused:
            take(
                SCREENING, matter, "uphold", local("2026-03-04", 12), {"term_months": 36, "runs_from": wrong}
            )
        assert refused.value.fields == ("form.runs_from",)
    matter = take(
        SCREENING, matter, "uphold", local("2026-03-04", 12), {"term_months": 36, "runs_from": "2026-03-04"}
    )
    # A Sunday, and the term does not roll.
    assert last_day(matter, "term") == "2029-03-04"


def test_reminders_are_said_in_order_and_each_once_also_after_an_outage() -> None:
    matter = take(REVERSE, opened(REVERSE), "send_opinion", local("2026-03-04"))
    first = _told(matter, local("2026-04-30"))
    assert [(said.participle, said.tell) for said in first.said] == [("deadline_reminded", ("AGE",))]
    assert core.tell_time(REVERSE, first.matter, local("2026-04-30"), TERMS) is None
    late = _told(matter, local("2026-06-01"))
    assert [said.participle for said in late.said] == [
        "deadline_reminded",
        "duty_missed",
        "deadline_reminded",
    ]
    assert late.said[-1].data["superior_of"] == "AGE"
    assert late.attention_at is None or late.attention_at > local("2026-06-01")
    assert core.tell_time(REVERSE, late.matter, local("2026-06-02"), TERMS) is None


def _told(matter: Matter, now: datetime) -> Change:
    change = core.tell_time(REVERSE, matter, now, TERMS)
    assert change is not None
    return change


def test_nothing_is_due_a_moment_before_its_time_and_everything_at_it() -> None:
    matter = opened(SCREENING)
    due = run_of(matter, "answer").due_at
    assert due is not None
    assert core.tell_time(SCREENING, matter, due - timedelta(milliseconds=1), TERMS) is None
    change = core.tell_time(SCREENING, matter, due, TERMS)
    assert change is not None
    assert run_of(change.matter, "answer").state == "overdue"


def test_an_act_to_come_or_before_the_present_state_is_refused() -> None:
    matter = opened(REVERSE)
    with pytest.raises(Refused) as refused:
        take(REVERSE, matter, "suspend", local("2026-03-06"), recorded_at=local("2026-03-05"))
    assert refused.value.code == "act-in-future"
    with pytest.raises(Refused) as refused:
        take(REVERSE, matter, "suspend", local("2026-03-01"))
    assert refused.value.code == "act-before-history"
    blank = Whereabouts("M-2", "procuratorate", "410329", ("410329",), "M-2")
    ancient = act(REVERSE, REVERSE.opening.key, local("1999-01-01"), recorded_at=MONDAY)
    with pytest.raises(Refused) as refused:
        core.open_matter(REVERSE, blank, ancient, TERMS)
    assert refused.value.code == "act-before-history"


def test_the_steps_reserved_to_the_chief_are_refused_to_others() -> None:
    with pytest.raises(Refused) as refused:
        take(REVERSE, opened(REVERSE), "extend_review", local("2026-03-04"), posts=frozenset({"clerk"}))
    assert refused.value.code == "post-required"


def test_a_matter_has_an_end_to_its_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "MAX_ENTRIES", 2)
    matter = take(REVERSE, opened(REVERSE), "suspend", local("2026-03-04"))
    with pytest.raises(Refused) as refused:
        take(REVERSE, matter, "resume", local("2026-03-05"))
    assert refused.value.code == "matter-full"


def test_the_core_reads_no_clock_of_its_own() -> None:
    future = datetime(2100, 1, 1, tzinfo=UTC)
    assert opened(REVERSE, future).opened_at == future


def test_a_reminder_that_merges_is_left_out_when_something_later_is_said_as_well() -> None:
    reply = REVERSE.clock_by_key["reply"]
    merging = replace(reply, reminders=(replace(reply.reminders[0], merges=True), reply.reminders[1]))
    clocks = tuple(merging if each is reply else each for each in REVERSE.clocks)
    mechanism = replace(REVERSE, clocks=clocks)
    matter = take(mechanism, opened(mechanism), "send_opinion", local("2026-03-04"))
    alone = core.tell_time(mechanism, matter, local("2026-04-30"), TERMS)
    assert alone is not None
    assert [said.participle for said in alone.said] == ["deadline_reminded"]
    late = core.tell_time(mechanism, matter, local("2026-05-07", 1), TERMS)
    assert late is not None
    assert [said.participle for said in late.said] == ["duty_missed"]


def _suggested() -> Matter:
    return opened(RECTIFICATION, form={"points": ["补查询", "建台账"]})


def test_a_matter_of_many_points_closes_when_each_is_verified_and_not_before() -> None:
    matter = _suggested()
    for number, key in ((1, "report_point"), (2, "report_point"), (1, "verify_point")):
        matter = take(RECTIFICATION, matter, key, local("2026-03-03"), {"point": number})
    with pytest.raises(Refused, match="not every one of points has its verify_point"):
        take(RECTIFICATION, matter, "close", local("2026-03-04"))
    rejected = take(RECTIFICATION, matter, "reject_point", local("2026-03-04"), {"point": 2})
    with pytest.raises(Refused, match="must come right after report_point"):
        take(RECTIFICATION, rejected, "verify_point", local("2026-03-05"), {"point": 2})
    matter = take(RECTIFICATION, matter, "verify_point", local("2026-03-04"), {"point": 2})
    closed = take(RECTIFICATION, matter, "close", local("2026-03-05"))
    again = take(RECTIFICATION, closed, "reopen_point", local("2026-03-06"), {"point": 1})
    with pytest.raises(Refused, match="not every one"):
        take(RECTIFICATION, again, "close", local("2026-03-07"))


def test_a_step_about_an_item_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        take(RECTIFICATION, _suggested(), "verify_point", local("2026-03-03"), {"point": 3})
    assert (refused.value.code, refused.value.fields) == ("item-unknown", ("form.point",))


def test_a_clock_of_an_item_runs_and_ends_for_that_item_alone() -> None:
    matter = _suggested()
    for number in (1, 2):
        for key in ("report_point", "verify_point"):
            matter = take(RECTIFICATION, matter, key, local(f"2026-03-0{number + 2}"), {"point": number})
    matter = take(RECTIFICATION, matter, "revisit_point", local("2026-03-09"), {"point": 1})
    assert [(run.item, run.state, str(run.due_on)) for run in matter.clocks] == [
        (1, "met", "2026-06-03"),
        (2, "running", "2026-06-04"),
    ]
