"""Reply rate and verified rectification rate, counted apart: replied is never taken for rectified."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.suggestion.domain.standing import Counts
from services.suggestion.mechanisms.procuratorial_suggestion import Type
from services.suggestion.store.figures import Asked, By, Figures, Row
from shared.http import paging
from shared.http.paging import CursorText, Limit, Page
from shared.http.problems import Problem
from shared.identity import Caller, Identity
from shared.matters.commands import Commands
from shared.matters.store import Reader
from shared.mechanism.permit import Refused

_UnitFilter = Annotated[str | None, Query(pattern=r"^[A-Z0-9-]{2,32}$", description="Addressee.")]
_YearFilter = Annotated[int | None, Query(ge=2000, le=2999, description="Year of the first delivery.")]
_TypeFilter = Annotated[Type | None, Query(alias="type")]
_FieldFilter = Annotated[str | None, Query(min_length=1, max_length=200, description="领域, as proposed.")]
_DivisionFilter = Annotated[str | None, Query(pattern=r"^[0-9]{6}$", description="It, or one below it.")]


class Rates(BaseModel):
    """Counts of suggestions and of their points, and the two rates, from 0 to 1; null where there is nothing due."""

    delivered: int = Field(description="已送达: suggestions delivered and not withdrawn.")
    replied: int = Field(
        description="已回复: of these, how many have a written reply to the paper as last given."
    )
    replied_in_time: int = Field(description="按期回复: of these, how many came before the limit.")
    reply_rate: float | None = Field(
        description="回复率: replied / delivered; says nothing of rectification."
    )
    points: int = Field(description="整改事项: points of the papers as last given.")
    verified: int = Field(description="核实已整改: points that were verified and not reopened.")
    rectification_rate: float | None = Field(description="核实整改率: verified / points.")
    closed: int = Field(description="落实办结: suggestions closed and not opened again.")


class RectificationRow(Rates):
    key: str = Field(description="Code of the addressee, year, type or field, as asked by `by`.")


def rates(counts: Counts) -> Rates:
    """Return the counts with the rates that follow from them."""
    return Rates(
        delivered=counts.delivered,
        replied=counts.replied,
        replied_in_time=counts.replied_in_time,
        reply_rate=counts.replied / counts.delivered if counts.delivered else None,
        points=counts.points,
        verified=counts.verified,
        rectification_rate=counts.verified / counts.points if counts.points else None,
        closed=counts.closed,
    )


async def reader_of(commands: Commands, caller: Caller) -> Reader:
    """Return as whom the caller reads; Problem 403 for a unit that the directory does not know."""
    try:
        return await commands.reader(caller.unit)
    except Refused as refused:
        raise Problem(403, refused.code, "This is not yours to do", detail=refused.detail) from None


def build_router(figures: Figures, commands: Commands, identity: Identity) -> APIRouter:
    """Return `GET /v1/rectification`."""
    router = APIRouter(tags=["rectification"])
    reads = Depends(identity.requires("matters:read"))

    @router.get("/v1/rectification", name="rectification_read", summary="回复率和核实整改率")
    async def read_rectification(
        request: Request,
        response: Response,
        by: By,
        year: _YearFilter = None,
        unit: _UnitFilter = None,
        kind: _TypeFilter = None,
        field: _FieldFilter = None,
        division: _DivisionFilter = None,
        cursor: CursorText = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        caller: Caller = reads,
    ) -> Page[RectificationRow]:
        """How many suggestions were replied to and, apart from that, how many of their points were verified.

        In the order of the key, never of a rate: this is no ranking. Procuratorates see what they have issued and what
        was issued in their division; an addressee sees its own. The figures follow each step within seconds.
        """
        asked = Asked(by, year, unit, kind.value if kind else None, field, division)
        reader = await reader_of(commands, caller)
        query = {"rectification": str(asked), "unit": caller.unit}
        after = paging.decode(cursor, query, 1) if cursor is not None else ()
        found = await figures.rows(asked, reader, after=after, limit=limit + 1)
        shown = found[:limit]
        following = paging.encode([shown[-1].key], query) if len(found) > limit else None
        response.headers.update(paging.link_next(request, following))
        return Page(items=[_view(row) for row in shown], next=following)

    return router


def _view(row: Row) -> RectificationRow:
    return RectificationRow(key=str(row.key), **rates(row.counts).model_dump())
