"""The local servers: they keep their data, break on request, and never outlive who started them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from deploy.local import rabbit
from deploy.local.process import Process
from deploy.local.server import ServerError
from deploy.local.servers import Servers, local_servers

STARTER = """
import asyncio, pathlib, sys
from deploy.local.servers import local_servers

async def main():
    async with local_servers(pathlib.Path(sys.argv[1])) as servers:
        print(*(node.pid for server in (servers.mongo, servers.rabbit) for node in server.nodes), flush=True)
        await asyncio.sleep(600)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
"""


@asynccontextmanager
async def documents(url: str, database: str, seconds: float = 1.5) -> AsyncIterator[Any]:
    client = AsyncIOMotorClient[Any](url, timeoutMS=int(seconds * 1000))
    yield client[database]["documents"]
    client.close()


async def gone(pids: list[int], within: float) -> bool:
    """Whether all the processes end in time; a zombie counts as ended."""
    for _ in range(int(within * 10)):
        if not any(alive(pid) for pid in pids):
            return True
        await asyncio.sleep(0.1)
    return False


def alive(pid: int) -> bool:
    try:
        return stat(pid)[0] != "Z"
    except FileNotFoundError:
        return False


def stat(pid: int) -> list[str]:
    """The fields after the name: state, parent, …"""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


@asynccontextmanager
async def starter(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[int]]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTER, str(folder)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield process, [int(pid) for pid in (await process.stdout.readline()).split()]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_mongodb_keeps_data_and_address_over_a_kill(servers: Servers, database: str):
    async with documents(servers.mongo_url, database) as collection:
        await collection.insert_one({"_id": 1})
        await servers.mongo.kill()
        with pytest.raises(PyMongoError):
            await collection.find_one({"_id": 1})
        await servers.mongo.start()
        assert await collection.find_one({"_id": 1}) == {"_id": 1}


async def test_a_paused_mongodb_answers_nothing_until_it_is_resumed(servers: Servers, database: str):
    async with documents(servers.mongo_url, database) as collection:
        await collection.insert_one({"_id": 1})
        await servers.mongo.pause()
        try:
            with pytest.raises(PyMongoError):
                await collection.find_one({"_id": 1})
        finally:
            await servers.mongo.resume()
        assert await collection.find_one({"_id": 1}) == {"_id": 1}


async def test_rabbitmq_keeps_its_virtual_hosts_over_stop_and_kill(servers: Servers, rabbit_urls: list[str]):
    name = rabbit_urls[0].rsplit("/", 1)[1]
    for end in (servers.rabbit.stop, servers.rabbit.kill):
        await end()
        async with httpx.AsyncClient(base_url=servers.rabbit.management, trust_env=False) as api:
            with pytest.raises(httpx.ConnectError):
                await api.get("/api/overview")
            await servers.rabbit.start()
            assert (await api.get(f"/api/vhosts/{name}")).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_servers_end_with_their_starter(tmp_path: Path, number: signal.Signals):
    async with starter(tmp_path) as (process, pids):
        assert len(pids) == 3
        assert all(alive(pid) for pid in pids)
        process.send_signal(number)
        assert await gone([process.pid, *pids], within=25)


async def test_a_server_ends_with_its_watcher(tmp_path: Path):
    process = Process("sleep", ["sleep", "600"], output=tmp_path / "log")
    await process.start()
    watcher = int(stat(process.pid)[1])
    os.kill(watcher, signal.SIGKILL)
    assert await gone([process.pid], within=5)
    await process.wait()


async def test_a_folder_has_one_starter_at_a_time(servers: Servers):
    node = servers.mongo.nodes[0]
    assert isinstance(node, Process)
    with pytest.raises(ServerError, match=f"process {os.getpid()} runs the servers of"):
        async with local_servers(node.output.parent):
            pass


async def test_three_nodes_elect_another_primary_when_it_is_killed(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SUITE_RABBIT_URLS", "amqp://guest:guest@127.0.0.1:5672/")  # not needed here
    async with local_servers(tmp_path, mongo_nodes=3) as servers:
        async with documents(servers.mongo_url, "test") as collection:
            await collection.insert_one({"_id": 1})
            killed = collection.database.client.primary
            await servers.mongo.nodes[servers.mongo.ports.index(killed[1])].kill()
        async with documents(servers.mongo_url, "test", seconds=30) as collection:
            await collection.insert_one({"_id": 2})
            assert await collection.count_documents({}) == 2


async def test_servers_given_by_address_are_not_ours_to_stop(servers: Servers, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SUITE_MONGO_URL", servers.mongo_url)
    monkeypatch.setenv("SUITE_RABBIT_URLS", ",".join(servers.rabbit_urls))
    async with local_servers(tmp_path) as given:
        assert (given.mongo_url, given.rabbit_urls) == (servers.mongo_url, servers.rabbit_urls)
        with pytest.raises(ServerError, match="not ours"):
            await given.rabbit.stop()
    assert all(node.running for node in servers.mongo.nodes + servers.rabbit.nodes)


async def test_a_machine_without_rabbitmq_is_told_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(rabbit, "BINARY", tmp_path / "nothing")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing")
    with pytest.raises(ServerError, match="apt-get install -y rabbitmq-server"):
        async with local_servers(tmp_path):
            pass


async def test_a_server_that_ends_while_starting_says_why(tmp_path: Path):
    process = Process("mongod 0", ["sh", "-c", "echo the disk is full; exit 3"], output=tmp_path / "log")
    broken = rabbit.Rabbit(["amqp://127.0.0.1:1/"], "http://127.0.0.1:1", [process])
    with pytest.raises(ServerError, match="the disk is full"):
        await broken.start()
    assert await process.wait() == 3
