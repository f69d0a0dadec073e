"""Connections to addresses that strangers chose: every resolved address is judged, and the judged one is dialled."""

import asyncio
import ipaddress
import socket
import typing
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpcore

from services.notifier.domain.endpoints import Address, Network, may_reach

_RESOLVERS: Final = 64


class Forbidden(Exception):
    """The name leads to an address that this deployment does not reach."""


class Unresolved(Exception):
    """The name leads nowhere."""


class Resolver:
    """Looks names up in threads of its own, so that a slow name server holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, "resolve")

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Every address of the host; Unresolved when there is none."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError):
            raise Unresolved from None
        return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Guard(httpcore.AsyncNetworkBackend):
    """Dials for one kind of address, with TLS or without; no name is looked up after it was judged."""

    def __init__(
        self, resolver: Resolver, *, tls: bool, allowed: Sequence[Network], refused: Sequence[Network]
    ) -> None:
        self._resolver = resolver
        self._tls = tls
        self._allowed = allowed
        self._refused = refused
        self._dialler = httpcore.AnyIOBackend()

    async def judged(self, host: str, port: int) -> list[Address]:
        """The addresses of a host; Forbidden when we may not reach each one of them."""
        found = await self._resolver.addresses(host, port)
        for address in found:
            if not may_reach(address, tls=self._tls, allowed=self._allowed, refused=self._refused):
                raise Forbidden
        return found

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[typing.Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = Unresolved()
        for address in await self.judged(host, port):
            try:
                return await self._dialler.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._dialler.sleep(seconds)
