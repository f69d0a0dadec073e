"""Yearly assessments over HTTP: made, listed and read back."""

import datetime as dt
from typing import Final
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.suggestion.api.rectification import Rates, rates, reader_of
from services.suggestion.domain.assessment import Period
from services.suggestion.store.assessments import XLSX, Assessment, Assessments, TooMany
from shared.http import paging
from shared.http.headers import IdempotencyKey
from shared.http.paging import CursorText, Limit, Page
from shared.http.problems import FieldError, Problem, invalid, not_found
from shared.identity import Caller, Identity
from shared.matters.commands import Commands
from shared.matters.speech import NAMESPACE
from shared.mechanism.grammar import Form

_FIRST: Final = dt.date(2015, 1, 1)


class AssessmentBody(Form):
    """The last day that is looked at; with it, its year from 1 January."""

    cut_off: dt.date = Field(
        ge=_FIRST, description="A day that is over, in Asia/Shanghai.", examples=["2025-11-30"]
    )


class AssessedRates(Rates):
    withdrawn: int = Field(description="已撤回: listed in the file, and counted nowhere else.")


class FileView(BaseModel):
    """The workbook: 建议清单, 回复清单, 核实清单. The same bytes for ever."""

    href: str
    sha256: str
    size: int
    media_type: str


class AssessmentView(BaseModel):
    """The figures at the end of the cut-off day, by what was recorded until then."""

    id: str
    unit: str
    since: dt.date
    cut_off: dt.date
    made_at: dt.datetime
    figures: AssessedRates
    file: FileView


def build_router(assessments: Assessments, commands: Commands, identity: Identity) -> APIRouter:
    """Return the routes under `/v1/assessments`."""
    router = APIRouter(tags=["assessments"])
    _add_making(router, assessments, commands, identity)
    _add_reading(router, assessments, commands, identity)
    return router


def _add_making(router: APIRouter, assessments: Assessments, commands: Commands, identity: Identity) -> None:
    writes = Depends(identity.requires("matters:write"))

    @router.post(
        "/v1/assessments",
        status_code=201,
        name="assessment_make",
        summary="生成年度考核材料",
        responses={201: {"headers": {"Location": {"schema": {"type": "string"}}}}},
    )
    async def make_assessment(
        body: AssessmentBody, key: IdempotencyKey, response: Response, caller: Caller = writes
    ) -> AssessmentView:
        """Freeze what your procuratorate's suggestions of a year had come to at the end of a day that is over.

        All that were delivered from 1 January to that day, as they stood by what was recorded until its end; what is
        recorded later changes nothing, neither in the figures nor in the file.
        """
        reader = await reader_of(commands, caller)
        if reader.kind != "procuratorate":
            raise Problem(
                403,
                "not-your-step",
                "This is not yours to do",
                detail="assessments are made by a procuratorate",
            )
        period = Period(body.cut_off)
        assessment = str(uuid5(NAMESPACE, f"assessment/{reader.unit}/{key}"))
        made = await assessments.find(assessment)
        if made is None:
            if not assessments.over(period):
                message = "the day is not over in Asia/Shanghai"
                raise invalid(FieldError(field="cut_off", code="day-not-over", message=message))
            try:
                made = await assessments.make(assessment, reader.unit, period)
            except TooMany:
                raise _too_many(assessments.most) from None
        if made.cut_off != body.cut_off:
            raise Problem(
                422,
                "idempotency-key-reused",
                "Some fields are missing or wrong",
                detail="this Idempotency-Key was used for another request",
            )
        response.headers["Location"] = _href(made)
        return _view(made)


def _add_reading(router: APIRouter, assessments: Assessments, commands: Commands, identity: Identity) -> None:
    reads = Depends(identity.requires("matters:read"))

    async def own(assessment: UUID, caller: Caller) -> Assessment:
        reader = await reader_of(commands, caller)
        found = await assessments.find(str(assessment))
        if found is None or found.unit != reader.unit:
            raise not_found()
        return found

    @router.get("/v1/assessments", name="assessment_list", summary="年度考核材料: list")
    async def list_assessments(
        request: Request,
        response: Response,
        cursor: CursorText = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        caller: Caller = reads,
    ) -> Page[AssessmentView]:
        """Those that your own unit has made, the newest first."""
        reader = await reader_of(commands, caller)
        query = {"assessments": reader.unit}
        after = paging.decode(cursor, query, 2) if cursor is not None else ()
        found = await assessments.page(reader.unit, after, limit + 1)
        shown = found[:limit]
        following = paging.encode([shown[-1].made_at, shown[-1].id], query) if len(found) > limit else None
        response.headers.update(paging.link_next(request, following))
        return Page(items=list(map(_view, shown)), next=following)

    @router.get("/v1/assessments/{assessment}", name="assessment_read", summary="年度考核材料: read one")
    async def read_assessment(assessment: UUID, caller: Caller = reads) -> AssessmentView:
        """One that your own unit has made."""
        return _view(await own(assessment, caller))

    @router.get(
        "/v1/assessments/{assessment}/file",
        name="assessment_file",
        summary="年度考核材料: file",
        response_class=StreamingResponse,
        responses={200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def read_file(assessment: UUID, caller: Caller = reads) -> StreamingResponse:
        """The workbook, byte by byte as it was made."""
        found = await own(assessment, caller)
        paper = await assessments.papers.get(found.file.id)
        if paper is None:
            raise LookupError("the file of an assessment is missing")
        return await assessments.papers.download(paper)


def _too_many(most: int) -> Problem:
    return Problem(
        422,
        "assessment-too-large",
        "There are too many suggestions",
        detail=f"an assessment takes at most {most} suggestions",
        extra={"limit": most},
    )


def _href(assessment: Assessment) -> str:
    return f"/v1/assessments/{assessment.id}"


def _view(made: Assessment) -> AssessmentView:
    return AssessmentView(
        id=made.id,
        unit=made.unit,
        since=Period(made.cut_off).since,
        cut_off=made.cut_off,
        made_at=made.made_at,
        figures=AssessedRates(withdrawn=made.tally.withdrawn, **rates(made.tally.counts).model_dump()),
        file=FileView(
            href=f"{_href(made)}/file", sha256=made.file.sha256, size=made.file.size, media_type=XLSX
        ),
    )
