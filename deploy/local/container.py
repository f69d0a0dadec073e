"""The same servers in containers, for machines that have Docker and no local binaries."""

import asyncio
import importlib.util
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from deploy.local.mongo import REPLICA_SET, Mongo, replica_set_url
from deploy.local.rabbit import Rabbit
from deploy.local.server import free_port

MONGO_IMAGE, RABBIT_IMAGE = "mongo:8.0", "rabbitmq:4-management"


class Container:
    """One container that keeps its ports and data from `stop` to `start`; removed when the starter ends."""

    def __init__(self, image: str, ports: Mapping[int, int], command: Sequence[str] = ()) -> None:
        """`ports`: inside → on loopback."""
        self.name, self._ports, self._command = image, ports, command
        self._container: Any = None
        self.running = False

    async def start(self) -> None:
        """Create it, or start the stopped one."""
        await self._call(self._start)
        self.running = True

    async def stop(self) -> None:
        """A clean end."""
        await self._call(lambda: self._docker.stop(timeout=15))
        self.running = False

    async def kill(self) -> None:
        """SIGKILL."""
        await self._call(self._docker.kill)
        self.running = False

    async def pause(self) -> None:
        """Freeze it."""
        await self._call(self._docker.pause)

    async def resume(self) -> None:
        """Thaw it."""
        await self._call(self._docker.unpause)

    def tail(self, lines: int = 15) -> str:
        """The last lines it wrote."""
        return bytes(self._docker.logs(tail=lines)).decode(errors="replace")

    @property
    def _docker(self) -> Any:
        return self._container.get_wrapped_container()

    def _start(self) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415  installed for tests only

        if self._container is None:
            self._container = DockerContainer(self.name).with_command(list(self._command))
            for inside, outside in self._ports.items():
                self._container.with_bind_ports(inside, ("127.0.0.1", outside))
            self._container.start()
        else:
            self._docker.start()

    async def _call(self, call: Callable[[], None]) -> None:
        await asyncio.to_thread(call)


def docker_answers() -> bool:
    """Whether an engine listens and testcontainers is installed."""
    host = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if importlib.util.find_spec("testcontainers") is None:
        return False
    with socket.socket(socket.AF_UNIX if host.scheme == "unix" else socket.AF_INET) as probe:
        probe.settimeout(2)
        reached = probe.connect_ex(host.path if host.scheme == "unix" else (host.hostname, host.port or 2375))
    return reached == 0


def container_mongo(nodes: int, port: int | None) -> Mongo:
    """A replica set of one node (more need a network of their own, which local binaries do not)."""
    if nodes != 1:
        raise ValueError("a replica set of several nodes needs local binaries")
    at = port or free_port()
    command = ["--replSet", REPLICA_SET, "--port", str(at), "--bind_ip_all"]
    return Mongo(replica_set_url([at]), [at], [Container(MONGO_IMAGE, {at: at}, command)])


def container_rabbit(port: int | None) -> Rabbit:
    """One node with its management API."""
    amqp, management = port or free_port(), free_port()
    node = Container(RABBIT_IMAGE, {5672: amqp, 15672: management})
    return Rabbit(
        [f"amqp://guest:guest@127.0.0.1:{amqp}/"], f"http://guest:guest@127.0.0.1:{management}", [node]
    )
