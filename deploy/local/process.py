"""One child process that never outlives its starter, not even one that was killed.

Between the starter and the child stands a watcher: this file, run as a program. The starter holds the other
end of the watcher's stdin; when that closes, on purpose or because the starter died, the child is ended.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

GRACE = 20.0  # seconds between the request to end and SIGKILL


class Process:
    """A program with one output file; can be ended politely, killed, frozen, and started again."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        output: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        hold: Sequence[int] = (),
    ) -> None:
        """`env` is added to our own environment; `hold`: descriptors the watcher holds while it lives."""
        self.name, self.argv, self.output = name, tuple(argv), output
        self._env, self._cwd, self._hold = {**os.environ, **(env or {})}, cwd, tuple(hold)
        self._watcher: asyncio.subprocess.Process | None = None
        self.pid = 0

    @property
    def running(self) -> bool:
        """Whether the program runs (a frozen one does)."""
        return self._watcher is not None and self._watcher.returncode is None

    async def start(self) -> None:
        """Start the program; does nothing when it runs. Raises OSError when it cannot be executed."""
        if self.running:
            return
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self._watcher = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", __file__, *self.argv),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                env=self._env,
                cwd=self._cwd,
                pass_fds=self._hold,
                start_new_session=True,  # Ctrl-C at the terminal is the starter's to answer
            )
        assert self._watcher.stdout is not None  # noqa: S101  (asked for above)
        line = await self._watcher.stdout.readline()
        if not line:
            await self._watcher.wait()
            raise OSError(f"{self.name} could not be started: {self.tail(3)}")
        self.pid = int(line)

    async def wait(self) -> int:
        """The exit code, once the program and what it started are gone."""
        return 0 if self._watcher is None else await self._watcher.wait()

    async def stop(self) -> None:
        """End it politely, or with SIGKILL when that takes too long; returns when it is gone."""
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.close()
            await self._watcher.wait()

    async def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self._signal(signal.SIGKILL)
        await self.wait()

    async def pause(self) -> None:
        """Freeze it (SIGSTOP): it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        """Thaw it (SIGCONT)."""
        self._signal(signal.SIGCONT)

    async def restart(self) -> None:
        """Stop, then start."""
        await self.stop()
        await self.start()

    def tail(self, lines: int = 15) -> str:
        """The last lines it wrote."""
        if not self.output.exists():
            return ""
        return "\n".join(self.output.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def last_words(self) -> str:
        """That it ended, and the last lines it wrote."""
        return f"{self.name} ended:\n{self.tail()}"

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            os.killpg(self.pid, number)


async def first_to_end(processes: Iterable[Process]) -> Process:
    """Wait until one of the programs ends; which it was."""
    ends = {asyncio.create_task(process.wait()): process for process in processes}
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return ends[done.pop()]
    finally:
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


def _watch(argv: Sequence[str]) -> int:
    """Run `argv` in a group of its own until it ends or our stdin closes; its exit code."""
    parent_death_signal = ctypes.CDLL(None).prctl
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        process_group=0,
        preexec_fn=lambda: parent_death_signal(1, signal.SIGKILL),  # noqa: PLW1509  should the watcher itself be killed
    )
    os.write(1, b"%d\n" % child.pid)
    threading.Thread(target=_end_with_stdin, args=(child,), daemon=True).start()
    code = child.wait()
    _signal_group(child.pid, signal.SIGKILL)  # what it left behind
    return code if code >= 0 else 128 - code


def _end_with_stdin(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    _signal_group(child.pid, signal.SIGTERM)
    _signal_group(child.pid, signal.SIGCONT)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        _signal_group(child.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(
            number, lambda *_: None
        )  # only the closing of stdin ends a watcher; the child starts unmuted
    sys.exit(_watch(sys.argv[1:]))
