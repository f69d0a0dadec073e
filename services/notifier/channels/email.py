"""E-mail over the deployment's own SMTP server: neutral words, one message per attempt, TLS unless told otherwise."""

import asyncio
import hashlib
import socket
import ssl
import time
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal, TypeAlias

import aiosmtplib

from services.notifier.channels import Letter
from services.notifier.domain.deliveries import Answer
from services.notifier.domain.units import is_email

Security: TypeAlias = Literal["starttls", "tls", "none"]

_FAREWELL: Final = 1.0  # seconds for a QUIT; what was accepted stays accepted without one
# What a refusal was about. The server's own words are not kept, since they may repeat the address.
_WORDS: Final[tuple[tuple[type[aiosmtplib.SMTPResponseException], str], ...]] = (
    (aiosmtplib.SMTPAuthenticationError, "login-refused"),
    (aiosmtplib.SMTPSenderRefused, "sender-refused"),
    (aiosmtplib.SMTPRecipientRefused, "recipient-refused"),
    (aiosmtplib.SMTPDataError, "message-refused"),
)
# Only these are about the address or the message; any other refusal is ours to mend, so it is tried again.
_FINAL: Final = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)


class _TlsNotOffered(Exception):
    """The server does not speak TLS where it must, or was kept from saying that it does."""


class EmailChannel:
    """Hands messages to one server; a connection serves one attempt."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Security,
        sender: str,
        username: str | None = None,
        password: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        if not is_email(sender):
            raise ValueError("the sender is not an address")
        self._host = host
        self._port = port
        self._security = security
        self._sender = sender
        self._domain = sender.rpartition("@")[2]
        self._login = (username, password) if username is not None and password is not None else None
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)

    async def send(self, message: Letter, seconds: float) -> Answer:
        began = time.monotonic()
        to = [each for each in message.to if is_email(each)]
        if not to:
            return Answer(0.0, error="address-invalid")
        status, digest, error, hopeless = None, None, None, False
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=self._domain,
            timeout=None,
            use_tls=self._security == "tls",
            start_tls=False,
            tls_context=self._tls,
        )
        try:
            async with asyncio.timeout(seconds):
                words, missed = await self._hand_over(client, message, to)
            status, digest = 250, f"sha256:{hashlib.sha256(words.encode('utf-8', 'replace')).hexdigest()}"
            error = "partly-refused" if missed or len(to) < len(message.to) else None
            await _part(client)
        except aiosmtplib.SMTPResponseException as refusal:
            # A server out of step may refuse with a number that elsewhere means success.
            status = refusal.code if 400 <= refusal.code < 600 else None
            error = next((word for kind, word in _WORDS if isinstance(refusal, kind)), "server-refused")
            hopeless = isinstance(refusal, _FINAL) and refusal.code // 100 == 5
        except _TlsNotOffered:
            error = "tls-not-offered"
        except (aiosmtplib.SMTPException, OSError) as failure:
            error = _word(failure)
        finally:
            client.close()
        return Answer(time.monotonic() - began, status, digest, error, hopeless=hopeless)

    async def close(self) -> None:
        """Nothing is kept open between attempts."""

    async def _hand_over(self, client: aiosmtplib.SMTP, letter: Letter, to: list[str]) -> tuple[str, bool]:
        """What the server said to the whole message, and whether it refused some of the addresses."""
        await client.connect()
        await client.ehlo()
        if self._security == "starttls":
            if not client.supports_extension("starttls"):
                raise _TlsNotOffered
            await client.starttls()
        if self._login is not None:
            await client.login(*self._login)
        await client.mail(self._sender)
        refused = []
        for address in to:
            try:
                await client.rcpt(address)
            except aiosmtplib.SMTPRecipientRefused as refusal:
                refused.append(refusal)
        if len(refused) == len(to):
            # One that may take it later gives hope for the role.
            raise min(refused, key=lambda each: each.code)
        return (await client.data(self._written(letter, to))).message, bool(refused)

    def _written(self, letter: Letter, to: list[str]) -> bytes:
        """The message; the same at every attempt, so that whoever gets it twice can tell."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = ", ".join(to)
        mail["Subject"] = letter.title
        mail["Date"] = format_datetime(letter.at)
        mail["Message-ID"] = f"<{letter.id}@{self._domain}>"
        mail["X-Notice-Id"] = letter.id
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text, cte="base64")
        return mail.as_bytes()


def _word(failure: Exception) -> str:
    """The code of what came between us and the server."""
    for each in (failure, failure.__cause__):
        if isinstance(each, TimeoutError):
            return "timeout"
        if isinstance(each, ssl.SSLError):
            return "tls-failed"
        if isinstance(each, socket.gaierror):
            return "host-unknown"
        if isinstance(each, aiosmtplib.SMTPServerDisconnected):
            return "connection-broken"
    if isinstance(failure, aiosmtplib.SMTPConnectError):
        return "connect-failed"
    if isinstance(failure, OSError):
        return "connection-broken"
    return "login-refused"  # the server takes no log-in, or none in a way we know


async def _part(client: aiosmtplib.SMTP) -> None:
    with suppress(aiosmtplib.SMTPException, OSError):
        async with asyncio.timeout(_FAREWELL):
            await client.quit()
