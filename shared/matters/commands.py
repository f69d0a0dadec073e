"""The verbs: open a matter, take a step, tell the time. Each is one write, and a repeat changes nothing."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid5

from shared import divisions, tracing
from shared.clocks.calendar import SHANGHAI
from shared.directory import Directory, Unit
from shared.matters.requests import Absent, Actor, Request, Stale
from shared.matters.secrecy.sealing import NOTHING, Sealed, Sealing
from shared.matters.speech import NAMESPACE, Speech
from shared.matters.store import Matters, Reader, Twin
from shared.mechanism import amend, core
from shared.mechanism.core import Act, Change, Whereabouts
from shared.mechanism.grammar import Mechanism, Party, Step
from shared.mechanism.matter import Entry, Link, Matter, PaperRef
from shared.mechanism.permit import Refused, permit
from shared.mechanism.reckoning import Terms

_ATTEMPTS = 8


class Paper(Protocol):
    """A stored document as a step refers to it."""

    @property
    def id(self) -> str: ...
    @property
    def sha256(self) -> str: ...


class Papers(Protocol):
    """Where the documents are that a unit has sent in."""

    async def find(self, ids: Sequence[str], unit: str) -> Sequence[Paper]: ...


class Clock(Protocol):
    """The database server's time."""

    def now(self) -> datetime: ...


class Rule(Protocol):
    """What a declaration cannot say: refuses with `Refused` before anything of a step is kept."""

    async def __call__(
        self, mechanism: Mechanism, step: Step, matter: Matter | None, actor: Actor, request: Request
    ) -> None: ...


