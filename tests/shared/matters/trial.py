"""A small procedure with every kind of thing that time does to a matter, and matters of it on real storage."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from shared.clocks.calendar import published_calendar
from shared.clocks.counting import Unit
from shared.directory import Directory
from shared.events import Event
from shared.lease import Lease
from shared.matters.commands import Commands, Paper
from shared.matters.requests import Actor, Request
from shared.matters.store import Matters
from shared.matters.timekeeper import Timekeeper
from shared.mechanism.check import check
from shared.mechanism.grammar import (
    Clock,
    Form,
    FromForm,
    Kind,
    Law,
    Mechanism,
    Party,
    Proposal,
    Reminder,
    State,
    Step,
    hours,
)
from shared.mechanism.matter import Entry, Matter, Ticking
from shared.mechanism.reckoning import Terms
from shared.mongo import Document, Mongo, connect

LAW = Law("试行办法", "测试〔2026〕1号", "2026")
CITE = LAW("1")
OFFICE = Party("office", "检察机关", kinds=("procuratorate",))
ORGAN = Party("organ", "行政机关", kinds=("administrative_organ",))
OFFICE_UNIT, ORGAN_UNIT, SUPERIOR_UNIT = "LY-JC-329", "LY-SC-001", "LY-SC-300"
UNITS = {"office": OFFICE_UNIT, "organ": ORGAN_UNIT}
DIVISION = "410329"


class Notice(Form):
    reply_hours: Annotated[int, Field(ge=1, le=10_000)] = Field(examples=[48])


def _step(key: str, by: Party, source: tuple[str, ...], to: str | None, said: str, **more: Any) -> Step:
    return Step(key=key, title=key, by=by, source=source, to=to, said=said, cite=CITE, **more)


def _clock(key: str, on: Party, length: Any, **more: Any) -> Clock:
    return Clock(key=key, title=key, on=on, length=length, cite=CITE, **more)


ADVICE = check(
    Mechanism(
        key="advice",
        path="advice",
        title="建议",
        title_en="Advice",
        basis=LAW,
        edition="2026",
        parties=(OFFICE, ORGAN),
        overseers=(OFFICE,),
        states=(
            State("open", "待回复"),
            State("suspended", "中止"),
            State("answered", "已回复", ends=True),
            State("withdrawn", "已撤回", ends=True),
        ),
        opening=_step("serve", OFFICE, (), "open", "served", form=Notice, binds=(ORGAN,)),
        steps=(
            _step("suspend", OFFICE, ("open",), "suspended", "suspended"),
            _step("resume", OFFICE, ("suspended",), "open", "resumed"),
            _step("object", ORGAN, ("open",), None, "objected"),
            _step("answer", ORGAN, ("open",), "answered", "answered"),
            _step("withdraw", OFFICE, ("open", "suspended"), "withdrawn", "withdrawn"),
        ),
        clocks=(
            _clock(
                "reply",
                ORGAN,
                FromForm("reply_hours", Unit.HOURS),
                after=("serve",),
                met_by=("answer",),
                dropped_by=("withdraw",),
                paused_during=("suspended",),
                reminders=(
                    Reminder(offset=hours(24), to=("organ",)),
                    Reminder(offset=hours(4), to=("organ",)),
                    Reminder(offset=hours(24), after=True, to=("organ", "superior")),
                    Reminder(offset=hours(72), after=True, to=("organ", "office")),
                ),
                proposes=(Proposal(instrument="report", title="报告上级机关", by=OFFICE, cite=CITE),),
            ),
            _clock(
                "objection",
                ORGAN,
                hours(24),
                kind=Kind.RIGHT,
                after=("serve",),
                met_by=("object",),
                dropped_by=("withdraw", "answer"),
                closes=("object",),
                reminders=(Reminder(offset=hours(4), to=("organ",)),),
            ),
        ),
    )
)
MECHANISMS = {(ADVICE.key, ADVICE.edition): ADVICE}
_keys = itertools.count(1)


@dataclass
class Ground:
    """The matters of one service without its HTTP: what it was told, and what it keeps."""

    mongo: Mongo
    matters: Matters
    commands: Commands

    def timekeeper(self, holder: str, lease_seconds: float = 10) -> Timekeeper:
        leases = partial(Lease, self.mongo.database["leases"], holder=holder, seconds=lease_seconds)
        return Timekeeper(self.commands, self.matters, MECHANISMS, leases)

    async def open(self, at: datetime, reply_hours: int = 48) -> str:
        """Serve an advice at that moment; the matter's id."""
        request = Request(
            key=f"key-{next(_keys)}",
            form={"reply_hours": reply_hours},
            acted_at=at,
            parties={"organ": ORGAN_UNIT},
            division=DIVISION,
        )
        matter, _ = await self.commands.open_matter(ADVICE, _actor("office"), request)
        return matter

    async def take(
        self, matter: str, step: str, at: datetime, form: Mapping[str, Any] | None = None
    ) -> Entry:
        by = ADVICE.step_by_key[step].parties[0].key
        request = Request(key=f"key-{next(_keys)}", form=form or {}, acted_at=at)
        return await self.commands.take_step(ADVICE, matter, step, _actor(by), request, None)

    async def correct(self, matter: str, entry: int, at: datetime) -> Entry:
        found = await self.read(matter)
        by = found.history[entry - 1].party or ""
        request = Request(key=f"key-{next(_keys)}", form={"reason": "回证"}, acted_at=at)
        return await self.commands.correct(ADVICE, matter, entry, _actor(by), request, None)

    async def read(self, matter: str) -> Matter:
        found = await self.matters.find_own(matter)
        assert found is not None
        return found

    async def run_of(self, matter: str, clock: str) -> Ticking:
        run = (await self.read(matter)).ticking(clock)
        assert run is not None
        return run

    async def document(self, matter: str) -> Document:
        found = await self.matters.collection.find_one({"_id": matter})
        assert found is not None
        return found

    async def said(self, matter: str) -> list[Document]:
        """What the matter has said, in order, without the saying of steps."""
        steps = {step.said for step in (ADVICE.opening, *ADVICE.steps)}
        outbox: list[Document] = (await self.document(matter))["outbox"]
        return [event for event in outbox if event["type"].rpartition(".")[2] not in steps]

    def ago(self, **time: float) -> datetime:
        return self.mongo.clock.now() - timedelta(**time)


