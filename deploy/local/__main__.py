"""The suite on this machine: `python -m deploy.local up` runs it, `… demo` shows it at work and ends."""

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

from deploy.local.callers import Refusal, addresses, calling
from deploy.local.cases import Unreadable, read_plan
from deploy.local.demo import demo
from deploy.local.load import MAPPING, LoadError, load_cases, load_sample, load_units
from deploy.local.process import Process, first_to_end
from deploy.local.server import ServerError
from deploy.local.servers import Servers, local_servers
from deploy.local.suite import PORTS, ROOT, Suite, SuiteError, running_suite

FOLDER = ROOT / ".local" / "suite"


async def up(folder: Path, *, empty: bool) -> None:
    """Run everything until cancelled, its data under `folder`; SuiteError when any part ends.

    A suite without units is filled with the sample first, unless it is to stay `empty`.
    """
    started = monotonic()
    print("Starting MongoDB and RabbitMQ …", flush=True)
    async with local_servers(folder) as servers:
        print("Starting the services …", flush=True)
        async with running_suite(folder, servers.mongo_url, servers.rabbit_urls, ports=PORTS) as suite:
            with _published(folder, suite):
                if not empty:
                    await _fill(suite)
                print(_summary(folder, servers, suite, monotonic() - started), flush=True)
                nodes = [
                    node
                    for node in (*servers.mongo.nodes, *servers.rabbit.nodes)
                    if isinstance(node, Process)
                ]
                raise SuiteError((await first_to_end([*suite.processes, *nodes])).last_words())


async def _fill(suite: Suite) -> None:
    async with calling(addresses(suite)) as callers:
        if loaded := await load_sample(callers):
            print("The directory was empty; the sample is loaded:", *loaded.lines(), sep="\n  ", flush=True)


async def token(folder: Path, unit: str) -> None:
    """Print a token for a unit that the directory of the running suite has. Raises SuiteError."""
    at = _addresses(folder)
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            form = {"grant_type": "client_credentials", "unit": unit}
            granted = (await client.post(f"{at['issuer']}/token", data=form)).raise_for_status().json()
            bearer = {"Authorization": f"Bearer {granted['access_token']}"}
            found = await client.get(f"{at['notifier']}/v1/units/{quote(unit, safe='')}", headers=bearer)
            if found.status_code in {404, 422}:
                raise SuiteError(f"the directory has no unit {unit}")
            found.raise_for_status()
    except httpx.HTTPError as error:
        raise SuiteError(f"the suite does not answer as it should: {error}") from None
    print(granted["access_token"])


async def load(folder: Path, units: Path | None, cases: Path | None, mapping: Path) -> None:
    """Import a roster of units, a department's cases or both into the running suite, and report on each row.

    Raises SuiteError, LoadError, Unreadable, Refusal.
    """
    async with calling(_addresses(folder)) as callers:
        if units:
            report = await load_units(callers, units)
            for row in report["rows"]:
                for error in row["errors"]:
                    print(f"line {row['line']}, {row['code']}: {error['field']}: {error['message']}")
            print(
                ", ".join(f"{report[each]} {each}" for each in ("created", "updated", "unchanged", "refused"))
            )
        if cases:
            print(*(await load_cases(callers, cases, read_plan(mapping))).lines(), sep="\n")


def _addresses(folder: Path) -> dict[str, str]:
    try:
        at: dict[str, str] = json.loads((folder / "addresses.json").read_text())
    except FileNotFoundError:
        raise SuiteError("the suite does not run here: start it with `make up`") from None
    return at


@contextlib.contextmanager
def _published(folder: Path, suite: Suite) -> Iterator[None]:
    file = folder / "addresses.json"
    file.write_text(json.dumps(addresses(suite)))
    try:
        yield
    finally:
        file.unlink()


def _summary(folder: Path, servers: Servers, suite: Suite, seconds: float) -> str:
    lines = [("MongoDB", servers.mongo_url), ("RabbitMQ", servers.rabbit.management)]
    lines += [*addresses(suite).items(), ("logs", str(folder / "logs"))]
    moved = [name for name, url in addresses(suite).items() if not url.endswith(f":{PORTS[name]}")]
    notes = [f"The usual port of {name} is in use; a free one was taken." for name in moved]
    table = "\n".join(f"  {name:<10} {address}" for name, address in lines)
    return "\n".join([*notes, f"The suite runs ({seconds:.1f} s); Ctrl-C stops it.", table])


async def _until_told(work: Coroutine[None, None, int | None]) -> int:
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task or 0


def main() -> int:
    """Run one command; 1 and one sentence when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where `up` keeps data, keys and logs")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("up", help="run the suite in the foreground")
    running.add_argument("--empty", action="store_true", help="do not load the sample into an empty suite")
    commands.add_parser("demo", help="play the sample through a suite of its own; the last line is JSON")
    commands.add_parser("token", help="print a token for a unit").add_argument("unit")
    loading = commands.add_parser("load", help="import a roster or an export of cases into the running suite")
    loading.add_argument("--units", type=Path, help="a roster, CSV or XLSX")
    loading.add_argument("--cases", type=Path, help="cases as a department's own system exports them, CSV")
    loading.add_argument("--mapping", type=Path, default=MAPPING, help="how the columns become fields, TOML")
    chosen = parser.parse_args()
    work: Coroutine[None, None, int | None]
    match chosen.command:
        case "up":
            work = up(chosen.folder, empty=chosen.empty)
        case "demo":
            work = demo()
        case "token":
            work = token(chosen.folder, chosen.unit)
        case _:
            work = load(chosen.folder, chosen.units, chosen.cases, chosen.mapping)
    try:
        return asyncio.run(_until_told(work))
    except (ServerError, SuiteError, LoadError, Unreadable, Refusal, httpx.HTTPError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        print("Stopped.")
        return 130 if chosen.command == "demo" else 0


if __name__ == "__main__":
    sys.exit(main())
