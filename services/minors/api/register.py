"""The register of vice-principals and its coverage of schools over HTTP; neither holds a name or a phone."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.minors.domain.register import Flag, Post, day_of, flags
from services.minors.domain.years import YearKind, year_of
from services.minors.store.coverage import Coverage, School
from services.minors.store.register import Asked, Register
from shared.clocks.calendar import Calendar
from shared.clocks.counting import Length, Rule, Unit, count
from shared.http import paging
from shared.http.paging import CursorText, Limit, Page
from shared.http.problems import Problem
from shared.identity import Caller, Identity
from shared.matters.commands import Clock, Commands
from shared.matters.store import Reader
from shared.mechanism.permit import Refused

_Unit = Annotated[str | None, Query(pattern=r"^[A-Z0-9-]{2,32}$")]
_Division = Annotated[str | None, Query(pattern=r"^[0-9]{6}$", description="It, or one below it.")]
_ONE_MONTH = Rule(Length(1, Unit.MONTHS))  # 52号, to be confirmed: a gap is filled within it


class CoverageRow(BaseModel):
    """One school, and how many serve there as far as the caller may know."""

    school: str
    division: str
    serving: int
    without_since: dt.datetime | None = Field(
        description="Since when it has nobody, or since it is known here."
    )
    overdue: bool = Field(description="It has had nobody for more than a month.")


class PostRow(BaseModel):
    """One person at one school. `hours`: class hours confirmed in the running year, by duty."""

    matter: str
    state: str
    school: str
    division: str
    sender: str
    sender_kind: str
    person_id: str
    second_school: bool
    starts_on: dt.date
    ends_on: dt.date
    term: int
    year: int
    hours: dict[str, int]
    unconfirmed_hours: int
    hours_short: bool = Field(description="Under four class hours of legal education in the running year.")
    assessed: bool = Field(description="Assessed for the running year.")
    why_ended: str | None
    flags: list[Flag]


async def reader_of(commands: Commands, caller: Caller) -> Reader:
    """Return as whom the caller reads; Problem 403 for a unit that the directory does not know."""
    try:
        return await commands.reader(caller.unit)
    except Refused as refused:
        raise Problem(403, refused.code, "This is not yours to do", detail=refused.detail) from None


def build_router(
    register: Register,
    coverage: Coverage,
    commands: Commands,
    identity: Identity,
    clock: Clock,
    calendar: Callable[[], Calendar],
) -> APIRouter:
    """Return `GET /v1/vice-principal-coverage` and `GET /v1/vice-principal-register`."""
    router = APIRouter(tags=["vice_principal"])
    _add_coverage(router, coverage, commands, identity, clock, calendar)
    _add_register(router, register, commands, identity, clock)
    return router


def _add_coverage(
    router: APIRouter,
    coverage: Coverage,
    commands: Commands,
    identity: Identity,
    clock: Clock,
    calendar: Callable[[], Calendar],
) -> None:
    reads = Depends(identity.requires("matters:read"))

    @router.get("/v1/vice-principal-coverage", name="vice_principal_coverage", summary="法治副校长配备情况")
    async def read_coverage(
        request: Request,
        response: Response,
        without: Annotated[bool | None, Query(description="true: schools where nobody serves.")] = None,
        division: _Division = None,
        cursor: CursorText = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        caller: Caller = reads,
    ) -> Page[CoverageRow]:
        """Every active school of the directory, by its code.

        Education authorities and procuratorates see the schools of their division and below, a school sees itself, an
        organ the schools to which it has sent somebody, and there those alone.
        """
        reader = await reader_of(commands, caller)
        query = {"coverage": [without, division], "unit": caller.unit}
        after = str(paging.decode(cursor, query, 1)[0]) if cursor is not None else ""
        found = await coverage.rows(reader, without=without, division=division, after=after, limit=limit + 1)
        shown = found[:limit]
        following = paging.encode([shown[-1].code], query) if len(found) > limit else None
        response.headers.update(paging.link_next(request, following))
        now = clock.now()
        return Page(items=[_school(each, now, calendar()) for each in shown], next=following)


def _add_register(
    router: APIRouter, register: Register, commands: Commands, identity: Identity, clock: Clock
) -> None:
    reads = Depends(identity.requires("matters:read"))

    @router.get("/v1/vice-principal-register", name="vice_principal_register", summary="法治副校长名册")
    async def read_register(
        request: Request,
        response: Response,
        school: _Unit = None,
        sender: _Unit = None,
        person: UUID | None = None,
        division: _Division = None,
        ends_before: dt.date | None = None,
        hours_short: bool | None = None,
        cursor: CursorText = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        caller: Caller = reads,
    ) -> Page[PostRow]:
        """Every post that has begun and that the caller may see; who it is is read from the post itself.

        By school; with `ends_before` by the end of the term, with `hours_short` by the last year with enough hours:
        these two show posts in office alone.
        """
        today = day_of(clock.now())
        asked = Asked(
            year=year_of(register.kind, today),
            school=school,
            sender=sender,
            person=str(person) if person else None,
            division=division,
            ends_before=ends_before,
            hours_short=hours_short,
        )
        reader = await reader_of(commands, caller)
        query = {"register": str(asked), "unit": caller.unit}
        after = paging.decode(cursor, query, 2) if cursor is not None else ()
        found = await register.rows(asked, reader, after=after, limit=limit + 1)
        shown = found[:limit]
        following = None
        if len(found) > limit:
            following = paging.encode([asked.sort_value(shown[-1]), shown[-1].matter], query)
        response.headers.update(paging.link_next(request, following))
        return Page(items=[_post(each, today, register.kind) for each in shown], next=following)


def _school(found: School, now: dt.datetime, calendar: Calendar) -> CoverageRow:
    since = found.without_since
    return CoverageRow(
        school=found.code,
        division=found.division,
        serving=found.serving,
        without_since=since,
        overdue=since is not None and count(_ONE_MONTH, since, calendar).at <= now,
    )


def _post(post: Post, today: dt.date, kind: YearKind) -> PostRow:
    year = year_of(kind, today)
    return PostRow(
        matter=post.matter,
        state=post.state,
        school=post.school,
        division=post.division,
        sender=post.sender,
        sender_kind=post.sender_kind,
        person_id=post.person,
        second_school=post.second_school,
        starts_on=post.starts_on,
        ends_on=post.ends_on,
        term=post.term,
        year=year,
        hours=dict(post.hours.get(year, {})),
        unconfirmed_hours=post.unconfirmed,
        hours_short=post.owed is not None and post.owed.met < year,
        assessed=year in post.assessed,
        why_ended=post.why,
        flags=list(flags(post, today, kind)),
    )