class Commands:
    """The verbs of one service over its matters."""

    def __init__(
        self,
        service: str,
        matters: Matters,
        directory: Directory,
        papers: Papers,
        clock: Clock,
        terms: Callable[[], Terms],
        sealing: Sealing | None = None,
        rule: Rule | None = None,
    ) -> None:
        self._speech = Speech(service, directory)
        self._matters = matters
        self._directory = directory
        self._papers = papers
        self._clock = clock
        self._terms = terms
        self._sealing = sealing
        self._rule = rule

    async def reader(self, unit: str) -> Reader:
        """Return as whom a unit reads; `Refused` for a unit that the directory does not know."""
        known = await self._known(unit)
        return Reader(known.code, known.kind, known.division)

    async def open_matter(
        self, mechanism: Mechanism, actor: Actor, request: Request, entrance: Step | None = None
    ) -> tuple[str, Entry]:
        """Open a matter and return its id and first entry; a repeat of the same request returns the first one's.

        Raises `Refused` for everything the law or the directory does not allow.
        """
        step = entrance or mechanism.opening
        request, wanted = self._careful(mechanism, request, step.key)
        matter_id = str(uuid5(NAMESPACE, f"{mechanism.key}/{actor.unit}/{request.key}"))
        first = await self._matters.find_own(matter_id)
        if first is None:
            unit = await self._known(actor.unit)
            opener = next((party for party in step.parties if unit.kind in party.kinds), None)
            if opener is None:
                who = " or ".join(party.key for party in step.parties)
                raise Refused("not-your-step", f"{step.key} is taken by {who}")
            place = _place(matter_id, opener, unit, request, self._clock.now())
            bound = await self._bound(mechanism, step, request, place.divisions, None, place.opener)
            await self._copied(step, request)
            await self._ruled(mechanism, step, None, actor, request)
            act = await self._act(step.key, actor, request, wanted, bound)
            change = core.open_matter(mechanism, place, act, self._terms())
            # What is refused was refused; only now a key is made, and the form holds labels.
            act, sealed = await self._sealed(mechanism, matter_id, step, act)
            if sealed is not NOTHING:
                change = core.open_matter(mechanism, place, act, self._terms())
            with tracing.span("open matter", matter=matter_id, mechanism=mechanism.key, step=step.key):
                with _no_twin():
                    events = await self._speech.events(mechanism, change)
                    inserted = await self._matters.insert(change, events, sealed)
                if inserted:
                    return matter_id, change.entry
            first = await self._matters.find_own(matter_id)
        if first is None or first.history[0].digest != wanted:
            raise _other_request()
        return matter_id, first.history[0]

    async def take_step(
        self,
        mechanism: Mechanism,
        matter_id: str,
        step_key: str,
        actor: Actor,
        request: Request,
        seen: int | None,
    ) -> Entry:
        """Take a step and return its entry; a repeat of the same request returns the first one's.

        `seen` is the version the caller had read. Raises `Absent`, `Stale` or `Refused`.
        """
        step = mechanism.step_by_key[step_key]
        request, wanted = self._careful(mechanism, request, step_key)

        async def taken(matter: Matter) -> tuple[Change, Sealed]:
            # Whether it may be done at all comes before what is wrong with how it is asked.
            at = request.acted_at or self._clock.now()
            permit(mechanism, matter, step_key, actor.unit, actor.posts, at, request.form)
            bound = await self._bound(mechanism, step, request, matter.divisions, matter)
            await self._copied(step, request)
            await self._ruled(mechanism, step, matter, actor, request)
            act = await self._act(step_key, actor, request, wanted, bound)
            act, sealed = await self._sealed(mechanism, matter_id, step, act)
            return core.take_step(mechanism, matter, act, self._terms()), sealed

        with tracing.span("take step", matter=matter_id, mechanism=mechanism.key, step=step_key):
            return await self._amend(mechanism, matter_id, actor, request.key, wanted, seen, taken)

    async def correct(
        self,
        mechanism: Mechanism,
        matter_id: str,
        entry: int,
        actor: Actor,
        request: Request,
        seen: int | None,
    ) -> Entry:
        """Correct when the step of an entry was done; its clocks move with it. Raises as `take_step` does."""
        request, wanted = self._careful(mechanism, request, f"correct {entry}")

        async def corrected(matter: Matter) -> tuple[Change, Sealed]:
            act = await self._act("correct", actor, request, wanted, {})
            return amend.correct(mechanism, matter, entry, act, self._terms()), NOTHING

        with tracing.span("correct", matter=matter_id, mechanism=mechanism.key):
            return await self._amend(mechanism, matter_id, actor, request.key, wanted, seen, corrected)

    async def _amend(
        self,
        mechanism: Mechanism,
        matter_id: str,
        actor: Actor,
        key: str,
        wanted: str,
        seen: int | None,
        work: Callable[[Matter], Awaitable[tuple[Change, Sealed]]],
    ) -> Entry:
        """Work a change out on the matter as it is, and write it at that version; again, if it has moved on."""
        reader = await self.reader(actor.unit)
        for _ in range(_ATTEMPTS):
            matter = await self._matters.find(mechanism, matter_id, reader)
            if matter is None:
                raise Absent
            repeated = _repeated(matter, actor.unit, key, wanted)
            if repeated is not None:
                return repeated
            if seen is not None and seen != matter.version:
                raise Stale(matter.version)
            change, sealed = await work(matter)
            with _no_twin():
                if await self._matters.advance(change, await self._speech.events(mechanism, change), sealed):
                    return change.entry
        raise Refused("matter-busy", "other steps of this matter are being recorded; try again")

    async def tell_time(self, mechanism: Mechanism, matter: Matter) -> bool:
        """Mark what is over by the server's clock, and say it; False if another worker was faster."""
        change = core.tell_time(mechanism, matter, _milliseconds(self._clock.now()), self._terms())
        if change is None:
            return False
        with tracing.span(
            "tell time", matter=matter.id, mechanism=mechanism.key, version=change.entry.version
        ):
            return await self._matters.advance(change, await self._speech.events(mechanism, change))

    async def recount(
        self, mechanism: Mechanism, matter: Matter, because: Mapping[str, Any]
    ) -> Matter | None:
        """Count a matter's clocks by the present calendar and say what moved; where nothing did, return the matter.

        Its clocks, as counted now, are still to be kept.
        """
        now = _milliseconds(self._clock.now())
        recounted = amend.recount(mechanism, matter, now, self._terms(), because)
        if isinstance(recounted, Matter):
            return recounted
        with tracing.span(
            "recount", matter=matter.id, mechanism=mechanism.key, version=recounted.entry.version
        ):
            await self._matters.advance(recounted, await self._speech.events(mechanism, recounted))
        return None

    def _careful(self, mechanism: Mechanism, request: Request, step: str) -> tuple[Request, str]:
        """Return the request as it is remembered, and what tells it from another."""
        if self._sealing is None:
            return request, request.digest(step)
        return self._sealing.careful(request), self._sealing.digest(mechanism, request, step)

    async def _sealed(self, mechanism: Mechanism, matter: str, step: Step, act: Act) -> tuple[Act, Sealed]:
        if self._sealing is None:
            return act, NOTHING
        act, sealed = await self._sealing.seal(mechanism, matter, act)
        return act, replace(sealed, erases=True) if step.erases else sealed

    async def _ruled(
        self, mechanism: Mechanism, step: Step, matter: Matter | None, actor: Actor, request: Request
    ) -> None:
        if self._rule is not None:
            await self._rule(mechanism, step, matter, actor, request)

    async def _known(self, code: str) -> Unit:
        unit = await self._directory.find(code)
        if unit is None or not unit.active:
            raise Refused("unit-unknown", "the directory does not know the unit of this token")
        return unit

    async def _act(
        self, step_key: str, actor: Actor, request: Request, wanted: str, bound: Mapping[str, str]
    ) -> Act:
        now = _milliseconds(self._clock.now())
        return Act(
            step=step_key,
            unit=actor.unit,
            person=actor.person,
            posts=actor.posts,
            acted_at=_milliseconds(request.acted_at) if request.acted_at else now,
            recorded_at=now,
            key=request.key,
            digest=wanted,
            form=request.form,
            papers=await self._found(actor.unit, request.papers),
            parties=bound,
            automatic=actor.automatic,
        )

    async def _found(self, unit: str, asked: Mapping[str, Sequence[str]]) -> dict[str, tuple[PaperRef, ...]]:
        ids = list(dict.fromkeys(each for given in asked.values() for each in given))
        found = {paper.id: paper for paper in await self._papers.find(ids, unit)} if ids else {}
        unknown = [
            f"papers.{key}.{i}"
            for key, given in asked.items()
            for i, each in enumerate(given)
            if each not in found
        ]
        if unknown:
            raise Refused("paper-unknown", "your unit has sent in no such paper", fields=unknown)
        return {
            key: tuple(PaperRef(found[each].id, found[each].sha256) for each in given)
            for key, given in asked.items()
            if given
        }

    async def _bound(
        self,
        mechanism: Mechanism,
        step: Step,
        request: Request,
        within: tuple[str, ...],
        matter: Matter | None,
        opener: str | None = None,
    ) -> dict[str, str]:
        """Return the unit for each party the step binds; at the opening, also for those filled by division."""
        bound: dict[str, str] = {}
        answers = {**(matter.fields() if matter else {}), **request.form}
        for party in step.binds:
            code = request.parties.get(party.key)
            if code is not None:
                fitting = await self._fitting(party, code, answers)
                _check_place(party, fitting, within[0], answers)
                if matter is not None:
                    _check_rebinding(step, party, code, matter.parties.get(party.key))
                bound[party.key] = code
        if step in mechanism.openings:
            for party in mechanism.parties:
                if party.by_division and party.key not in (*bound, opener):
                    unit = await self._directory.nearest(party.kinds, within)
                    if unit is None:
                        detail = f"the directory knows no {party.key} for this division"
                        raise Refused("unit-unknown", detail, fields=["division"])
                    bound[party.key] = unit.code
        return bound

    async def _fitting(self, party: Party, code: str, answers: Mapping[str, Any]) -> Unit:
        where = [f"parties.{party.key}"]
        unit = await self._directory.find(code)
        if unit is None or not unit.active:
            raise Refused("unit-unknown", "the directory knows no such unit", fields=where)
        kinds = party.kinds
        if party.fits is not None:
            kinds = party.fits.kinds.get(str(answers.get(party.fits.field)), kinds)
        if unit.kind not in kinds:
            raise Refused("unit-wrong-kind", f"{party.key} must be {' or '.join(kinds)}", fields=where)
        return unit

    async def _copied(self, step: Step, request: Request) -> None:
        """Check the further units that the step names to be told."""
        for place, code in enumerate((request.form.get(step.copies) or ()) if step.copies else ()):
            copied = await self._directory.find(code)
            if copied is None or not copied.active:
                where = [f"form.{step.copies}.{place}"]
                raise Refused("unit-unknown", "the directory knows no such unit", fields=where)


