"""The services of the suite as processes on one machine, on top of servers that run already."""

import asyncio
import base64
import contextlib
import functools
import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local.issuer import Issuer
from deploy.local.process import Process
from deploy.local.server import free_port
from deploy.local.servers import keys_of

ROOT = Path(__file__).parents[2]
PORTS = {"issuer": 8100, "referral": 8101, "suggestion": 8102, "minors": 8103, "notifier": 8104}
WORKERS = 100  # a service's worker answers for its health so many ports above its API
READY_WITHIN = 120.0  # seconds; ten are usual, a busy machine takes its time

# What a service must be given, and no machine may share with another: made once, kept beside the data.
SECRETS = ("NOTIFIER_SECRET_KEY", "MINORS_HASH_KEY")
# Services that seal what they keep; their master key stands in a file, which is for one machine's trials only.
SEALED = ("minors",)
# What makes sense on one machine only: receivers of webhooks live on loopback too.
LOOPBACK = {"NOTIFIER_WEBHOOK_NETWORKS": "127.0.0.0/8"}


class SuiteError(Exception):
    """A service did not start, or ended; the message says which, and its last words."""


@dataclass(frozen=True)
class Service:
    """One service: its API at `url`, its worker, which answers for its health at `worker_url`."""

    api: Process
    url: str
    worker: Process
    worker_url: str


@dataclass(frozen=True)
class Suite:
    """The running services and the issuer of their callers' tokens."""

    services: Mapping[str, Service]
    issuer: Issuer

    @property
    def processes(self) -> dict[Process, str]:
        """Every process with the address it answers on."""
        return {
            process: url
            for service in self.services.values()
            for process, url in ((service.api, service.url), (service.worker, service.worker_url))
        }

    async def ready(self) -> None:
        """Return once every process says it is ready. Raises SuiteError."""
        async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
            await asyncio.gather(*(_ready(client, *pair) for pair in self.processes.items()))


@contextlib.asynccontextmanager
async def running_suite(
    folder: Path,
    mongo_url: str,
    rabbit_urls: Sequence[str],
    *,
    names: Iterable[str] | None = None,
    ports: Mapping[str, int] | None = None,
    prefix: str = "liandong_",
    settings: Mapping[str, str] | None = None,
    root: Path = ROOT,
) -> AsyncIterator[Suite]:
    """Migrate and start services, wait until they are ready; end them with the block.

    `names`: the services, by default all of `root`; `ports`: wanted ones by name, free ones are taken for the
    others and for those in use; `prefix` of the databases; `settings`: further variables for every service.
    Keys, logs and traces go under `folder`. Raises SuiteError.
    """
    names = sorted(_present(root) if names is None else names)
    issuer = Issuer(folder, _port(ports, "issuer"), names)
    shared = {**_secrets(folder), **LOOPBACK, **(settings or {})}
    services, migrations = {}, []
    for name in names:
        port, worker_port = _port(ports, name), _port(ports, name, WORKERS)
        own = {
            "MONGO_URL": mongo_url,
            "MONGO_DATABASE": prefix + name,
            "RABBIT_URLS": ",".join(rabbit_urls),
            "JWKS_URL": issuer.jwks_url,
            "ISSUER": issuer.url,
            "AUDIENCE": name,
            "PORT": str(port),
            "WORKER_PORT": str(worker_port),
        }
        if name in SEALED:
            own |= master_key(folder) | {"KEY_DATABASE": keys_of(prefix + name)}
        program = functools.partial(_process, root, folder, name, own, shared)
        migrations.append(_run(program("migrate")))
        services[name] = Service(
            *(program("api"), f"http://127.0.0.1:{port}"),
            *(program("worker"), f"http://127.0.0.1:{worker_port}"),
        )
    suite = Suite(services, issuer)
    with issuer.serve():
        await asyncio.gather(*migrations)
        try:
            await asyncio.gather(*(process.start() for process in suite.processes))
            await suite.ready()
            yield suite
        finally:
            await asyncio.gather(*(process.stop() for process in suite.processes))


def _process(
    root: Path, folder: Path, name: str, own: Mapping[str, str], shared: Mapping[str, str], command: str
) -> Process:
    logs, traces = folder.absolute() / "logs", folder.absolute() / "traces"
    traces.mkdir(parents=True, exist_ok=True)
    variables = {**own, "TRACE_FILE": str(traces / f"{name}-{command}.jsonl")}
    return Process(
        f"{name} {command}",
        [sys.executable, "-m", f"services.{name}.main", command],
        output=logs / f"{name}-{command}.log",
        env={**{f"{name.upper()}_{key}": value for key, value in variables.items()}, **shared},
        cwd=root,
    )


async def _run(process: Process) -> None:
    await process.start()
    if await process.wait():
        raise SuiteError(process.last_words())


async def _ready(client: httpx.AsyncClient, process: Process, url: str) -> None:
    deadline = asyncio.get_running_loop().time() + READY_WITHIN
    answer = "no answer"
    while True:
        try:
            response = await client.get(f"{url}/readyz")
            if response.status_code == 200:
                return
            answer = response.text
        except httpx.HTTPError:
            pass
        if not process.running:
            raise SuiteError(process.last_words())
        if asyncio.get_running_loop().time() > deadline:
            raise SuiteError(f"{process.name} was not ready in {READY_WITHIN:.0f} s: {answer}")
        await asyncio.sleep(0.1)


def _present(root: Path) -> list[str]:
    return [file.parent.name for file in (root / "services").glob("*/main.py")]


def _port(wanted: Mapping[str, int] | None, name: str, above: int = 0) -> int:
    port = (wanted or {}).get(name, 0)
    if port and _is_free(port + above):
        return port + above
    return free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an address just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def master_key(folder: Path) -> dict[str, str]:
    """Make a master key under `folder` if there is none; the variables of a service that is to use it."""
    keys = folder.absolute() / "master-keys"
    file = keys / "first.key"
    if not file.exists():
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as new:
            new.write(base64.b64encode(secrets.token_bytes(96)).decode())
    return {"KEY_PROVIDER": "local", "KEY_NAME": "first", "LOCAL_KEYS": str(keys)}


def _secrets(folder: Path) -> dict[str, str]:
    file = folder / "secrets.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = {
        name: base64.b64encode(secrets.token_bytes(32)).decode() for name in SECRETS if name not in kept
    }
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as new:
            json.dump(kept | missing, new)
    return kept | missing
