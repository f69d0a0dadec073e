"""Clean start and stop: one event loop that serves HTTP beside the service's loops, or ends as a whole."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp

from shared import logs, metrics, tracing
from shared.logs import anatomy
from shared.settings import ServiceSettings, SettingsError

S = TypeVar("S", bound=ServiceSettings)
Loop = Callable[[], Awaitable[None]]
Main = Callable[[], Coroutine[Any, Any, None]]

GRACE: Final = 10  # seconds that requests under way are given to finish

_log = logging.getLogger(__name__)


class Ended(Exception):  # what happened, named as it is
    """Something that should run as long as the process came to an end."""


def main(
    service: str,
    load: Callable[[], S],
    commands: Mapping[str, Callable[[S], Coroutine[Any, Any, None]]],
    argv: Sequence[str] | None = None,
) -> int:
    """Run the command that the command line names, with the settings, log and traces of the service.

    Gives the exit code: of `run`, or 2 with every bad variable on stderr.
    """
    parser = argparse.ArgumentParser(prog=f"services.{service}.main")
    parser.add_argument("command", choices=sorted(commands))
    command = parser.parse_args(argv).command
    try:
        settings = load()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.setup(service, settings.log_level)
    trace = tracing.setup(service, endpoint=settings.trace_endpoint, file=settings.trace_file)
    try:
        return run(lambda: commands[command](settings))
    finally:
        trace.close()


def run(main: Main) -> int:
    """Run the process and give its exit code: 0 after SIGTERM or SIGINT, 1 and one log line after a failure.

    The first signal cancels `main`, which then cleans up; a `main` that returns by itself ended well.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signal(main))
    except Exception as error:  # noqa: BLE001  # the last one to catch anything
        message = str(error) if isinstance(error, Ended) else "the process failed"
        _log.critical(message, extra={"error": anatomy(error)})
        return 1
    return 0


async def serve(app: ASGIApp, *, host: str, port: int, loops: Mapping[str, Loop] | None = None) -> None:
    """Serve the application and run the loops until cancelled; then finish requests first, loops after.

    A loop that returns or raises ends everything with Ended: no process is healthy and deaf.
    """
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http="httptools",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
    )
    running = {asyncio.create_task(_counted(name, loop), name=name) for name, loop in (loops or {}).items()}
    http = asyncio.create_task(server.serve(), name="http")
    try:
        done, _ = await asyncio.wait({http, *running}, return_when=asyncio.FIRST_COMPLETED)
        first = done.pop()
        raise Ended(f"{first.get_name()} ended") from first.exception()
    finally:
        server.should_exit = True
        await asyncio.wait({http})
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _counted(name: str, loop: Loop) -> None:
    gauge = metrics.loops.labels(name)
    gauge.set(1)
    try:
        await loop()
    finally:
        gauge.set(0)


async def _until_signal(main: Main) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main(), name="main")
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:  # a second signal would cut the cleaning up short
            asked = True
            task.cancel()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not asked:
            raise


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Fail like any other part: uvicorn would leave the whole process from within the loop."""
        try:
            await super().startup(sockets)
        except SystemExit:
            raise Ended("the HTTP server did not start") from None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run`, so that parts stop in one order whatever was asked first."""
        yield