class _Paperless:
    """The procedure asks for no paper."""

    async def find(self, ids: Sequence[str], unit: str) -> Sequence[Paper]:
        return ()


def _unit(code: str, kind: str, superior: str | None) -> Event:
    data = {"kind": kind, "division": DIVISION, "superior": superior, "active": True, "version": 1}
    return Event(
        id=code,
        source="/notifier",
        type="notifier.unit.changed",
        subject=code,
        time=datetime.now(UTC),
        data={"code": code, **data},
        version=1,
        correlation=code,
    )


def _actor(party: str) -> Actor:
    return Actor(UNITS[party], f"P-{party}", frozenset())


@asynccontextmanager
async def ground_on(mongo_url: str, database: str) -> AsyncIterator[Ground]:
    """Stand on a database, with the two units of the procedure and the organ's superior."""
    mongo = await connect(mongo_url, database)
    try:
        matters = Matters(mongo.database["matters"])
        await matters.ensure_indexes()
        directory = Directory(mongo.database["units"])
        await directory.hear(_unit(OFFICE_UNIT, "procuratorate", None))
        await directory.hear(_unit(ORGAN_UNIT, "administrative_organ", SUPERIOR_UNIT))
        terms = Terms(published_calendar(), {})
        commands = Commands("trial", matters, directory, _Paperless(), mongo.clock, lambda: terms)
        yield Ground(mongo, matters, commands)
    finally:
        await mongo.close()
