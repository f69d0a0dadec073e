"""The routes of one mechanism, derived from its declaration: typed per step, with the law in their text."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from shared.http import paging
from shared.http.headers import IdempotencyKey, IfMatch, etag, precondition_failed
from shared.http.paging import CursorText, Limit, Page
from shared.http.problems import FieldError, Problem, not_found
from shared.identity import Caller, Identity
from shared.matters import views
from shared.matters.bodies import (
    CorrectionBody,
    WordlessCorrectionBody,
    body_of,
    correction_of,
    request_of,
)
from shared.matters.calendars import Calendars
from shared.matters.commands import Clock, Commands
from shared.matters.passports import Passport, passport
from shared.matters.requests import Absent, Actor, Stale
from shared.matters.store import Matters, oversees
from shared.matters.store import Query as MatterQuery
from shared.mechanism.chain import verify
from shared.mechanism.describe import citation, length_text
from shared.mechanism.grammar import Mechanism, Step
from shared.mechanism.matter import Matter
from shared.mechanism.permit import Refused
from shared.mechanism.reckoning import Terms
from shared.mechanism.sight import known_parties, shown
from shared.papers import CONTENT, Papers

UnitFilter = Annotated[str | None, Query(pattern=r"^[A-Z0-9-]{2,32}$")]
DivisionFilter = Annotated[str | None, Query(pattern=r"^[0-9]{6}$")]
Moment = Annotated[AwareDatetime | None, Query()]

_STATUS = {
    "step-not-open": 409,
    "matter-full": 409,
    "matter-busy": 409,
    "already-open": 409,
    "not-your-step": 403,
    "post-required": 403,
    "not-granted": 403,
    "second-officer-needed": 403,
    "grant-over": 409,
    "secrets-erased": 409,
}
_TITLES = {
    403: "This is not yours to do",
    409: "The step is not possible now",
    422: "Some fields are missing or wrong",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes are built over."""

    commands: Commands
    matters: Matters
    identity: Identity
    clock: Clock
    papers: Papers
    calendars: Calendars
    terms: Callable[[], Terms]


def build_router(mechanism: Mechanism, parts: Parts) -> APIRouter:
    """Return the routes of a mechanism."""
    router = APIRouter(tags=[mechanism.key])
    for step in mechanism.openings:
        _add_opening(router, mechanism, step, parts)
    for step in mechanism.steps:
        _add_step(router, mechanism, step, parts)
    _add_correction(router, mechanism, parts)
    _add_list(router, mechanism, parts)
    _add_reading(router, mechanism, parts)
    return router


def _add_opening(router: APIRouter, mechanism: Mechanism, step: Step, parts: Parts) -> None:
    usual = step is mechanism.opening
    body_model = body_of(mechanism, step)
    writes = Depends(parts.identity.requires("matters:write"))

    async def open_matter(
        body: body_model,  # type: ignore[valid-type]
        key: IdempotencyKey,
        response: Response,
        caller: Caller = writes,
    ) -> views.Receipt:
        request = request_of(body, key)
        matter, entry = await allowed(parts.commands.open_matter(mechanism, actor_of(caller), request, step))
        response.headers["Location"] = f"/v1/{mechanism.path}/{matter}"
        response.headers["ETag"] = etag(entry.version)
        return views.receipt(mechanism, matter, entry)

    router.add_api_route(
        f"/v1/{mechanism.path}" if usual else f"/v1/{mechanism.path}/openings/{step.key}",
        open_matter,
        methods=["POST"],
        status_code=201,
        name=f"{mechanism.key}_{step.key}",
        summary=step.title,
        description=_text(mechanism, step),
        responses={201: {"headers": {**_header("Location"), **_header("ETag")}}},
    )


def _add_step(router: APIRouter, mechanism: Mechanism, step: Step, parts: Parts) -> None:
    body_model = body_of(mechanism, step)
    writes = Depends(parts.identity.requires("matters:write"))

    async def take_step(
        matter: UUID,
        body: body_model,  # type: ignore[valid-type]
        key: IdempotencyKey,
        seen: IfMatch,
        response: Response,
        caller: Caller = writes,
    ) -> views.Receipt:
        request = request_of(body, key)
        entry = await allowed(
            parts.commands.take_step(mechanism, str(matter), step.key, actor_of(caller), request, seen)
        )
        response.headers["ETag"] = etag(entry.version)
        return views.receipt(mechanism, str(matter), entry)

    router.add_api_route(
        f"/v1/{mechanism.path}/{{matter}}/steps/{step.key}",
        take_step,
        methods=["POST"],
        name=f"{mechanism.key}_{step.key}",
        summary=step.title,
        description=_text(mechanism, step),
        responses={200: {"headers": _header("ETag")}},
    )


