"""Where a webhook may lead, which of its events it takes, and how its secrets are made and kept."""

import base64
import ipaddress
import os
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.notifier.domain.units import Fault

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

EVENT_TYPE: Final = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?$"
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NONCE: Final = 12
_SHARED, _PRIVATE, _PUBLIC = "whsec_", "whsk_", "whpk_"
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


class Signature(StrEnum):
    """How messages are signed: with a secret that the receiver shares, or a key of which it has the public half."""

    HMAC = "hmac-sha256"
    ED25519 = "ed25519"


def url_fault(url: str) -> Fault | None:
    """Why no webhook can have this address, whatever its host resolves to."""
    wrong = Fault(
        "url", "url-invalid", "an absolute http or https address without user name and fragment is needed"
    )
    if not _VISIBLE.fullmatch(url):
        return wrong
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return wrong
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return wrong
    return wrong if "@" in parts.netloc or "#" in url or "\\" in url else None


def may_reach(address: Address, *, tls: bool, allowed: Sequence[Network], refused: Sequence[Network]) -> bool:
    """Whether we may connect there: a network of the deployment's list, or over TLS the public internet.

    What an IPv6 form carries inside (mapped, NAT64, 6to4) decides, not the form.
    """
    inner = _inner(address)
    if any(inner in network or address in network for network in refused):
        return False
    if any(inner in network for network in allowed):
        return True
    public = inner.is_global and not inner.is_multicast and (inner.version == 4 or inner in _UNICAST)
    return tls and public


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def takes(event_types: Sequence[str], event_type: str) -> bool:
    """Whether a webhook for these types (`a.b.c`, `a.*` for all below, none for all) takes this one."""
    return not event_types or any(
        event_type.startswith(each[:-1]) if each.endswith(".*") else event_type == each
        for each in event_types
    )


def new_secret(signature: Signature = Signature.HMAC) -> str:
    """A signing secret, or a private key, of 256 random bits as Standard Webhooks writes it."""
    prefix = _SHARED if signature is Signature.HMAC else _PRIVATE
    return prefix + base64.b64encode(os.urandom(32)).decode()


def private_key(secret: str) -> Ed25519PrivateKey | None:
    """The key to sign with; None when the secret is one that the receiver shares."""
    if not secret.startswith(_PRIVATE):
        return None
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret.removeprefix(_PRIVATE)))


def public_key(secret: str) -> str | None:
    """The public half as Standard Webhooks writes it; None when the secret is one that the receiver shares."""
    key = private_key(secret)
    return _PUBLIC + base64.b64encode(key.public_key().public_bytes_raw()).decode() if key else None


class Seal:
    """Keeps secrets unreadable at rest: AES-GCM under the deployment's key, bound to their webhook."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, secret: str, webhook: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), webhook.encode())

    def open(self, sealed: bytes, webhook: str) -> str:
        """The secret; ValueError when it was sealed under another key or for another webhook."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], webhook.encode()).decode()
        except InvalidTag:
            raise ValueError("the secret was sealed under another key") from None
