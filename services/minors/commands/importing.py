"""Imports of older registers, carried out row by row through the same door as every other post."""

import asyncio
import logging
from typing import Final

from services.minors.domain.register import Post
from services.minors.domain.report import Outcome, Result
from services.minors.domain.sheet import Fault, Row, column_of, form_of
from services.minors.mechanisms.vice_principal import MECHANISM, SENDERS
from services.minors.store.imports import Imports, Job
from services.minors.store.register import Register
from shared.directory import Directory
from shared.lease import Lease
from shared.matters.commands import Commands, Rule
from shared.matters.requests import Actor, Request
from shared.mechanism.permit import Refused
from shared.mongo import Unavailable
from shared.vault import Away

TAKE_OVER: Final = MECHANISM.step_by_key["take_over"]
AT_ONCE: Final = 16
_IDLE: Final = 1.0

_log = logging.getLogger(__name__)


class Importer:
    """Carries out one job at a time. What was done before a worker was killed is found, not done again."""

    def __init__(
        self,
        imports: Imports,
        commands: Commands,
        register: Register,
        directory: Directory,
        rule: Rule,
        lease: Lease,
    ) -> None:
        self._imports = imports
        self._commands = commands
        self._register = register
        self._directory = directory
        self._rule = rule
        self._lease = lease

    async def run(self) -> None:
        """Look for jobs for ever; waits for a database or a key server that is away."""
        while True:
            try:
                while await self.work():
                    pass
            except (Unavailable, Away):
                _log.warning("the importer waits for the database or the keys")
            await asyncio.sleep(_IDLE)

    async def work(self) -> bool:
        """Carry out the next job; False if there is none, or another worker is at it."""
        if await self._lease.acquire() is None:
            return False
        job = await self._imports.next()
        if job is None:
            return False
        for number in await self._imports.undone(job):
            if await self._lease.acquire() is None:
                return False
            rows = await self._imports.open(job, number)
            await self._imports.settle(job, number, await self._batch(job, rows))
        await self._imports.finish(job)
        return True

    async def _batch(self, job: Job, rows: list[Row]) -> list[Result]:
        """Return what became of the rows, in their order; so many are under way at once."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(row: Row) -> Result:
            async with room:
                return await self._row(job, row)

        outcomes = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome  # once all have come to an end
        return [each for each in outcomes if isinstance(each, Result)]

    async def _row(self, job: Job, row: Row) -> Result:
        request = await self._request(job, row)
        if not isinstance(request, Request):
            return _refused(row, *request)
        there = await self._register.by_letter(str(request.parties["school"]), request.form["letter_number"])
        if there is not None and there.person != request.form["person_id"]:
            # Another import gave the person another id: it is known by the letter alone.
            return _known(row, there, request)
        actor = Actor(job.unit, job.person, frozenset())
        try:
            if job.dry_run:
                await self._rule(MECHANISM, TAKE_OVER, None, actor, request)
                return Result(row.line, Outcome.CREATED)
            matter, _ = await self._commands.open_matter(MECHANISM, actor, request, TAKE_OVER)
        except Refused as refused:
            if refused.code == "serves-here" and there is not None:
                return _known(row, there, request)
            fields = refused.fields or ("",)
            return _refused(row, *(Fault(column_of(each), refused.code, refused.detail) for each in fields))
        # At once, so that the next rows and files meet it; the event finds it done.
        await self._register.refresh(matter)
        return Result(row.line, Outcome.CREATED, matter)

    async def _request(self, job: Job, row: Row) -> Request | list[Fault]:
        """Return what the row asks for, or what is wrong with it."""
        if row.fault is not None:
            return [row.fault]
        sender = await self._directory.find(row.cells.get("sender", ""))
        if sender is None or not sender.active or sender.kind not in SENDERS:
            return [Fault("sender", "unit-unknown", "the directory knows no such organ that may send one")]
        school = await self._directory.find(row.cells.get("school", ""))
        if school is None or not school.active or school.kind != "school":
            return [Fault("school", "unit-unknown", "the directory knows no such school")]
        form = form_of(row, sender.kind)
        if isinstance(form, list):
            return form
        return Request(
            key=f"{job.id}/{row.line}",
            form=form,
            parties={"school": school.code, "dispatching_organ": sender.code},
            division=school.division,
        )


def _known(row: Row, there: Post, request: Request) -> Result:
    """Return what a row comes to whose letter is known at its school."""
    asked = (request.parties["dispatching_organ"], request.form["birth_year"], request.form["starts_on"])
    if (there.sender, there.birth_year, there.starts_on.isoformat()) == asked:
        return Result(row.line, Outcome.UNCHANGED, there.matter)
    return _refused(
        row, Fault("letter_number", "letter-taken", "another post at this school has this letter")
    )


def _refused(row: Row, *faults: Fault) -> Result:
    return Result(row.line, Outcome.REFUSED, faults=faults)