def _add_correction(router: APIRouter, mechanism: Mechanism, parts: Parts) -> None:
    writes = Depends(parts.identity.requires("matters:write"))
    body_model = WordlessCorrectionBody if parts.papers.sealed else CorrectionBody

    @router.post(
        f"/v1/{mechanism.path}/{{matter}}/corrections",
        name=f"{mechanism.key}_correct",
        summary="更正行为日期",
        responses={200: {"headers": _header("ETag")}},
    )
    async def correct(
        matter: UUID,
        body: body_model,  # type: ignore[valid-type]
        key: IdempotencyKey,
        seen: IfMatch,
        response: Response,
        caller: Caller = writes,
    ) -> views.Receipt:
        """Correct when a step was done (for a service: the date on the receipt), by the unit that recorded it.

        Every clock that the step started or ended is counted again, the change is written into the history with its
        reason, and the units whose deadlines move are told once.
        """
        command = parts.commands.correct(
            mechanism,
            str(matter),
            body.entry,  # type: ignore[attr-defined]
            actor_of(caller),
            correction_of(body, key),
            seen,
        )
        entry = await allowed(command)
        response.headers["ETag"] = etag(entry.version)
        return views.receipt(mechanism, str(matter), entry)


def _add_list(router: APIRouter, mechanism: Mechanism, parts: Parts) -> None:
    base = f"/v1/{mechanism.path}"
    reads = Depends(parts.identity.requires("matters:read"))
    # FastAPI reads the type at run time: the states of this very mechanism.
    states: Any = Literal[tuple(state.key for state in mechanism.states)]

    @router.get(base, name=f"{mechanism.key}_list", summary=f"{mechanism.title}: list")
    async def list_matters(
        request: HttpRequest,
        response: Response,
        state: Annotated[states | None, Query()] = None,
        party: UnitFilter = None,
        division: DivisionFilter = None,
        overdue: bool | None = None,
        due_before: Moment = None,
        updated_since: Moment = None,
        correlation: UUID | None = None,
        linked_to: UUID | None = None,
        cursor: CursorText = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        caller: Caller = reads,
    ) -> Page[views.Summary]:
        """The matters your unit may see.

        `party`: a unit that is or was a party; `division`: it or one below it; `correlation`: all that has the same
        first cause; `linked_to`: what was made of that matter.
        """
        query = MatterQuery(
            state,
            party,
            division,
            overdue,
            due_before,
            updated_since,
            str(correlation) if correlation else None,
            str(linked_to) if linked_to else None,
        )
        reader = await allowed(parts.commands.reader(caller.unit))
        field, _ = query.order
        asked = {"mechanism": mechanism.key, "unit": caller.unit, "query": str(query)}
        after = paging.decode(cursor, asked, 2) if cursor is not None else ()
        now = parts.clock.now()
        found = await parts.matters.summaries(mechanism, query, reader, now=now, after=after, limit=limit + 1)
        shown = found[:limit]
        following = None
        if len(found) > limit:
            last = shown[-1]
            following = paging.encode([last[field], last["_id"]], asked)
        response.headers.update(paging.link_next(request, following))
        items = [
            views.summary(
                mechanism,
                each,
                each["parties"]
                if oversees(mechanism, reader)
                else known_parties(mechanism, each["parties"], reader.unit),
                now,
            )
            for each in shown
        ]
        return Page(items=items, next=following)


