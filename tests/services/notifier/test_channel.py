"""The webhook channel itself: TLS, names that lead to several places, and what is dialled."""

import datetime as dt
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifier.channels import Message
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.domain.endpoints import new_secret
from tests.services.notifier.receiver import Receiver, receiving

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def channel(ca_file: Path | None = None, allowed: tuple[object, ...] = LOOPBACK) -> WebhookChannel:
    return WebhookChannel(
        allowed=allowed,  # type: ignore[arg-type]
        refused=(),
        connections=4,
        ca_file=str(ca_file) if ca_file else None,
    )


def message(url: str) -> Message:
    return Message("notice-1", url, "{}", (new_secret(),), dt.datetime.now(dt.UTC))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for the name localhost, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "receiver.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
async def secure(certificate: Path) -> AsyncIterator[Receiver]:
    async with receiving(certificate) as receiver:
        yield receiver


async def test_a_receiver_is_believed_only_with_a_certificate_for_its_name(
    secure: Receiver, certificate: Path
):
    trusting, strict = channel(certificate), channel()
    by_name = secure.url.replace("127.0.0.1", "localhost")
    assert (await trusting.send(message(by_name), 5)).status == 204
    assert (await trusting.send(message(secure.url), 5)).error == "tls-failed"  # not a name it was made for
    assert (await strict.send(message(by_name), 5)).error == "tls-failed"
    assert len(secure.received) == 1
    await trusting.close()
    await strict.close()


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Have every name lead to these addresses, as its owner pleases."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


async def test_a_name_is_refused_when_any_of_its_addresses_is(monkeypatch: pytest.MonkeyPatch):
    async with receiving() as receiver:
        leads_to(monkeypatch, "127.0.0.1", "169.254.169.254")
        sender = channel()
        port = receiver.url.rpartition(":")[2]
        assert (await sender.send(message(f"http://receiver.example:{port}/"), 5)).error == "address-refused"
        assert receiver.received == []
        leads_to(monkeypatch, "127.0.0.1")
        assert (await sender.send(message(f"http://receiver.example:{port}/"), 5)).status == 204
        await sender.close()


async def test_the_address_that_was_judged_is_the_one_that_is_dialled(monkeypatch: pytest.MonkeyPatch):
    """A name server that answers well at first and badly a moment later gets nothing."""
    answers = iter(["127.0.0.1", "10.0.0.7"])
    asked = []

    def rebinding(host: str, *_: object, **__: object) -> list[object]:
        if host == "receiver.example":
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 0))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (str(ip_address(host)), 0))]

    async with receiving() as receiver:
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        sender = channel()
        port = receiver.url.rpartition(":")[2]
        assert (await sender.send(message(f"http://receiver.example:{port}/"), 5)).status == 204
        assert asked == ["receiver.example"]
        assert (await sender.send(message(f"http://receiver.example:{port}/"), 5)).error == "address-refused"
        await sender.close()


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/", "connect-failed"),
        ("http://no-such-host.invalid/", "host-unknown"),
        ("http://10.0.0.1/", "address-refused"),
        ("https://127.0.0.1:1/", "connect-failed"),
    ],
)
async def test_each_way_of_not_arriving_has_its_word(url: str, error: str):
    sender = channel()
    answer = await sender.send(message(url), 5)
    assert (answer.status, answer.error) == (None, error)
    await sender.close()


async def test_by_default_no_private_network_is_reached():
    async with receiving() as receiver:
        sender = channel(allowed=())
        assert (await sender.send(message(receiver.url), 5)).error == "address-refused"
        assert receiver.received == []
        await sender.close()
