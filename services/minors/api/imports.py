"""Imports of older registers over HTTP: handed in, followed, and reported on row by row."""

import asyncio
import datetime as dt
import hashlib
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.minors.api.register import reader_of
from services.minors.domain.report import Outcome, Result, workbook
from services.minors.domain.sheet import COLUMNS, NEEDED, XLSX, Unreadable, read
from services.minors.store.imports import Imports, Job
from shared.http import paging
from shared.http.edge import BODY_LIMIT
from shared.http.headers import IdempotencyKey
from shared.http.paging import CursorText, Limit, Page
from shared.http.problems import FieldError, Problem, not_found, unavailable
from shared.identity import Caller, Identity
from shared.matters.commands import Commands
from shared.matters.speech import NAMESPACE
from shared.vault import Away

_PATH: Final = "/v1/vice-principal-imports"
_FILE: Final[dict[str, Any]] = {XLSX: {"schema": {"type": "string", "format": "binary"}}}
_COLUMNS: Final = "; ".join(
    f"{title} (`{name}`{', needed' if name in NEEDED else ''})" for title, name in COLUMNS.items()
)


class ImportView(BaseModel):
    """An import and how far it is. With dry_run nothing is registered, and `created` is what would be."""

    id: str
    state: str = Field(description="receiving, waiting, finishing or done")
    dry_run: bool
    rows: int
    created: int
    unchanged: int
    refused: int
    created_at: dt.datetime
    finished_at: dt.datetime | None


class RowView(BaseModel):
    """What became of one line of the file (the heading is line 1)."""

    line: int
    outcome: Outcome
    matter: str | None
    errors: list[FieldError]


def build_router(imports: Imports, commands: Commands, identity: Identity, limit: int) -> APIRouter:
    """Return the routes under `/v1/vice-principal-imports`; `limit` in bytes."""
    router = APIRouter(tags=["vice_principal"])
    _add_receiving(router, imports, commands, identity, limit)
    _add_reading(router, imports, commands, identity)
    return router


def _add_receiving(
    router: APIRouter, imports: Imports, commands: Commands, identity: Identity, limit: int
) -> None:
    writes = Depends(identity.requires("matters:write"))

    @router.post(
        _PATH,
        status_code=202,
        name="vice_principal_import",
        summary="导入既有名册",
        description="Take over posts that began before this register did: the first sheet of an XLSX workbook, a post "
        "in each row, carried out by the worker. A row is registered whole or not at all; the same file given again "
        f"changes nothing. Columns: {_COLUMNS}.",
        openapi_extra={"requestBody": {"required": True, "content": _FILE}},
        responses={202: {"headers": {"Location": {"schema": {"type": "string"}}}}},
    )
    async def receive_import(
        request: Request,
        response: Response,
        key: IdempotencyKey,
        dry_run: Annotated[bool, Query(description="Only say what would become of the rows.")] = False,
        caller: Caller = writes,
    ) -> ImportView:
        reader = await reader_of(commands, caller)
        if reader.kind != "education_authority":
            detail = "an existing register is taken over by an education authority"
            raise Problem(403, "not-your-step", "This is not yours to do", detail=detail)
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != XLSX:
            raise Problem(415, "media-type-unsupported", "The body must be an XLSX workbook")
        request.scope[BODY_LIMIT] = limit
        content = await request.body()
        digest = hashlib.sha256(content + bytes([dry_run])).hexdigest()
        job_id = str(uuid5(NAMESPACE, f"vice-principal-import/{reader.unit}/{key}"))
        job = await imports.find(job_id)
        if job is None:
            try:
                rows = await asyncio.to_thread(read, content)
                job = await imports.receive(job_id, reader.unit, caller.person, digest, rows, dry_run=dry_run)
            except Unreadable as refusal:
                raise Problem(422, refusal.code, "The file cannot be taken", detail=str(refusal)) from None
            except Away:
                raise unavailable("keys-unavailable", "The keys to seal it with cannot be reached") from None
        if job.digest != digest:
            detail = "this Idempotency-Key was used for another request"
            raise Problem(422, "idempotency-key-reused", "Some fields are missing or wrong", detail=detail)
        response.headers["Location"] = f"{_PATH}/{job.id}"
        return await _view(imports, job)


def _add_reading(router: APIRouter, imports: Imports, commands: Commands, identity: Identity) -> None:
    reads = Depends(identity.requires("matters:read"))

    async def own(job_id: UUID, caller: Caller) -> Job:
        reader = await reader_of(commands, caller)
        found = await imports.find(str(job_id))
        if found is None or found.unit != reader.unit:
            raise not_found()
        return found

    @router.get(f"{_PATH}/{{job}}", name="vice_principal_import_read", summary="名册导入进度")
    async def read_import(job: UUID, caller: Caller = reads) -> ImportView:
        """How far an import of your own unit is."""
        return await _view(imports, await own(job, caller))

    @router.get(f"{_PATH}/{{job}}/rows", name="vice_principal_import_rows", summary="名册导入结果: rows")
    async def read_rows(
        request: Request,
        response: Response,
        job: UUID,
        cursor: CursorText = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        caller: Caller = reads,
    ) -> Page[RowView]:
        """What became of each row, in the order of the file, as far as the worker has come."""
        found = await own(job, caller)
        query = {"import": found.id}
        (after,) = paging.decode(cursor, query, 1) if cursor is not None else (0,)
        if not isinstance(after, int) or not 0 <= after <= found.rows:
            raise Problem(400, "cursor-malformed", "The cursor is not one of ours")
        results = await imports.results(found.id, after, limit + 1)
        following = paging.encode([after + limit], query) if len(results) > limit else None
        response.headers.update(paging.link_next(request, following))
        return Page(items=list(map(_row, results[:limit])), next=following)

    @router.get(
        f"{_PATH}/{{job}}/report",
        name="vice_principal_import_report",
        summary="名册导入结果: file",
        response_class=Response,
        responses={200: {"content": _FILE}},
    )
    async def read_report(job: UUID, caller: Caller = reads) -> Response:
        """The same as a workbook, once the import is done."""
        found = await own(job, caller)
        if found.state != "done":
            raise Problem(409, "import-not-done", "The import is still being carried out")
        results = [each async for each in imports.every_result(found.id)]
        content = await asyncio.to_thread(workbook, results)
        name = f'attachment; filename="{found.id}.xlsx"'
        return Response(content, media_type=XLSX, headers={"Content-Disposition": name})


async def _view(imports: Imports, job: Job) -> ImportView:
    counts = await imports.counts(job.id)
    return ImportView(
        id=job.id,
        state=job.state,
        dry_run=job.dry_run,
        rows=job.rows,
        **{outcome.value: number for outcome, number in counts.items()},
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


def _row(result: Result) -> RowView:
    errors = [FieldError(field=each.field, code=each.code, message=each.message) for each in result.faults]
    return RowView(line=result.line, outcome=result.outcome, matter=result.matter, errors=errors)