def _add_reading(router: APIRouter, mechanism: Mechanism, parts: Parts) -> None:
    base = f"/v1/{mechanism.path}"
    reads = Depends(parts.identity.requires("matters:read"))

    async def seen_whole(caller: Caller, matter_id: UUID) -> tuple[Matter, Matter]:
        """Return the matter, and what the caller's unit is shown of it."""
        reader = await allowed(parts.commands.reader(caller.unit))
        matter = await parts.matters.find(mechanism, str(matter_id), reader)
        if matter is None:
            raise not_found()
        return matter, matter if oversees(mechanism, reader) else shown(mechanism, matter, reader.unit)

    async def seen_by(caller: Caller, matter_id: UUID) -> Matter:
        return (await seen_whole(caller, matter_id))[1]

    @router.get(f"{base}/{{matter}}", name=f"{mechanism.key}_read", summary=f"{mechanism.title}: read one")
    async def read_matter(matter: UUID, response: Response, caller: Caller = reads) -> views.MatterView:
        """One matter, with what your unit may do next and by when."""
        whole, found = await seen_whole(caller, matter)
        response.headers["ETag"] = etag(whole.version)
        return views.matter_view(mechanism, whole, found, caller.unit, parts.clock.now())

    @router.get(f"{base}/{{matter}}/clocks", name=f"{mechanism.key}_clocks", summary="期限")
    async def read_clocks(matter: UUID, caller: Caller = reads) -> list[Passport]:
        """The passport of every clock of the matter, running or past: by which law, from which proof, day by day."""
        found = await seen_by(caller, matter)
        now = parts.clock.now()
        passports = []
        for run in found.clocks:
            counted_by = await parts.calendars.edition(run.calendar) if run.calendar else None
            terms = replace(parts.terms(), calendar=counted_by) if counted_by else parts.terms()
            passports.append(passport(mechanism, found, run, terms, now))
        return passports

    @router.get(f"{base}/{{matter}}/history", name=f"{mechanism.key}_history", summary="办理历史")
    async def read_history(matter: UUID, caller: Caller = reads) -> views.History:
        """Every step with its form, its papers' digests and its place in the hash chain."""
        return views.history(await seen_by(caller, matter))

    @router.get(f"{base}/{{matter}}/history/verify", name=f"{mechanism.key}_verify", summary="核验历史")
    async def verify_history(matter: UUID, caller: Caller = reads) -> views.Verification:
        """Whether the history is what was recorded; if not, the first entry that does not fit."""
        found, _ = await seen_whole(caller, matter)
        misfit = verify(found.id, found.history)
        shown = views.MisfitView(version=misfit.version, reason=misfit.reason) if misfit else None
        return views.Verification(
            matter=found.id, entries=len(found.history), intact=misfit is None, misfit=shown
        )

    if mechanism.secrets:
        return  # its papers are read like its secrets: for a purpose, and written down

    @router.get(
        f"{base}/{{matter}}/papers/{{paper}}",
        name=f"{mechanism.key}_paper",
        summary="材料",
        response_class=StreamingResponse,
        responses={200: {"content": CONTENT}},
    )
    async def read_paper(matter: UUID, paper: UUID, caller: Caller = reads) -> StreamingResponse:
        """A paper of the matter, for everybody who may see the matter."""
        found = await seen_by(caller, matter)
        used = {ref.id for entry in found.history for refs in entry.papers.values() for ref in refs}
        stored = await parts.papers.get(str(paper)) if str(paper) in used else None
        if stored is None:
            raise not_found()
        return await parts.papers.download(stored)


def actor_of(caller: Caller) -> Actor:
    """Return the caller as who acts."""
    return Actor(caller.unit, caller.person, caller.posts)


async def allowed(work: Awaitable[T]) -> T:
    """Return what the command returns; its refusals become problems."""
    try:
        return await work
    except Absent:
        raise not_found() from None
    except Stale as stale:
        raise precondition_failed(stale.version) from None
    except Refused as refused:
        raise _problem(refused) from None


def _problem(refused: Refused) -> Problem:
    # A caller whose own unit is unknown may do nothing; a named unit that is unknown is a wrong field.
    status = 403 if refused.code == "unit-unknown" and not refused.fields else _STATUS.get(refused.code, 422)
    extra: dict[str, Any] = {}
    if refused.state is not None:
        extra["state"] = refused.state
    if refused.code == "step-not-open":
        extra["open"] = [{"step": each.step, "by": list(each.by)} for each in refused.open]
    errors = [FieldError(field=name, code=refused.code, message=refused.detail) for name in refused.fields]
    return Problem(status, refused.code, _TITLES[status], detail=refused.detail, errors=errors, extra=extra)


def _header(name: str) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}}}


def _text(mechanism: Mechanism, step: Step) -> str:
    """Return what the OpenAPI says of a step: who, when, the law, and the clocks it starts and meets."""
    who = " or ".join(f"{party.title} (`{party.key}`)" for party in step.parties)
    lines = [f"**{step.title}**, by {who}" + (f", reserved to the `{step.post}`." if step.post else ".")]
    if step.source:
        lines.append("Open in: " + ", ".join(f"`{state}`" for state in mechanism.sources_of(step)) + ".")
    lines.append(f"Law: {citation(step.cite)}.")
    for clock in mechanism.clocks:
        starts = step.key in clock.after or (step.to in clock.during)
        meets = step.key in clock.met_by or (
            not clock.met_by and bool(set(mechanism.sources_of(step)) & set(clock.during)) and not starts
        )
        if starts or meets:
            verb = "Starts" if starts else "Meets"
            lines.append(
                f"{verb} the {clock.kind.value} `{clock.key}` ({clock.title}, {length_text(clock.length)};"
                f" {citation(clock.cite)})."
            )
    return "\n\n".join(lines)
