"""Keeping the directory of units: put, give up, import, say it all again."""

import asyncio
import datetime as dt
import logging
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from services.notifier import events
from services.notifier.domain import roster
from services.notifier.domain.roster import Outcome, Row, Verdict
from services.notifier.domain.units import Fault, Unit, faults, normal
from services.notifier.store import Store
from services.notifier.store.units import Kept
from shared.clocks.calendar import SHANGHAI
from shared.events import Event
from shared.lease import Lease
from shared.mongo import Unavailable
from shared.tracing import current_traceparent

_LEASE_SECONDS: Final = 30.0
_TRIES: Final = 30
_PAUSE: Final = 0.1
_AT_ONCE: Final = 32

_log = logging.getLogger(__name__)


class Rejected(Exception):  # what happened to the record
    """The record breaks rules of the directory."""

    def __init__(self, found: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.code for fault in found))
        self.faults = tuple(found)


class Absent(Exception):
    """There is no such unit."""


class VersionNeeded(Exception):
    """The unit exists; a change must say which version it is about."""


class Stale(Exception):
    """The unit has moved on to another version (0: it does not exist)."""

    def __init__(self, version: int) -> None:
        super().__init__(f"at version {version}")
        self.version = version


class Busy(Exception):
    """Somebody else is changing the directory, an import perhaps; come back."""


class Directory:
    """Changes happen one at a time, since the line of superiors is a rule over several records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, code: str, unit: Unit, version: int | None) -> tuple[Kept, bool]:
        """Keep the record, new or in place of `version`; the kept record, and whether it is new.

        Raises Rejected, VersionNeeded, Stale, Busy.
        """
        unit = normal(unit)
        async with self._alone():
            before = await self._store.units.find(code)
            _check_version(before, version)
            line = await self._store.units.line(unit.superior)
            if found := faults(code, unit, self._today(), line.__getitem__):
                raise Rejected(found)
            return await self._keep(code, unit, before), before is None

    async def retire(self, code: str, version: int | None) -> None:
        """Mark the unit inactive; it stays, since matters name it. Raises Absent, VersionNeeded, Stale, Busy."""
        async with self._alone():
            before = await self._store.units.find(code)
            if before is None:
                raise Absent
            _check_version(before, version)
            await self._keep(code, before.unit.model_copy(update={"active": False}), before)

    async def load(self, rows: Iterable[Row], *, dry: bool) -> list[Verdict]:
        """Keep every row that is sound, each in one write of its own; what became of each, in the file's order.

        Raises Busy; raises Unavailable half-way, and then the same file can simply be given again.
        """
        if dry:
            return roster.in_file_order((await self._judge(rows))[0])
        async with self._alone() as lease:
            verdicts, known = await self._judge(rows)
            done: list[Verdict] = []
            for start in range(0, len(verdicts), _AT_ONCE):
                if await lease.acquire() is None:
                    raise Busy
                batch = verdicts[start : start + _AT_ONCE]
                done += await asyncio.gather(*(self._take(verdict, known) for verdict in batch))
            return roster.in_file_order(done)

    async def say_again(self) -> int:
        """Say every unit once more, for a service that starts late; how many there are."""
        known = await self._store.units.every()
        said = {code: _said(code, kept.unit, kept.version, kept.changed_at) for code, kept in known.items()}
        await self._store.units.say_again(said, self._store.clock.now())
        _log.info("the directory is said again", extra={"units": len(said)})
        return len(said)

    async def _judge(self, rows: Iterable[Row]) -> tuple[list[Verdict], dict[str, Kept]]:
        known = await self._store.units.every()
        units = {code: kept.unit for code, kept in known.items()}
        return await asyncio.to_thread(roster.judge, list(rows), units, self._today()), known

    async def _take(self, verdict: Verdict, known: dict[str, Kept]) -> Verdict:
        if verdict.unit is None or verdict.code is None or verdict.outcome is Outcome.UNCHANGED:
            return verdict
        try:
            await self._keep(verdict.code, verdict.unit, known.get(verdict.code))
        except Stale:
            fault = Fault("code", "changed-meanwhile", "这个单位同时被他人修改 (changed by somebody else)")
            return Verdict(verdict.line, Outcome.REFUSED, verdict.code, faults=(fault,))
        return verdict

    async def _keep(self, code: str, unit: Unit, before: Kept | None) -> Kept:
        if before is not None and before.unit == unit:
            return before
        version = before.version + 1 if before else 1
        said = _said(code, unit, version, self._store.clock.now())
        if before is None:
            kept = await self._store.units.add(code, unit, said)
        else:
            kept = await self._store.units.change(code, before.version, unit, said)
        if not kept:
            raise Stale(version)
        return Kept(code, unit, version, said.time)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Lease]:
        lease = self._store.lease("directory", uuid.uuid4().hex, _LEASE_SECONDS)
        for _ in range(_TRIES):
            if await lease.acquire() is not None:
                break
            await asyncio.sleep(_PAUSE)
        else:
            raise Busy
        try:
            yield lease
        finally:
            with suppress(Unavailable):  # it ends by itself
                await lease.release()

    def _today(self) -> dt.date:
        return self._store.clock.now().astimezone(SHANGHAI).date()


def _check_version(before: Kept | None, version: int | None) -> None:
    if before is None:
        if version is not None:
            raise Stale(0)
    elif version is None:
        raise VersionNeeded
    elif version != before.version:
        raise Stale(before.version)


def _said(code: str, unit: Unit, version: int, at: dt.datetime) -> Event:
    """The public part alone: where a unit is reached is nobody's business but the directory's."""
    public = unit.model_dump(mode="json", include={"name", "kind", "division", "superior", "active"})
    return events.unit_changed(code, public, version, at, current_traceparent())
