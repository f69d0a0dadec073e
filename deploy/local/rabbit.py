"""A RabbitMQ node on loopback, with its management API."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from deploy.local.process import Process
from deploy.local.server import Node, Server, free_port

BINARY = Path(
    "/usr/lib/rabbitmq/bin/rabbitmq-server"
)  # Debian's, without the wrapper that insists on its own user


class Rabbit(Server):
    """A broker; `urls` are the addresses of its nodes, `management` that of its HTTP API with credentials."""

    def __init__(self, urls: Sequence[str], management: str, nodes: Sequence[Node] = ()) -> None:
        super().__init__(nodes)
        self.urls, self.management = tuple(urls), management

    async def ready(self) -> None:
        """Wait until AMQP and the management API answer."""
        await self.until(self._answers, "waiting for RabbitMQ")

    async def create_vhost(self, name: str) -> list[str]:
        """Make an empty virtual host; the addresses that lead into it."""
        async with self._api() as api:
            user = quote(urlsplit(self.management).username or "guest", safe="")
            (await api.put(f"/api/vhosts/{quote(name, safe='')}")).raise_for_status()
            everything = {"configure": ".*", "write": ".*", "read": ".*"}
            granted = await api.put(f"/api/permissions/{quote(name, safe='')}/{user}", json=everything)
            granted.raise_for_status()
        return [urlunsplit(urlsplit(url)._replace(path="/" + quote(name, safe=""))) for url in self.urls]

    async def delete_vhost(self, name: str) -> None:
        """Remove a virtual host and all that is in it."""
        async with self._api() as api:
            (await api.delete(f"/api/vhosts/{quote(name, safe='')}")).raise_for_status()

    def _api(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.management, timeout=10, trust_env=False)

    async def _answers(self) -> bool:
        address = urlsplit(self.urls[0])
        try:
            async with asyncio.timeout(2), self._api() as api:
                (await api.get("/api/overview")).raise_for_status()
                reader, writer = await asyncio.open_connection(address.hostname, address.port or 5672)
                writer.write(b"AMQP\x00\x00\x09\x01")
                greeting = await reader.read(1)
                writer.close()
                return greeting == b"\x01"
        except (OSError, httpx.HTTPError, TimeoutError):
            return False


def rabbitmq_server() -> Path | None:
    """The rabbitmq-server of this machine."""
    return BINARY if BINARY.exists() else None


def local_rabbit(binary: Path, folder: Path, port: int | None, hold: Sequence[int]) -> Rabbit:
    """One node, not started yet, with an Erlang port mapper of its own that ends with it."""
    home = folder / "rabbit"
    home.mkdir(parents=True, exist_ok=True)
    amqp, management, distribution, mapper = port or free_port(), free_port(), free_port(), free_port()
    (home / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{amqp}\n"
        "management.tcp.ip = 127.0.0.1\n"
        f"management.tcp.port = {management}\n"
        "raft.wal_max_size_bytes = 67108864\n"
    )
    (home / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (home / "env.conf").write_text("")
    erlang = {"HOME": str(home), "ERL_EPMD_PORT": str(mapper), "ERL_EPMD_ADDRESS": "127.0.0.1"}
    settings = {
        "NODENAME": f"suite-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}@localhost",
        "DIST_PORT": str(distribution),
        "MNESIA_BASE": str(home / "data"),
        "LOG_BASE": str(folder / "rabbit-log"),
        "PID_FILE": str(home / "pid"),
        "ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "CONFIG_FILE": str(home / "rabbitmq.conf"),
        "CONF_ENV_FILE": str(home / "env.conf"),
        "ALLOW_INPUT": "1",  # the start script then becomes the Erlang machine and stands not in between
        "SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
    }
    env = erlang | {f"RABBITMQ_{key}": value for key, value in settings.items()}
    nodes = (
        Process("epmd", ["epmd"], output=folder / "epmd.log", env=erlang, hold=hold),
        Process(
            "rabbitmq-server", [str(binary), "-noinput"], output=folder / "rabbit.log", env=env, hold=hold
        ),
    )
    return Rabbit(
        [f"amqp://guest:guest@127.0.0.1:{amqp}/"], f"http://guest:guest@127.0.0.1:{management}", nodes
    )
