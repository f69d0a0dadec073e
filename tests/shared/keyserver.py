"""A key server that speaks KMIP over TLS, run as a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from deploy.local.process import Process
from deploy.local.server import free_port

_HOST = "127.0.0.1"
_PROGRAM = "from kmip.services.server.server import main; main()"
# The library warns of itself on import, so it has a process of its own here as well.
_NEW_KEY = """
import os, sys
from kmip.core import enums
from kmip.pie import client, objects
port, certificate, authority = sys.argv[1:]
secret = objects.SecretData(os.urandom(96), enums.SecretDataType.SEED, [enums.CryptographicUsageMask.EXPORT])
server = client.ProxyKmipClient("127.0.0.1", int(port), certificate, certificate, authority, "PROTOCOL_TLSv1_2")
with server as connected:
    made = connected.register(secret)
    connected.activate(made)
print(made)
"""


@dataclass(frozen=True)
class KeyServer:
    """Where it is, and what a client needs to be let in."""

    process: Process
    port: int
    ca_file: str
    certificate_file: str

    async def new_key(self) -> str:
        """Make a master key of 96 bytes and give its id."""
        given = [str(self.port), self.certificate_file, self.ca_file]
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-c", _NEW_KEY, *given, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await made.communicate()
        return output.decode().strip()


@asynccontextmanager
async def key_server(folder: Path) -> AsyncIterator[KeyServer]:
    """Run one with its keys and certificates under `folder`; it ends with the block."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert(_HOST).private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    for_client = authority.issue_cert("minors@example.invalid", common_name="minors")
    for_client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    (folder / "policies").mkdir()
    port = free_port()
    (folder / "server.conf").write_text(
        f"[server]\nhostname={_HOST}\nport={port}\nauth_suite=TLS1.2\nenable_tls_client_auth=False\n"
        f"certificate_path={folder}/server.pem\nkey_path={folder}/server.pem\nca_path={folder}/ca.pem\n"
        f"policy_path={folder}/policies\ndatabase_path={folder}/keys.sqlite\nlogging_level=ERROR\n"
    )
    options = ["-f", str(folder / "server.conf"), "-l", str(folder / "server.log")]
    process = Process(
        "key server",
        [sys.executable, "-W", "ignore", "-c", _PROGRAM, *options],
        output=folder / "output.log",
    )
    await process.start()
    try:
        await _answers(process, port)
        yield KeyServer(process, port, str(folder / "ca.pem"), str(folder / "client.pem"))
    finally:
        await process.kill()  # it would take its time, and has nothing to lose


async def _answers(process: Process, port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(_HOST, port)
        except OSError:
            assert process.running, process.last_words()
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
