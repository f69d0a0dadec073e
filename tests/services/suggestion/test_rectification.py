"""Replied is never taken for rectified: the figures are a plain count of all histories, whatever is heard and when."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.suggestion.api.rectification import rates
from services.suggestion.domain.standing import Counts, day_of
from services.suggestion.main import SERVICE, _together
from services.suggestion.mechanisms.procuratorial_suggestion import ABOUT_A_POINT, VERIFIED
from services.suggestion.store import figures as figures_module
from services.suggestion.store.figures import Figures
from services.suggestion.store.keeping import SuggestionKeeping
from shared.events import Event
from shared.mechanism.amend import acted_at
from shared.mechanism.matter import MET, Matter
from shared.mongo import Unavailable
from tests.services.referral.desk import Desk, desk_on
from tests.services.suggestion.conftest import (
    ADDRESSEE,
    CITY_PROCURATORATE,
    FAR_PROCURATORATE,
    GOVERNMENT,
    NAMED,
    OPENER,
    OTHER_ADDRESSEE,
    SUGGESTION,
    UNITS,
)
from tests.services.suggestion.roads import PUBLIC_INTEREST, ROADS, TO_APPROVED, TO_SERVED, opened, walk

POINT = {"problem": "未登记。", "suggestion": "补充登记。", "basis": "食品安全法第六十二条"}
PATH = "/v1/rectification"
COUNTED = tuple(each.name for each in fields(Counts))
_names = itertools.count()


@pytest.fixture(scope="module")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    """A desk of its own: every counter in its database is made here."""
    async with (
        servers.database() as database,
        desk_on(
            servers.mongo_url,
            database,
            service=SERVICE,
            mechanism=SUGGESTION,
            opener=OPENER,
            named=NAMED,
            units=UNITS,
        ) as running,
    ):
        yield running


def a_field() -> str:
    """Return a field that no other test counts in."""
    return f"领域 {next(_names):03}"


def figures_of(desk: Desk) -> Figures:
    assert isinstance(desk.store, SuggestionKeeping)
    return desk.store.figures


async def said(desk: Desk, *matters: str) -> list[Event]:
    return [Event.from_document(each) for matter in matters for each in await desk.said(matter)]


async def tell(desk: Desk, *matters: str) -> None:
    """Let the service hear all that it said of these matters, as its worker does."""
    heard = SERVICE.heard(desk.parts)
    for event in await said(desk, *matters):
        if event.type in heard:
            await heard[event.type](event)


async def rows(desk: Desk, reader: str, by: str = "unit", **filters: Any) -> list[dict[str, Any]]:
    answer = await desk.client.get(PATH, params={"by": by, **filters}, headers=desk.headers(reader))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def row(desk: Desk, field: str) -> dict[str, Any]:
    (found,) = await rows(desk, OPENER, "field", field=field)
    return found


async def served(desk: Desk, field: str, points: int = 1, **changes: Any) -> str:
    matter = await opened(desk, (), field=field)
    draft = {"points": [POINT] * points, "objection_days": 15, "reply_period": "two_months"}
    await walk(desk, matter, ("investigate", "report_investigation", ("draft", draft)))
    await walk(desk, matter, ("review_policy", "approve"))
    await desk.take(matter, "deliver", **changes)
    return matter


async def whole(desk: Desk, matter: str) -> Matter:
    found = await desk.store.matters.find_own(matter)
    assert found is not None
    return found


async def plainly(desk: Desk, by: str) -> dict[str, dict[str, int]]:
    """Count all histories, one after another, by what a matter itself says of its points and clocks."""
    counted: dict[str, dict[str, int]] = {}
    async for document in desk.store.matters.collection.find({"mechanism": SUGGESTION.key}, {"_id": 1}):
        matter = await whole(desk, document["_id"])
        steps = [entry for entry in matter.history if entry.kind == "step"]
        delivery = next((entry for entry in steps if entry.step == "deliver"), None)
        if delivery is None or matter.state == "withdrawn":
            continue
        changed = max((entry.version for entry in steps if entry.step == "amend"), default=0)
        replied = any(entry.step == "reply" and entry.version > changed for entry in steps)
        clock = matter.ticking("reply")
        points = len(matter.fields()["points"])
        lasts = [matter.last_about("points", "point", each, ABOUT_A_POINT) for each in range(1, points + 1)]
        keys = {
            "unit": matter.parties["addressee"],
            "year": str(day_of(acted_at(matter, delivery.version) or delivery.acted_at).year),
            "type": matter.fields()["type"],
            "field": matter.fields()["field"],
        }
        mine = (
            1,
            replied,
            replied and clock is not None and clock.state == MET,
            points,
            sum(last in VERIFIED for last in lasts),
            matter.state == "closed_implemented",
        )
        total = counted.setdefault(keys[by], dict.fromkeys(COUNTED, 0))
        for name, value in zip(COUNTED, mine, strict=True):
            total[name] += int(value)
    return counted


async def shown(desk: Desk, by: str) -> dict[str, dict[str, int]]:
    return {
        each["key"]: {name: each[name] for name in COUNTED}
        for each in await rows(desk, OPENER, by, limit=200)
    }


# The promise in its plainest form.


async def test_a_reply_raises_the_reply_rate_and_nothing_else(desk: Desk) -> None:
    field = a_field()
    matter = await served(desk, field, points=2)
    await tell(desk, matter)
    assert await row(desk, field) == {
        "key": field,
        "delivered": 1,
        "replied": 0,
        "replied_in_time": 0,
        "reply_rate": 0.0,
        "points": 2,
        "verified": 0,
        "rectification_rate": 0.0,
        "closed": 0,
    }
    await desk.take(matter, "reply")
    await desk.take(matter, "report_point", form={"point": 1})
    await tell(desk, matter)
    found = await row(desk, field)
    assert (found["reply_rate"], found["replied_in_time"], found["rectification_rate"]) == (1.0, 1, 0.0)
    await desk.take(matter, "verify_point", form={"point": 1})
    await tell(desk, matter)
    found = await row(desk, field)
    assert (found["reply_rate"], found["rectification_rate"], found["closed"]) == (1.0, 0.5, 0)


async def test_a_reopened_point_is_not_verified_and_its_suggestion_not_closed_any_more(desk: Desk) -> None:
    field = a_field()
    matter = await served(desk, field)
    await desk.take(matter, "reply", "report_point", "verify_point", "close")
    await tell(desk, matter)
    found = await row(desk, field)
    assert (found["verified"], found["rectification_rate"], found["closed"]) == (1, 1.0, 1)
    await desk.take(matter, "reopen_point")
    await tell(desk, matter)
    found = await row(desk, field)
    assert (found["replied"], found["verified"], found["rectification_rate"], found["closed"]) == (
        1,
        0,
        0.0,
        0,
    )


async def test_a_changed_paper_has_its_own_points_and_waits_for_its_own_reply(desk: Desk) -> None:
    field = a_field()
    matter = await served(desk, field, points=3)
    await desk.take(matter, "reply")
    await desk.take(matter, "report_point", "verify_point", form={"point": 2})
    await desk.take(matter, "amend", form={"points": [POINT] * 2})
    await tell(desk, matter)
    found = await row(desk, field)
    assert (found["delivered"], found["replied"], found["points"], found["verified"]) == (1, 0, 2, 0)
    await desk.take(matter, "deliver_amended", "reply")
    await tell(desk, matter)
    found = await row(desk, field)
    assert (found["delivered"], found["replied"], found["replied_in_time"], found["points"]) == (1, 1, 1, 2)


async def test_a_late_reply_is_a_reply_and_not_one_in_time(desk: Desk) -> None:
    field = a_field()
    road = ROADS["no reply, urged, escalated, answered after all"]
    matter = await opened(desk, road, field=field)
    await walk(desk, matter, road)
    await tell(desk, matter)
    found = await row(desk, field)
    assert (found["replied"], found["replied_in_time"], found["reply_rate"]) == (1, 0, 1.0)


async def test_a_withdrawn_suggestion_counts_nowhere_and_leaves_no_counter(desk: Desk) -> None:
    field = a_field()
    matter = await served(desk, field)
    await tell(desk, matter)
    assert await figures_of(desk).counters.count_documents({"field": field}) == 1
    await desk.take(matter, "withdraw")
    await tell(desk, matter)
    assert await rows(desk, OPENER, field=field) == []
    assert await figures_of(desk).counters.count_documents({"field": field}) == 0


async def test_before_its_delivery_nothing_is_known_of_a_suggestion(desk: Desk) -> None:
    field = a_field()
    matter = await opened(desk, (), field=field)
    await walk(desk, matter, TO_APPROVED)
    await tell(desk, matter)
    assert await rows(desk, OPENER, field=field) == []
    assert await figures_of(desk).counted.find_one({"_id": matter}) is None


async def test_the_year_is_that_of_the_delivery_in_china_and_moves_with_a_correction(desk: Desk) -> None:
    field = a_field()
    before, new_year = "2025-12-20T08:00:00+08:00", "2025-12-31T16:30:00+00:00"
    matter = await opened(desk, (), field=field)
    other = await desk.open(acted_at=before, form={"field": field, "breach": "跨年"})
    await desk.take(other, *map(str, TO_APPROVED), acted_at=before)
    await desk.take(other, "deliver", acted_at=new_year)
    await tell(desk, matter, other)
    assert [each["key"] for each in await rows(desk, OPENER, "year", field=field)] == ["2026"]
    entries = (await desk.read(other, part="/history"))["entries"]
    body = {
        "entry": next(each["version"] for each in entries if each["step"] == "deliver"),
        "acted_at": "2025-12-31T15:30:00+00:00",
        "reason": "送达回证上的日期。",
        "proof": [await desk.paper(OPENER)],
    }
    answer = await desk.post(OPENER, f"{desk.path}/{other}/corrections", body)
    assert answer.status_code == 200, answer.text
    await tell(desk, other)
    assert [each["key"] for each in await rows(desk, OPENER, "year", field=field)] == ["2025"]
    assert await figures_of(desk).counters.count_documents({"field": field}) == 1


# Whatever is heard, how often, and in which order.


async def everything(desk: Desk) -> list[str]:
    """Walk every road with both addressees; the matters."""
    matters = []
    roads = [*ROADS.values(), PUBLIC_INTEREST, (*TO_SERVED, "reply"), TO_SERVED]
    for place, road in enumerate(roads):
        kind = "public_interest" if road is PUBLIC_INTEREST else "social_governance"
        here = replace(desk, named={**NAMED, "addressee": (ADDRESSEE, OTHER_ADDRESSEE)[place % 2]})
        matter = await opened(
            here, road, type=kind, field=("食品药品安全", "生态环境", "安全生产")[place % 3]
        )
        await walk(here, matter, road)
        matters.append(matter)
    return matters


async def test_the_figures_are_a_plain_count_however_often_and_in_whatever_order_events_come(
    desk: Desk,
) -> None:
    events = await said(desk, *await everything(desk)) * 50
    chance = random.Random(7)
    chance.shuffle(events)
    # Two workers, each with its own queue of things in hand.
    workers = [figures_of(desk), Figures(desk.mongo.database, desk.store.matters)]
    waiting = iter(events)

    async def work(figures: Figures) -> None:
        for event in waiting:
            while True:
                try:
                    await figures.hear(event)
                    break
                except Unavailable:  # the broker brings it again
                    await asyncio.sleep(0.01)

    await asyncio.gather(*(work(figures) for figures in workers for _ in range(8)))
    for by in ("unit", "year", "type", "field"):
        assert await shown(desk, by) == await plainly(desk, by), by
    total = [sum(each[name] for each in (await plainly(desk, "unit")).values()) for name in COUNTED]
    assert all(total), "every figure is put to the test"


async def test_two_workers_that_count_one_suggestion_at_once_count_it_once(desk: Desk) -> None:
    for _ in range(5):
        field = a_field()
        matter = await whole(desk, await served(desk, field))
        crowd = [Figures(desk.mongo.database, desk.store.matters) for _ in range(6)]
        await asyncio.gather(*(each.count(matter) for each in crowd))
        assert (await row(desk, field))["delivered"] == 1


async def test_what_an_older_version_would_count_changes_nothing(desk: Desk) -> None:
    field = a_field()
    matter = await served(desk, field)
    older = await whole(desk, matter)
    await desk.take(matter, "reply")
    newer = await whole(desk, matter)
    await figures_of(desk).count(newer)
    await figures_of(desk).count(older)
    assert (await row(desk, field))["replied"] == 1
    await desk.take(matter, "withdraw")
    await figures_of(desk).count(await whole(desk, matter))
    await figures_of(desk).count(newer)
    assert await rows(desk, OPENER, field=field) == []


async def test_a_count_that_breaks_off_half_way_leaves_nothing_and_is_made_good(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = a_field()
    matter = await served(desk, field)
    with monkeypatch.context() as patch:
        patch.setattr(figures_module, "_counter_document", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await tell(desk, matter)
    await tell(desk, matter)
    assert (await row(desk, field))["delivered"] == 1


async def test_counters_that_are_gone_are_built_again_from_the_histories(desk: Desk) -> None:
    await tell(desk, *await everything(desk))
    figures = figures_of(desk)
    before = {by: await shown(desk, by) for by in ("unit", "year", "type", "field")}
    await figures.counted.delete_many({})
    await figures.counters.delete_many({})
    assert await shown(desk, "unit") == {}
    await desk.store.migrate()
    assert {by: await shown(desk, by) for by in before} == before


def test_every_step_of_the_mechanism_is_heard() -> None:
    steps = {step.said for step in (SUGGESTION.opening, *SUGGESTION.steps)}
    assert {f"suggestion.{SUGGESTION.key}.{each}" for each in steps} < set(figures_module.heard())


async def test_two_handlers_of_one_type_are_both_called(desk: Desk) -> None:
    called: list[str] = []

    async def first(_: Event) -> None:
        called.append("first")

    async def second(_: Event) -> None:
        called.append("second")

    heard = _together({"a.b": first}, {"a.b": second, "a.c": second})
    (event, *_) = await said(desk, await opened(desk, ()))
    await heard["a.b"](event)
    await heard["a.c"](event)
    assert called == ["first", "second", "second"]
    assert {*figures_module.heard(), "suggestion.supervision_draft.approved"} < set(SERVICE.heard(desk.parts))


# Who sees what, and what it costs.


async def test_each_unit_sees_its_own_and_who_has_none_an_empty_list(desk: Desk) -> None:
    field = a_field()
    first = await served(desk, field)
    there = replace(desk, named={**NAMED, "addressee": OTHER_ADDRESSEE})
    second = await opened(there, (), field=field)
    await walk(there, second, (*TO_APPROVED, ("deliver", {"copies": [GOVERNMENT]})))
    await tell(desk, first, second)
    seen = {
        unit: [each["key"] for each in await rows(desk, unit, field=field)]
        for unit in (*UNITS, CITY_PROCURATORATE)
    }
    assert seen == {
        OPENER: [ADDRESSEE, OTHER_ADDRESSEE],
        CITY_PROCURATORATE: [ADDRESSEE, OTHER_ADDRESSEE],
        ADDRESSEE: [ADDRESSEE],
        OTHER_ADDRESSEE: [OTHER_ADDRESSEE],
        FAR_PROCURATORATE: [],
        GOVERNMENT: [],  # it has a copy of a paper; the figures are not its own
        "LY-SC-300": [],
    }
    assert await rows(desk, ADDRESSEE, field=field, unit=OTHER_ADDRESSEE) == []
    assert [each["delivered"] for each in await rows(desk, ADDRESSEE, "field", field=field)] == [1]
    unknown = await desk.get("LY-XX-999", PATH, by="unit")
    assert (unknown.status_code, unknown.json()["code"]) == (403, "unit-unknown")


async def test_the_figures_need_the_scope_and_a_known_key(desk: Desk) -> None:
    token = desk.issuer.token(unit=OPENER, scope="papers:write")
    answer = await desk.client.get(PATH, params={"by": "unit"}, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
    for params in ({}, {"by": "rate"}, {"by": "unit", "year": "x"}, {"by": "unit", "type": "none"}):
        answer = await desk.client.get(PATH, params=params, headers=desk.headers(OPENER))
        assert answer.status_code == 422, params


async def test_rows_are_in_the_order_of_the_key_and_come_in_pages(desk: Desk) -> None:
    # The last by key has the best rate, the first the worst.
    names = [a_field() for _ in range(3)]
    for name, steps in zip(names, ((), ("reply",), ("reply", "report_point", "verify_point")), strict=True):
        matter = await served(desk, name)
        await desk.take(matter, *steps)
        await tell(desk, matter)
    everyone = [each["key"] for each in await rows(desk, OPENER, "field", limit=200)]
    assert everyone == sorted(everyone)
    assert set(names) < set(everyone)
    for by, whole_list in (("field", everyone), ("year", None)):
        expected = whole_list or [each["key"] for each in await rows(desk, OPENER, by)]
        read: list[str] = []
        page = (await desk.get(OPENER, PATH, by=by, limit=1)).json()
        while True:
            read += [each["key"] for each in page["items"]]
            if page["next"] is None:
                break
            page = (await desk.get(OPENER, PATH, by=by, limit=1, cursor=page["next"])).json()
        assert read == expected


async def test_every_filter_narrows(desk: Desk) -> None:
    field = a_field()
    matter = await served(desk, field)
    await tell(desk, matter)
    year = desk.now().astimezone(UTC).year
    right: dict[str, Any] = {
        "unit": ADDRESSEE, "year": year, "type": "social_governance", "field": field, "division": "410329",
    }  # fmt: skip
    wrong = {
        "unit": OTHER_ADDRESSEE, "year": year - 1, "type": "other", "field": "无", "division": "410323",
    }  # fmt: skip
    assert len(await rows(desk, OPENER, **right)) == 1
    assert len(await rows(desk, OPENER, **{**right, "division": "410300"})) == 1
    for name in right:
        assert await rows(desk, OPENER, **{**right, name: wrong[name]}) == [], name


async def test_reading_costs_counters_and_not_suggestions(desk: Desk) -> None:
    field = a_field()
    matters = [await served(desk, field) for _ in range(6)]
    await tell(desk, *matters)
    assert await figures_of(desk).counters.count_documents({"field": field}) == 1
    database = desk.mongo.database
    mine = await figures_of(desk).counters.count_documents({"seen_by": OPENER})
    await database.command({"profile": 2})
    try:
        since = datetime.now(UTC)
        (found,) = await rows(desk, OPENER, "unit", field=field)
    finally:
        await database.command({"profile": 0})
    assert found["delivered"] == 6
    looked = [each async for each in database["system.profile"].find({"ts": {"$gte": since}})]
    assert not [each for each in looked if each["ns"].endswith((".matters", ".counted"))]
    (read,) = [each for each in looked if each["ns"].endswith(".counters")]
    assert read["planSummary"] == "IXSCAN { seen_by: 1, year: 1 }"
    assert read["docsExamined"] <= mine


def test_a_rate_is_null_where_there_is_nothing_due() -> None:
    assert rates(Counts()).reply_rate is None
    assert rates(Counts(delivered=1)).rectification_rate is None
    assert rates(Counts(delivered=3, replied=1, points=4, verified=3)).rectification_rate == 0.75
