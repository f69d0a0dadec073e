"""The suite in the foreground: it starts whole, gives tokens, and ends whole."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from deploy.local.servers import Servers

DATABASES = ("liandong_referral", "liandong_suggestion", "liandong_notifier")


class Up:
    """One `up` under test."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process, self.folder, self.said = process, folder, ""

    def address(self, name: str) -> str:
        return str(json.loads((self.folder / "addresses.json").read_text())[name])

    async def until(self, words: str) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(150):
            while words not in self.said:
                line = await self.process.stdout.readline()
                assert line, self.said
                self.said += line.decode()

    async def token(self, unit: str) -> tuple[int | None, str]:
        command = (sys.executable, "-m", "deploy.local", "--folder", str(self.folder), "token", unit)
        pipe = asyncio.subprocess.PIPE
        done = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        said, _ = await done.communicate()
        return done.returncode, said.decode().strip()


@pytest.fixture
async def up(servers: Servers, tmp_path: Path) -> AsyncIterator[Up]:
    """One that the test may end."""
    async with running(servers, tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
async def crowded(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """One on a machine where the usual port of the referral service is in use."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # taken already: all the better
            taken.bind(("127.0.0.1", 8101))
            taken.listen()
        async with running(servers, tmp_path_factory.mktemp("up")) as started:
            yield started


@asynccontextmanager
async def running(servers: Servers, folder: Path) -> AsyncIterator[Up]:
    async with servers.vhost() as urls:
        env = os.environ | {"SUITE_MONGO_URL": servers.mongo_url, "SUITE_RABBIT_URLS": ",".join(urls)}
        async with starting(folder, env) as started:
            await started.until("The suite runs")
            yield started
    for database in DATABASES:
        await servers.mongo.drop(database)


@asynccontextmanager
async def starting(folder: Path, env: dict[str, str]) -> AsyncIterator[Up]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local", "--folder", str(folder), "up", "--empty"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
    )
    try:
        yield Up(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def programs(folder: Path) -> dict[int, str]:
    """The service programs whose traces go under the folder, by pid."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if b"-I" not in command and str(folder).encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = b" ".join(command).decode()
    return found


async def test_ctrl_c_stops_everything(up: Up):
    assert len(programs(up.folder)) == 8
    up.process.send_signal(signal.SIGINT)
    said, _ = await up.process.communicate()
    assert up.process.returncode == 0, said
    assert not programs(up.folder)
    assert not (up.folder / "addresses.json").exists()


async def test_a_process_that_ends_ends_everything_and_is_named(up: Up):
    victim = next(pid for pid, command in programs(up.folder).items() if "referral.main worker" in command)
    os.kill(victim, signal.SIGKILL)
    said, _ = await up.process.communicate()
    assert up.process.returncode == 1
    assert "referral worker ended" in said.decode()
    assert not programs(up.folder)


async def test_a_token_is_made_for_units_of_the_directory_only(crowded: Up):
    code, said = await crowded.token("LY-1")
    assert (code, said) == (1, "the directory has no unit LY-1")
    async with httpx.AsyncClient(trust_env=False) as client:
        form = {"grant_type": "client_credentials", "unit": "sandbox", "scope": "directory:write"}
        granted = (await client.post(f"{crowded.address('issuer')}/token", data=form)).json()["access_token"]
        created = await client.put(
            f"{crowded.address('notifier')}/v1/units/LY-1",
            headers={"Authorization": f"Bearer {granted}"},
            json={"name": "示例单位", "kind": "government", "division": "410300"},
        )
        assert created.status_code == 201, created.text
        code, said = await crowded.token("LY-1")
        assert code == 0
        read = await client.get(
            f"{crowded.address('notifier')}/v1/units/LY-1", headers={"Authorization": f"Bearer {said}"}
        )
        assert read.json()["code"] == "LY-1"


async def test_a_port_in_use_is_replaced_and_said(crowded: Up):
    assert "The usual port of referral is in use" in crowded.said
    assert not crowded.address("referral").endswith(":8101")


async def test_no_token_without_a_running_suite(tmp_path: Path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local", "--folder", str(tmp_path), "token", "LY-1"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert (process.returncode, said) == (1, b"the suite does not run here: start it with `make up`\n")
