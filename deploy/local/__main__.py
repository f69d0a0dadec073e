"""The suite on this machine: `python -m deploy.local up` runs it, `… token UNIT` prints a token for a unit."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from time import monotonic
from urllib.parse import quote

import httpx

from deploy.local.process import Process, first_to_end
from deploy.local.server import ServerError
from deploy.local.servers import Servers, local_servers
from deploy.local.suite import PORTS, ROOT, Suite, SuiteError, running_suite

FOLDER = ROOT / ".local" / "suite"


async def up(folder: Path) -> None:
    """Run everything until cancelled, its data under `folder`; SuiteError when any part ends."""
    started = monotonic()
    print("Starting MongoDB and RabbitMQ …", flush=True)
    async with local_servers(folder) as servers:
        print("Starting the services …", flush=True)
        async with running_suite(folder, servers.mongo_url, servers.rabbit_urls, ports=PORTS) as suite:
            with _published(folder, suite):
                print(_summary(folder, servers, suite, monotonic() - started), flush=True)
                nodes = [
                    node
                    for node in (*servers.mongo.nodes, *servers.rabbit.nodes)
                    if isinstance(node, Process)
                ]
                raise SuiteError((await first_to_end([*suite.processes, *nodes])).last_words())


async def token(folder: Path, unit: str) -> None:
    """Print a token for a unit that the directory of the running suite has. Raises SuiteError."""
    addresses = _addresses(folder)
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            form = {"grant_type": "client_credentials", "unit": unit}
            granted = (await client.post(f"{addresses['issuer']}/token", data=form)).raise_for_status().json()
            bearer = {"Authorization": f"Bearer {granted['access_token']}"}
            found = await client.get(
                f"{addresses['notifier']}/v1/units/{quote(unit, safe='')}", headers=bearer
            )
            if found.status_code in {404, 422}:
                raise SuiteError(f"the directory has no unit {unit}")
            found.raise_for_status()
    except httpx.HTTPError as error:
        raise SuiteError(f"the suite does not answer as it should: {error}") from None
    print(granted["access_token"])


def _addresses(folder: Path) -> dict[str, str]:
    try:
        addresses: dict[str, str] = json.loads((folder / "addresses.json").read_text())
    except FileNotFoundError:
        raise SuiteError("the suite does not run here: start it with `make up`") from None
    return addresses


@contextlib.contextmanager
def _published(folder: Path, suite: Suite) -> Iterator[None]:
    file = folder / "addresses.json"
    file.write_text(json.dumps(_urls(suite)))
    try:
        yield
    finally:
        file.unlink()


def _summary(folder: Path, servers: Servers, suite: Suite, seconds: float) -> str:
    lines = [("MongoDB", servers.mongo_url), ("RabbitMQ", servers.rabbit.management)]
    lines += [*_urls(suite).items(), ("logs", str(folder / "logs"))]
    moved = [name for name, url in _urls(suite).items() if not url.endswith(f":{PORTS[name]}")]
    notes = [f"The usual port of {name} is in use; a free one was taken." for name in moved]
    table = "\n".join(f"  {name:<10} {address}" for name, address in lines)
    return "\n".join([*notes, f"The suite runs ({seconds:.1f} s); Ctrl-C stops it.", table])


def _urls(suite: Suite) -> dict[str, str]:
    return {name: service.url for name, service in suite.services.items()} | {"issuer": suite.issuer.url}


async def _until_told(work: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


def main() -> int:
    """Run one command; 1 and one sentence when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data, keys and logs are kept")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="run the suite in the foreground")
    commands.add_parser("token", help="print a token for a unit").add_argument("unit")
    chosen = parser.parse_args()
    work = up(chosen.folder) if chosen.command == "up" else token(chosen.folder, chosen.unit)
    try:
        asyncio.run(_until_told(work))
    except (ServerError, SuiteError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