def _check_place(party: Party, unit: Unit, division: str, answers: Mapping[str, Any]) -> None:
    near = party.near
    if near is not None and unit.division != division and not answers.get(near.unless):
        raise Refused("unit-elsewhere", near.otherwise, fields=[f"parties.{party.key}"])


def _check_rebinding(step: Step, party: Party, code: str, present: str | None) -> None:
    """A party hands over to another unit by a step of its own; other steps name the one that is bound."""
    where = [f"parties.{party.key}"]
    own = party in step.parties
    if own and present == code:
        raise Refused("unit-unchanged", f"this unit is the {party.key} already", fields=where)
    if not own and present not in (None, code):
        raise Refused("unit-bound", f"another unit is the {party.key} already", fields=where)


@contextmanager
def _no_twin() -> Iterator[None]:
    try:
        yield
    except Twin as twin:
        raise Refused("already-open", f"matter {twin.matter} is about the same and not over") from None


def _place(matter: str, opener: Party, unit: Unit, request: Request, now: datetime) -> Whereabouts:
    division = request.division or unit.division
    if not divisions.live(division, now.astimezone(SHANGHAI).date()):
        raise Refused("division-unknown", "there is no such division today", fields=["division"])
    return Whereabouts(
        id=matter,
        opener=opener.key,
        division=division,
        divisions=(division, *divisions.ancestors(division)),
        correlation=request.correlation or matter,
        links=tuple(Link(rel, other, unit.code) for rel, other in request.links),
    )


def _repeated(matter: Matter, unit: str, key: str, wanted: str) -> Entry | None:
    for entry in matter.history:
        if entry.key == key and entry.unit == unit:
            if entry.digest != wanted:
                raise _other_request()
            return entry
    return None


def _other_request() -> Refused:
    return Refused("idempotency-key-reused", "this Idempotency-Key was used for another request")


def _milliseconds(moment: datetime) -> datetime:
    """Return the moment as it is stored: UTC, to the millisecond."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
