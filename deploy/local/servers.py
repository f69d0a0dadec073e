"""The servers the suite stands on, for one machine: MongoDB and RabbitMQ, their data under one folder.

Each comes from the first source that has it: an address in the environment, local binaries, a container where
Docker answers. Nothing started here outlives the starter, even when that is killed.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar
from urllib.parse import urlsplit

from deploy.local.container import container_mongo, container_rabbit, docker_answers
from deploy.local.mongo import Mongo, local_mongo, mongod
from deploy.local.rabbit import Rabbit, local_rabbit, rabbitmq_server
from deploy.local.server import Server, ServerError

FREED_WITHIN = 30.0  # seconds a killed starter's servers may take to end

Kind = TypeVar("Kind", bound=Server)


@dataclass(frozen=True)
class Servers:
    """The running servers; each can be stopped, killed, paused and started again by itself."""

    mongo: Mongo
    rabbit: Rabbit

    @property
    def mongo_url(self) -> str:
        """The replica set, without a database."""
        return self.mongo.url

    @property
    def rabbit_urls(self) -> list[str]:
        """The broker's nodes, default virtual host."""
        return list(self.rabbit.urls)

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The name of a database that is nobody else's, dropped at the end with the data keys beside it."""
        name = f"test_{secrets.token_hex(6)}"
        yield name
        await self.mongo.drop(name)
        await self.mongo.drop(keys_of(name))

    @contextlib.asynccontextmanager
    async def vhost(self) -> AsyncIterator[list[str]]:
        """The addresses of an empty virtual host that is nobody else's, deleted at the end."""
        name = f"test-{secrets.token_hex(6)}"
        yield await self.rabbit.create_vhost(name)
        await self.rabbit.delete_vhost(name)


def keys_of(database: str) -> str:
    """The name of the database that holds the data keys of another one."""
    return f"{database}_keys"


@contextlib.asynccontextmanager
async def local_servers(
    folder: Path, mongo_nodes: int = 1, *, mongo_port: int | None = None, rabbit_port: int | None = None
) -> AsyncIterator[Servers]:
    """Both servers, ready; data found under `folder` is served again. Ports not given are free ones.

    Raises ServerError when the folder is in use, when a server cannot be had or does not come up.
    """
    async with _locked(folder) as lock, contextlib.AsyncExitStack() as stack:
        servers = Servers(
            _given_mongo()
            or _from_here(
                mongod(),
                lambda binary: local_mongo(binary, folder.absolute(), mongo_nodes, mongo_port, [lock]),
                lambda: container_mongo(mongo_nodes, mongo_port),
                "no MongoDB: run `make setup`, start Docker, or give the address of one in SUITE_MONGO_URL",
            ),
            _given_rabbit()
            or _from_here(
                rabbitmq_server(),
                lambda binary: local_rabbit(binary, folder.absolute(), rabbit_port, [lock]),
                lambda: container_rabbit(rabbit_port),
                "no RabbitMQ: run `apt-get install -y rabbitmq-server` as root, start Docker, "
                "or give its addresses in SUITE_RABBIT_URLS",
            ),
        )
        ours = [server for server in (servers.mongo, servers.rabbit) if server.nodes]
        stack.push_async_callback(lambda: asyncio.gather(*(server.stop() for server in ours)))
        await asyncio.gather(*(server.start() for server in ours))
        yield servers


def _given_mongo() -> Mongo | None:
    url = os.environ.get("SUITE_MONGO_URL")
    return Mongo(url) if url else None


def _given_rabbit() -> Rabbit | None:
    urls = [url.strip() for url in os.environ.get("SUITE_RABBIT_URLS", "").split(",") if url.strip()]
    if not urls:
        return None
    first = urlsplit(urls[0])
    credentials = f"{first.username or 'guest'}:{first.password or 'guest'}"
    derived = f"http://{credentials}@{first.hostname}:15672"
    return Rabbit(urls, os.environ.get("SUITE_RABBIT_MANAGEMENT_URL", derived))


def _from_here(
    binary: Path | None, local: Callable[[Path], Kind], container: Callable[[], Kind], otherwise: str
) -> Kind:
    if binary is not None:
        return local(binary)
    if docker_answers():
        return container()
    raise ServerError(otherwise)


@contextlib.asynccontextmanager
async def _locked(folder: Path) -> AsyncIterator[int]:
    """Hold the folder. The watchers of our servers inherit the lock: it is free once the last one is gone."""
    with _lock_file(folder) as file:
        deadline = asyncio.get_running_loop().time() + FREED_WITHIN
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                file.seek(0)
                holder = int(file.read() or 0)
                if _runs(holder) or asyncio.get_running_loop().time() > deadline:
                    raise ServerError(f"process {holder} runs the servers of {folder}") from None
                await asyncio.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _lock_file(folder: Path) -> TextIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "lock").open("a+")


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
