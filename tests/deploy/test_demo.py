"""The demo: it does what it says, leaves nothing behind, and its count of what is lost is a real count."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from deploy.local.cases import personal_values, read_plan
from deploy.local.demo import demo
from deploy.local.load import CASES, MAPPING
from deploy.local.play import ROADS
from deploy.local.receiver import Receiver
from deploy.local.reckoning import found_in
from deploy.local.servers import Servers
from deploy.local.suite import ROOT

KEYS = [
    "matters",
    "steps",
    "events",
    "delivered",
    "overdue",
    "drafts",
    "chains",
    "reports",
    "alert_seconds",
    "lost",
    "seconds",
]


@pytest.fixture
def given(servers: Servers) -> dict[str, str]:
    """The session's servers, by address."""
    return {
        "SUITE_MONGO_URL": servers.mongo_url,
        "SUITE_RABBIT_URLS": ",".join(servers.rabbit_urls),
        "SUITE_RABBIT_MANAGEMENT_URL": servers.rabbit.management,
    }


async def started(env: Mapping[str, str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "deploy.local", "demo")
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=os.environ | env)


def left_behind() -> set[Path]:
    return set((ROOT / ".local").glob("demo-*"))


async def virtual_hosts(servers: Servers) -> set[str]:
    async with httpx.AsyncClient(base_url=servers.rabbit.management, trust_env=False) as management:
        return {host["name"] for host in (await management.get("/api/vhosts")).json()}


async def test_demo_plays_every_case_delivers_everything_and_leaves_nothing_behind(
    servers: Servers, given: dict[str, str]
):
    before, hosts = left_behind(), await virtual_hosts(servers)
    process = await started(given)
    said, complaint = await process.communicate()
    out = said.decode()
    assert (process.returncode, complaint.decode()) == (0, ""), out
    result = json.loads(out.splitlines()[-1])
    assert list(result) == KEYS
    assert result["lost"] == 0
    # Each case its opening and the steps of its road; 36 general cases and 5 economic crimes take turns.
    general, economic = ([r for r in ROADS if r.economic is kind] for kind in (False, True))
    walked = [*(general * 3)[:36], *(economic * 3)[:5]]
    late = [road for road in walked if road.overdue]
    upheld = [road for road in walked if "uphold" in road.steps]
    assert result["overdue"] >= len(late)
    # Every miss that calls for an answer is drafted; a step recorded late may have been a miss until it was recorded.
    assert result["drafts"] >= len(late) + len(upheld)
    # One chain is followed to its end: two steps on its draft, the suggestion's opening and its seventeen steps.
    assert result["chains"] == 1
    assert "the suggestion is now closed_implemented" in out
    assert result["reports"] == 1
    # The report and the protection that it began with; four steps of the one, the first of the other.
    assert result["matters"] == 41 + result["drafts"] + 1 + 2
    assert result["steps"] == 41 + sum(len(r.steps) for r in walked) + result["drafts"] + 2 + 18 + 5
    assert result["events"] > result["steps"]
    assert result["delivered"] > 100
    assert not any(value in out for value in personal_values(CASES, read_plan(MAPPING)))
    assert "\x1b" not in out  # no colours in a file
    assert left_behind() == before
    client = AsyncIOMotorClient[dict[str, Any]](servers.mongo_url)
    assert not [name for name in await client.list_database_names() if name.startswith("demo_")]
    client.close()
    assert await virtual_hosts(servers) <= hosts


class Careless(Receiver):
    """Away for its first message, and it loses the second one after saying that it has it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def take(self, unit: str, headers: Mapping[str, str], body: bytes) -> int:
        self.asked += 1
        if self.asked == 1:
            return 503
        return 204 if self.asked == 2 else super().take(unit, headers, body)


async def test_what_a_receiver_loses_is_counted_and_what_it_refuses_comes_again(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    careless = Careless()
    assert await demo(careless, rows=slice(1), patience=8) == 1
    out, complaint = capsys.readouterr()
    result = json.loads(out.splitlines()[-1])
    # The refused one came again after five seconds; the forgotten one is lost, and nothing else is.
    assert result["lost"] == 1
    assert complaint == "told, and not delivered: 1\n"
    assert careless.asked == result["delivered"] + 2


async def test_ctrl_c_leaves_nothing_behind(given: dict[str, str]):
    before = left_behind()
    process = await started(given)
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        said, complaint = await process.communicate()
    assert (process.returncode, complaint) == (130, b""), said
    assert left_behind() == before


def test_personal_data_is_found_as_it_is_and_escaped(tmp_path: Path):
    (tmp_path / "raw.log").write_text("…甘那瑞…", encoding="utf-8")
    (tmp_path / "escaped.jsonl").write_text(json.dumps({"name": "甘那瑞"}), encoding="utf-8")
    (tmp_path / "clean.log").write_text("nobody", encoding="utf-8")
    places = found_in(
        [tmp_path], {"events": ["nobody", "12900000329"], "feeds": []}, ["甘那瑞", "12900000329"]
    )
    assert [Path(place).name for place in places] == ["escaped.jsonl", "raw.log", "events"]
