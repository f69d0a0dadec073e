"""A mail server of a department: real SMTP with TLS, which answers each address as told and keeps what it got."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"
ACCEPTED = "250 kept"
Reply = str | Callable[[SMTP], Awaitable[str]]


@dataclass(frozen=True)
class Posted:
    """One message as it arrived."""

    to: list[str]
    content: bytes
    over_tls: bool

    @property
    def mail(self) -> EmailMessage:
        found: Any = message_from_bytes(self.content, policy=policy.SMTP)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def id(self) -> str:
        return str(self.mail["X-Notice-Id"])


@dataclass
class PostOffice:
    """Takes everything, but answers a recipient as `recipients` says and what is sent there as `messages` says."""

    port: int = 0
    posted: list[Posted] = field(default_factory=list)
    recipients: dict[str, Reply] = field(default_factory=dict)
    messages: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked.append(address)
        reply = await _said(self.recipients.get(address, ACCEPTED), server)
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # the same
        assert isinstance(envelope.content, bytes)
        posted = Posted(list(envelope.rcpt_tos), envelope.content, over_tls=_is_over_tls(server))
        reply = self.messages.get(envelope.rcpt_tos[0], ACCEPTED)
        if not isinstance(reply, str) or reply.startswith("250"):
            self.posted.append(posted)
        return await _said(reply, server)

    def at(self, address: str) -> list[Posted]:
        return [each for each in self.posted if address in each.to]

    async def wait(self, address: str, count: int = 1, seconds: float = 15) -> list[Posted]:
        """The messages to an address, once there are so many."""
        async with asyncio.timeout(seconds):
            while True:
                if len(found := self.at(address)) >= count:
                    return found
                await asyncio.sleep(0.02)


def _is_over_tls(server: SMTP) -> bool:
    return server.transport is not None and server.transport.get_extra_info("sslcontext") is not None


async def _said(reply: Reply, server: SMTP) -> str:
    return reply if isinstance(reply, str) else await reply(server)


async def hangs(_: SMTP) -> str:
    await asyncio.sleep(60)
    return ACCEPTED


async def breaks(server: SMTP) -> str:
    """Close the connection in place of an answer."""
    assert server.transport is not None
    server.transport.abort()  # type: ignore[attr-defined]
    await asyncio.sleep(60)
    return ACCEPTED


def in_turn(*replies: Reply) -> Callable[[SMTP], Awaitable[str]]:
    """One answer after another, the last for ever."""
    left = list(replies)

    async def answer(server: SMTP) -> str:
        return await _said(left.pop(0) if len(left) > 1 else left[0], server)

    return answer


@dataclass(frozen=True)
class Papers:
    """A certificate of the server's, and the authority that a client must trust."""

    server: ssl.SSLContext
    ca_file: str


def papers(folder: Path, name: str = HOST) -> Papers:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    file = folder / f"{name}-ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return Papers(context, str(file))


@contextlib.asynccontextmanager
async def post_office(
    tls: Papers | None, *, implicit: bool = False, login: tuple[str, str] | None = None
) -> AsyncIterator[PostOffice]:
    """Run one on loopback: TLS from the start when it is implicit, on demand otherwise, none without papers."""
    office = PostOffice()

    def takes(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        known = isinstance(given, LoginPassword) and login is not None
        right = known and (given.login.decode(), given.password.decode()) == login
        return AuthResult(success=right, handled=False)

    made: list[SMTP] = []

    def connection() -> SMTP:
        made.append(
            SMTP(
                office,
                hostname=HOST,
                tls_context=None if implicit or tls is None else tls.server,
                authenticator=takes if login else None,
                # Over implicit TLS the library does not see that the connection is safe.
                auth_required=login is not None and not implicit,
                auth_require_tls=not implicit,
            )
        )
        return made[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, HOST, 0, ssl=tls.server if implicit and tls else None)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
        for each in made:
            # The first releases of Python 3.11 cannot abort what is closed already.
            if each.transport is not None and not each.transport.is_closing():
                each.transport.abort()  # type: ignore[attr-defined]
        tasks = [each._handler_coroutine for each in made if each._handler_coroutine is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
