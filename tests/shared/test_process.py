"""A process stops cleanly when asked, and ends as a whole when a part of it does."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

PROGRAM = """
import asyncio, sys
from functools import partial
from fastapi import APIRouter
from shared import logs, process
from shared.http.factory import create_app
from shared.http.health import Readiness

port, fate = int(sys.argv[1]), sys.argv[2]
router = APIRouter()

@router.get("/slow")
async def slow() -> str:
    print("asked", flush=True)
    await asyncio.sleep(0.5)
    return "done"

async def steady() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        print("loop stopped", flush=True)

async def other() -> None:
    await asyncio.sleep(0.5)
    if fate == "raise":
        raise ValueError("canary")
    if fate == "steady":
        await asyncio.Event().wait()

async def main() -> None:
    if fate == "start":
        raise ValueError("canary")
    if fate == "hang":
        print("starting", flush=True)
        await asyncio.sleep(60)
    app = create_app(title="t", description="d", version="1", routers=[router],
                     readiness=Readiness({}), body_limit=1000)
    try:
        await process.serve(app, host="127.0.0.1", port=port, loops={"steady": steady, "relay": other})
    finally:
        print("closed", flush=True)

logs.setup("referral")
sys.exit(process.run(main))
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _started(port: int, fate: str) -> AsyncIterator[Process]:
    root = Path(__file__).parents[2]
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(port), fate, stdout=PIPE, stderr=PIPE, cwd=root
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.communicate()


async def _answers(port: int) -> None:
    async with asyncio.timeout(20), httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(f"http://127.0.0.1:{port}/healthz")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return


async def _end(started: Process) -> tuple[int | None, str, list[dict[str, Any]]]:
    async with asyncio.timeout(20):
        said, logged = await started.communicate()
    return started.returncode, said.decode(), [json.loads(line) for line in logged.splitlines()]


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_cleanly_after_the_requests_under_way(asked):
    port = _free_port()
    async with _started(port, "steady") as started, httpx.AsyncClient() as client:
        await _answers(port)
        slow = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/slow"))
        assert started.stdout
        await started.stdout.readline()
        started.send_signal(asked)
        assert (await slow).json() == "done"
        code, said, logged = await _end(started)
    assert code == 0
    assert said.splitlines() == ["loop stopped", "closed"]
    assert all(line["level"] == "info" for line in logged)


async def test_a_signal_while_it_starts_stops_it_cleanly():
    async with _started(_free_port(), "hang") as started:
        assert started.stdout
        await started.stdout.readline()
        started.send_signal(signal.SIGTERM)
        code, _, logged = await _end(started)
    assert (code, logged) == (0, [])


@pytest.mark.parametrize("fate", ["raise", "return"])
async def test_a_loop_that_ends_ends_the_process_with_one_line(fate):
    async with _started(_free_port(), fate) as started:
        code, said, logged = await _end(started)
    assert code == 1
    assert said.splitlines() == ["loop stopped", "closed"]
    (line,) = [line for line in logged if line["level"] not in {"info", "debug"}]
    assert (line["level"], line["message"]) == ("critical", "relay ended")
    assert ("builtins.ValueError" in line["error"]) == (fate == "raise")
    assert "canary" not in json.dumps(logged)


async def test_a_failed_start_is_one_line_and_not_zero():
    async with _started(_free_port(), "start") as started:
        code, _, logged = await _end(started)
    assert code == 1
    assert [line["message"] for line in logged] == ["the process failed"]
    assert "canary" not in json.dumps(logged)


async def test_a_port_in_use_is_not_zero():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with _started(taken.getsockname()[1], "steady") as started:
            code, said, logged = await _end(started)
    assert (code, said.splitlines()) == (1, ["loop stopped", "closed"])
    assert any("address already in use" in line["message"] for line in logged)


async def test_requests_leave_no_line_in_the_log():
    port = _free_port()
    async with _started(port, "steady") as started, httpx.AsyncClient() as client:
        await _answers(port)
        answer = await client.get(f"http://127.0.0.1:{port}/canary?who=canary")
        assert "server" not in answer.headers
        started.terminate()
        _, _, logged = await _end(started)
    assert "canary" not in json.dumps(logged)
