"""Webhooks as Standard Webhooks has them: signed, thin, one POST per attempt, no redirects."""

import asyncio
import base64
import datetime as dt
import hashlib
import ssl
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpcore
from standardwebhooks.webhooks import Webhook

from services.notifier.channels import Message
from services.notifier.channels.guard import Forbidden, Guard, Resolver, Unresolved
from services.notifier.domain.deliveries import Answer
from services.notifier.domain.endpoints import Network, private_key, url_fault
from services.notifier.domain.units import Fault

_ANSWER_LIMIT: Final = 64 * 1024
_AGENT: Final = "liandong-notifier/1"


class WebhookChannel:
    """Sends to any address that the deployment's networks allow."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network],
        refused: Sequence[Network],
        connections: int,
        ca_file: str | None = None,
    ) -> None:
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        self._resolver = Resolver()
        self._guards = {
            scheme: Guard(self._resolver, tls=scheme == "https", allowed=allowed, refused=refused)
            for scheme in ("http", "https")
        }
        # A connection serves one attempt: one that idled may be dead, which would look like a refusal.
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                context, max_connections=connections, max_keepalive_connections=0, network_backend=guard
            )
            for scheme, guard in self._guards.items()
        }

    async def refusal(self, url: str) -> Fault | None:
        if fault := url_fault(url):
            return fault
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(2):
                await self._guards[parts.scheme].judged(parts.hostname or "", parts.port or 0)
        except Forbidden:
            return Fault("url", "address-refused", "this deployment does not reach that address")
        except (Unresolved, TimeoutError):
            return None  # a name server may be away; each attempt looks again
        return None

    async def send(self, message: Message, seconds: float) -> Answer:
        began = time.monotonic()
        status, digest, error, retry_after = None, None, None, None
        try:
            async with asyncio.timeout(seconds):
                status, digest, retry_after = await self._post(message)
        except (TimeoutError, httpcore.TimeoutException):
            error = "timeout"
        except Forbidden:
            error = "address-refused"
        except Unresolved:
            error = "host-unknown"
        except httpcore.ConnectError as failure:
            error = "tls-failed" if _is_a_fault_of_tls(failure) else "connect-failed"
        except (httpcore.NetworkError, httpcore.ProtocolError):
            error = "connection-broken"
        if status is not None and 300 <= status < 400:
            error = "redirect-not-followed"
        return Answer(time.monotonic() - began, status, digest, error, retry_after)

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        self._resolver.close()

    async def _post(self, message: Message) -> tuple[int, str, float | None]:
        headers: dict[bytes | str, bytes | str] = {
            "content-type": "application/json",
            "user-agent": _AGENT,
            "accept-encoding": "identity",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(message.at.timestamp())),
            "webhook-signature": sign(message),
        }
        if message.traceparent is not None:
            headers["traceparent"] = message.traceparent
        pool = self._pools[urlsplit(message.url).scheme]
        digest, size = hashlib.sha256(), 0
        async with pool.stream("POST", message.url, headers=headers, content=message.body.encode()) as answer:
            async for chunk in answer.aiter_stream():
                digest.update(chunk[: _ANSWER_LIMIT - size])
                size += len(chunk)
                if size >= _ANSWER_LIMIT:
                    break
            asked = {name.lower(): value for name, value in answer.headers}.get(b"retry-after")
            return answer.status, f"sha256:{digest.hexdigest()}", _seconds(asked, message.at)


def sign(message: Message) -> str:
    """One signature for each valid secret, so that a receiver may hold either while they rotate."""
    return " ".join(_signature(message, secret) for secret in message.secrets)


def _signature(message: Message, secret: str) -> str:
    key = private_key(secret)
    if key is None:
        return Webhook(secret).sign(message.id, message.at, message.body)
    signed = f"{message.id}.{int(message.at.timestamp())}.{message.body}".encode()
    return f"v1a,{base64.b64encode(key.sign(signed)).decode()}"


def _is_a_fault_of_tls(failure: httpcore.ConnectError) -> bool:
    return any(isinstance(each, ssl.SSLError) for each in failure.args)


def _seconds(asked: bytes | None, now: dt.datetime) -> float | None:
    """Read a Retry-After of either form; None for anything else."""
    text = (asked or b"").decode("ascii", "replace").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or dt.UTC) - now).total_seconds())
