"""Imports of older registers: jobs, their rows sealed until each is dealt with, and what became of each."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from services.minors.domain.report import Outcome, Result
from services.minors.domain.sheet import Fault, Row
from shared.matters.commands import Clock
from shared.mongo import Database, Document, guarded

BATCH: Final = 100
_LEFT: Final = timedelta(minutes=15)  # what takes longer to be received was left by a process that ended
_STATE: Final = [("state", ASCENDING), ("created_at", ASCENDING)]
_ROWS: Final = "rows"


class Vault(Protocol):
    """Seals under a key of the owner's own, which can be destroyed."""

    async def seal(self, owner: str, values: Mapping[str, Any]) -> Mapping[str, bytes]: ...
    async def open(self, owner: str, sealed: Mapping[str, bytes]) -> Mapping[str, Any]: ...
    async def destroy(self, owners: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One import. `owner` is whose key its rows are sealed under; `state`: receiving, waiting, finishing, done."""

    id: str
    unit: str
    person: str
    digest: str
    dry_run: bool
    rows: int
    owner: str
    state: str
    created_at: datetime
    finished_at: datetime | None = None


class Imports:
    """Keeps jobs. Of a row nothing is in the clear, and nothing at all is left once it is dealt with."""

    def __init__(self, database: Database, clock: Clock, vault: Vault | None) -> None:
        self.jobs = database["imports"]
        self.batches = database["import_rows"]
        self._clock = clock
        self._vault = vault

    async def ensure_indexes(self) -> None:
        async with guarded():
            await self.jobs.create_index(_STATE)

    async def find(self, job: str) -> Job | None:
        async with guarded():
            document = await self.jobs.find_one({"_id": job})
        return _job(document) if document else None

    async def receive(
        self, job: str, unit: str, person: str, digest: str, rows: Sequence[Row], *, dry_run: bool
    ) -> Job:
        """Keep a new job with its rows, or return the one that has its id. Raises Away, Unavailable."""
        new = Job(
            job,
            unit,
            person,
            digest,
            dry_run,
            len(rows),
            str(uuid4()),
            "receiving",
            _whole(self._clock.now()),
        )
        async with guarded():
            try:
                await self.jobs.insert_one({"_id": job, **_fields(new)})
            except DuplicateKeyError:
                there = await self.jobs.find_one({"_id": job})
                return _job(there) if there else new
        try:
            for number, start in enumerate(range(0, len(rows), BATCH)):
                batch = [asdict(row) for row in rows[start : start + BATCH]]
                sealed = await self._held.seal(new.owner, {_ROWS: batch})
                document = {"_id": _place(job, number), "size": len(batch), "sealed": dict(sealed)}
                async with guarded():
                    await self.batches.insert_one(document)
            async with guarded():
                await self.jobs.update_one({"_id": job, "state": "receiving"}, {"$set": {"state": "waiting"}})
        except BaseException:
            await self._forget(new)
            raise
        return await self.find(job) or new

    async def next(self) -> Job | None:
        """Return the job that is longest in hand; what was received half-way by a process that ended is removed."""
        async with guarded():
            left = {"state": "receiving", "created_at": {"$lt": self._clock.now() - _LEFT}}
            async for each in self.jobs.find(left, hint=_STATE):
                await self._forget(_job(each))
            for state in ("finishing", "waiting"):
                found = self.jobs.find({"state": state}, hint=_STATE).sort("created_at", ASCENDING).limit(1)
                for document in await found.to_list(1):
                    return _job(document)
        return None

    async def undone(self, job: Job) -> list[int]:
        """Return the numbers of the batches of which it is not said yet what became of them, in order."""
        async with guarded():
            found = self.batches.find({**_all(job.id), "results": {"$exists": False}}, {"_id": 1})
            return [_number(each["_id"]) for each in await found.sort("_id", ASCENDING).to_list(None)]

    async def open(self, job: Job, number: int) -> list[Row]:
        """Return the rows of a batch. Raises Away, Unavailable."""
        async with guarded():
            document = await self.batches.find_one({"_id": _place(job.id, number)})
        if document is None or "sealed" not in document:
            return []
        opened = await self._held.open(job.owner, document["sealed"])
        return [_row(each) for each in opened[_ROWS]]

    async def settle(self, job: Job, number: int, results: Sequence[Result]) -> None:
        """Keep what became of a batch, once, in the place of its rows."""
        counts = {each.value: sum(result.outcome is each for result in results) for each in Outcome}
        change = {
            "$set": {"results": [asdict(each) for each in results], "counts": counts},
            "$unset": {"sealed": ""},
        }
        async with guarded():
            await self.batches.update_one(
                {"_id": _place(job.id, number), "results": {"$exists": False}}, change
            )

    async def finish(self, job: Job) -> None:
        """Destroy the key of the rows, and say that the job is done; again, if that broke off half-way."""
        async with guarded():
            await self.jobs.update_one({"_id": job.id}, {"$set": {"state": "finishing"}})
        await self._held.destroy([job.owner])
        done = {"state": "done", "finished_at": _whole(self._clock.now())}
        async with guarded():
            await self.jobs.update_one({"_id": job.id}, {"$set": done})

    async def counts(self, job: str) -> dict[Outcome, int]:
        """Return how many rows had which outcome so far."""
        async with guarded():
            found = await self.batches.find(_all(job), {"counts": 1}).to_list(None)
        return {each: sum(batch["counts"][each] for batch in found if "counts" in batch) for each in Outcome}

    async def results(self, job: str, after: int, limit: int) -> list[Result]:
        """Return up to `limit` results behind so many, in the order of the file, up to the first that is open."""
        first = after // BATCH
        span = {"$gte": _place(job, first), "$lt": _place(job, first + limit // BATCH + 2)}
        found: list[Result] = []
        async with guarded():
            async for each in self.batches.find({"_id": span}, {"sealed": 0}).sort("_id", ASCENDING):
                if "results" not in each:
                    break
                found += map(_result, each["results"])
        return found[after % BATCH :][:limit]

    async def every_result(self, job: str) -> AsyncIterator[Result]:
        """Give all results, in the order of the file."""
        after = 0
        while page := await self.results(job, after, 10 * BATCH):
            for each in page:
                yield each
            after += len(page)

    @property
    def _held(self) -> Vault:
        if self._vault is None:
            raise RuntimeError("a register is imported only where there is a vault")
        return self._vault

    async def _forget(self, job: Job) -> None:
        async with guarded():
            await self.batches.delete_many(_all(job.id))
            await self.jobs.delete_one({"_id": job.id, "owner": job.owner})
        await self._held.destroy([job.owner])


def _all(job: str) -> dict[str, Any]:
    return {"_id": {"$gte": f"{job}/", "$lt": f"{job}0"}}  # 0 comes after the stroke


def _place(job: str, number: int) -> str:
    return f"{job}/{number:05}"


def _number(place: str) -> int:
    return int(place.rpartition("/")[2])


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _fields(job: Job) -> Document:
    fields = asdict(job)
    del fields["id"]
    return fields


def _job(document: Mapping[str, Any]) -> Job:
    fields = {name: document.get(name) for name in Job.__dataclass_fields__ if name != "id"}
    return Job(**{**fields, "id": document["_id"]})


def _row(given: Mapping[str, Any]) -> Row:
    return Row(
        given["line"], given["cells"], given["new"], Fault(**given["fault"]) if given["fault"] else None
    )


def _result(given: Mapping[str, Any]) -> Result:
    faults = tuple(Fault(**each) for each in given["faults"])
    return Result(given["line"], Outcome(given["outcome"]), given["matter"], faults)
