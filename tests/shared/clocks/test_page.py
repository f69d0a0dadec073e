"""The passport on the page for a unit's lawyer is what the service answers for that case."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import Servers
from tests.services.referral.desk import POLICE, Desk, desk_on

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("how-dates-are-found.md", "how-dates-are-found.zh-CN.md")
CASE = {
    "name_team": "2026-09-21T10:00:00+08:00",
    "submit_report": "2026-09-22T09:00:00+08:00",
    "approve": "2026-09-23T15:00:00+08:00",
    "deliver": "2026-09-24T09:30:00+08:00",
    "sign_receipt": "2026-09-24T09:45:00+08:00",
    "decline": "2026-09-28T11:00:00+08:00",
    "serve_non_filing_notice": "2026-09-29T16:20:00+08:00",
    "ask_reconsideration": "2026-10-08T09:30:00+08:00",
}


@pytest.fixture(scope="module")
async def desk(servers: Servers) -> AsyncIterator[Desk]:
    async with servers.database() as database, desk_on(servers.mongo_url, database) as running:
        yield running


async def test_the_pages_passport_is_what_the_service_answers(desk: Desk) -> None:
    matter = await desk.open(acted_at="2026-09-21T09:00:00+08:00")
    for step, acted_at in CASE.items():
        receipt = {"papers": {"service_receipt": [await desk.paper(POLICE)]}}
        served = step == "serve_non_filing_notice"
        await desk.take(matter, step, acted_at=acted_at, **(receipt if served else {}))
    found = await desk.clock(matter, "reconsideration_window")
    # What differs each time the case is played.
    found["started"]["recorded_at"] = "…"
    for paper in found["started"]["papers"]:
        paper.update(id="…", sha256="…")
    for page in PAGES:
        assert found == passport(page), f"{page} should show {json.dumps(found, ensure_ascii=False)}"


def passport(page: str) -> Any:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return json.loads(shown)
