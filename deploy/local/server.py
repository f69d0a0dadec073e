"""What local MongoDB and local RabbitMQ have in common: nodes that can be started, stopped and broken."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

READY_WITHIN = 120.0  # seconds; ten are usual, a busy machine takes its time


class ServerError(Exception):
    """A server could not be had, or did not come up; the message says which and why."""


class Node(Protocol):
    """One running server program: a process or a container."""

    name: str

    @property
    def running(self) -> bool: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    def tail(self, lines: int = 15) -> str: ...


class Server:
    """Nodes that serve together. Started again after `stop` or `kill` they have the same ports and data."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """`nodes`: empty for a server that was given by address, which is not ours to start or stop."""
        self.nodes = tuple(nodes)

    async def start(self) -> None:
        """Start what does not run; returns when the server answers. Raises ServerError."""
        for node in self._ours():
            await node.start()
        await self.ready()

    async def ready(self) -> None:
        """Return once the server serves. Raises ServerError."""
        raise NotImplementedError

    async def stop(self) -> None:
        """A clean end of every node."""
        await asyncio.gather(*(node.stop() for node in self._ours()))

    async def kill(self) -> None:
        """SIGKILL for every node."""
        await asyncio.gather(*(node.kill() for node in self._ours()))

    async def pause(self) -> None:
        """Freeze every node: connections stay, answers do not come."""
        await asyncio.gather(*(node.pause() for node in self._ours()))

    async def resume(self) -> None:
        """Thaw every node."""
        await asyncio.gather(*(node.resume() for node in self._ours()))

    async def restart(self) -> None:
        """Stop, then start."""
        await self.stop()
        await self.start()

    async def until(self, check: Callable[[], Awaitable[bool]], what: str) -> None:
        """Poll `check` until it is true; ServerError when a node dies or READY_WITHIN passes before."""
        deadline = asyncio.get_running_loop().time() + READY_WITHIN
        while not await check():
            for node in self.nodes:
                if not node.running:
                    raise ServerError(f"{node.name} ended while {what}:\n{node.tail()}")
            if asyncio.get_running_loop().time() > deadline:
                raise ServerError(f"{READY_WITHIN:.0f} s passed while {what}")
            await asyncio.sleep(0.05)

    def _ours(self) -> tuple[Node, ...]:
        if not self.nodes:
            raise ServerError("this server was given by its address and is not ours to start or stop")
        return self.nodes


def free_port() -> int:
    """A free loopback port below the ephemeral range, so that no client takes it while its server is down."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
