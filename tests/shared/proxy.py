"""A TCP proxy before a real server, to cut, refuse, freeze and slow down the way there."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Stands between a client and `url`'s host; starts out letting everything through."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.port = 0
        self.delay = 0.0  # seconds, from the server to the client only

    @property
    def url(self) -> str:
        """The given address, by way of the proxy."""
        credentials = f"{self._to.username}:{self._to.password}@" if self._to.username else ""
        return urlunsplit(self._to._replace(netloc=f"{credentials}127.0.0.1:{self.port}"))

    @property
    def connections(self) -> int:
        """How many go through at this moment."""
        return len(self._links)

    async def __aenter__(self) -> Self:
        await self.restore()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()
        await self.refuse()

    async def restore(self) -> None:
        """Accept connections (again), on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._link, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Cut every connection and refuse new ones, like a server that is down."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Cut every connection; new ones are welcome."""
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def freeze(self) -> None:
        """Hold back every byte, like a server that is stopped with SIGSTOP."""
        self._open.clear()

    def thaw(self) -> None:
        """Let the bytes pass again."""
        self._open.set()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._links.add(task)
        writers, pumps = [writer], set[asyncio.Task[None]]()
        try:
            far_reader, far_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
            writers.append(far_writer)
            pumps.add(asyncio.create_task(self._pump(reader, far_writer, slow=False)))
            pumps.add(asyncio.create_task(self._pump(far_reader, writer, slow=True)))
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in writers:
                end.transport.abort()
            self._links.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if slow and self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                writer.write(data)
                await writer.drain()
