"""The directory over HTTP: units, their import, and the divisions they lie in."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from services.notifier.commands.directory import Absent, Busy, Directory, Rejected, Stale, VersionNeeded
from services.notifier.domain import roster
from services.notifier.domain.roster import Outcome, Unreadable, Verdict
from services.notifier.domain.units import CODE, Fault, Unit, UnitKind
from services.notifier.store import Store
from services.notifier.store.units import Kept
from shared import divisions
from shared.clocks.calendar import SHANGHAI
from shared.http import paging
from shared.http.edge import BODY_LIMIT
from shared.http.headers import IfMatch, etag, precondition_failed, precondition_required
from shared.http.paging import CursorText, Limit, Page
from shared.http.problems import FieldError, Problem, invalid, not_found, unavailable
from shared.identity import Caller, Identity

_WRITES: Final = "directory:write"
_FILES: Final[dict[str, Any]] = {
    roster.CSV: {
        "schema": {"type": "string"},
        "example": "code,name,kind,division\nLY-1,示例单位,government,410300\n",
    },
    roster.XLSX: {"schema": {"type": "string", "format": "binary"}},
}

Code = Annotated[str, Path(pattern=CODE, description="单位代码", examples=["LY-GA-001"])]
DivisionFilter = Annotated[str | None, Query(pattern=r"^[0-9]{6}$")]


class UnitRecord(Unit):
    """A unit as the directory keeps it. Where it is reached is shown to itself and to who keeps the directory."""

    code: str
    version: int
    changed_at: dt.datetime


class RowReport(BaseModel):
    """What became of one line of the file (the heading is line 1)."""

    line: int
    code: str | None = Field(description="Null when the line has no readable unit code.")
    outcome: Outcome
    errors: list[FieldError]


class ImportReport(BaseModel):
    """What became of the file; with dry_run, what would become of it."""

    dry_run: bool
    created: int
    updated: int
    unchanged: int
    refused: int
    rows: list[RowReport]


class DivisionRecord(BaseModel):
    """One code of GB/T 2260 in one time of its life; `valid_to` is the first day on which it no longer held."""

    code: str
    name: str
    parent: str | None
    valid_from: dt.date | None
    valid_to: dt.date | None
    successor: str | None
    live: bool


class DivisionList(BaseModel):
    items: list[DivisionRecord]


def build_router(directory: Directory, store: Store, identity: Identity, import_limit: int) -> APIRouter:
    """Return the routes of /v1/units and /v1/divisions; `import_limit` in bytes."""
    router = APIRouter(tags=["directory"])
    reads, writes = Depends(identity.requires("directory:read")), Depends(identity.requires(_WRITES))
    _add_reading(router, store, reads)
    _add_writing(router, directory, writes)

    @router.post(
        "/v1/units/import",
        name="units_import",
        summary="Import a roster",
        openapi_extra={"requestBody": {"required": True, "content": _FILES}},
    )
    async def import_units(request: Request, dry_run: bool = False, _: Caller = writes) -> ImportReport:
        """Keep the sound rows of a CSV (UTF-8 or GB 18030) or XLSX, and report on each.

        A row is kept whole or not at all. A superior may stand further down. A column that is not in the file
        leaves what was there; an empty cell clears it. Headings: code, name, kind, division, uscc, superior,
        contact_points (`role:channel:address; …`), active; or their Chinese names.
        """
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared not in _FILES:
            raise Problem(415, "media-type-unsupported", "The body must be a CSV or an XLSX workbook")
        request.scope[BODY_LIMIT] = import_limit
        content = await request.body()
        try:
            rows = await asyncio.to_thread(roster.read, content, declared)
            verdicts = await directory.load(rows, dry=dry_run)
        except Unreadable as refusal:
            raise Problem(422, refusal.code, "The file cannot be taken", detail=str(refusal)) from None
        except Busy:
            raise _busy() from None
        return _report(verdicts, dry_run=dry_run)

    return router


def _add_reading(router: APIRouter, store: Store, reads: Any) -> None:
    @router.get("/v1/units", name="units_list", summary="List units")
    async def list_units(
        request: Request,
        response: Response,
        kind: UnitKind | None = None,
        division: DivisionFilter = None,
        active: bool | None = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        cursor: CursorText = None,
        caller: Caller = reads,
    ) -> Page[UnitRecord]:
        """Units in the order of their codes."""
        asked: dict[str, str | bool | None] = {"kind": kind, "division": division, "active": active}
        chosen = {name: value for name, value in asked.items() if value is not None}
        after = str(paging.decode(cursor, chosen, 1)[0]) if cursor else ""
        found = await store.units.page(chosen, after, limit + 1)
        more = paging.encode([found[limit - 1].code], chosen) if len(found) > limit else None
        response.headers.update(paging.link_next(request, more))
        return Page(items=[_record(kept, caller) for kept in found[:limit]], next=more)

    @router.get("/v1/units/{code}", name="units_read", summary="Read a unit")
    async def read_unit(code: Code, response: Response, caller: Caller = reads) -> UnitRecord:
        """One unit, active or not."""
        kept = await store.units.find(code)
        if kept is None:
            raise not_found()
        response.headers["ETag"] = etag(kept.version)
        return _record(kept, caller)

    @router.get("/v1/divisions", name="divisions_list", summary="List divisions")
    async def list_divisions(live: bool | None = None, _: Caller = reads) -> DivisionList:
        """The register of administrative divisions (GB/T 2260), abolished codes with their successors included."""
        today = store.clock.now().astimezone(SHANGHAI).date()
        every = (
            DivisionRecord(
                code=each.code,
                name=each.name,
                parent=each.parent,
                valid_from=each.valid_from,
                valid_to=each.valid_to,
                successor=each.successor,
                live=each.holds(today),
            )
            for each in divisions.every()
        )
        return DivisionList(items=[each for each in every if live is None or each.live is live])


def _add_writing(router: APIRouter, directory: Directory, writes: Any) -> None:
    @router.put(
        "/v1/units/{code}",
        name="units_put",
        summary="Create or replace a unit",
        responses={201: {"model": UnitRecord, "description": "Created"}},
    )
    async def put_unit(
        code: Code, unit: Unit, version: IfMatch, response: Response, caller: Caller = writes
    ) -> UnitRecord:
        """Keep the whole record. Replacing one needs If-Match with the version that was read."""
        try:
            kept, new = await directory.put(code, unit, version)
        except Rejected as refusal:
            raise invalid(*map(_error, refusal.faults)) from None
        except (VersionNeeded, Stale, Busy) as refusal:
            raise _conflict(refusal) from None
        response.status_code = 201 if new else 200
        response.headers["ETag"] = etag(kept.version)
        if new:
            response.headers["Location"] = f"/v1/units/{code}"
        return _record(kept, caller)

    @router.delete("/v1/units/{code}", name="units_retire", summary="Retire a unit", status_code=204)
    async def retire_unit(code: Code, version: IfMatch, _: Caller = writes) -> None:
        """Mark the unit inactive. Its record stays, since matters name it. Needs If-Match."""
        try:
            await directory.retire(code, version)
        except Absent:
            raise not_found() from None
        except (VersionNeeded, Stale, Busy) as refusal:
            raise _conflict(refusal) from None


def _conflict(refusal: VersionNeeded | Stale | Busy) -> Problem:
    match refusal:
        case VersionNeeded():
            return precondition_required()
        case Stale():
            return precondition_failed(refusal.version)
        case Busy():
            return _busy()


def _busy() -> Problem:
    return unavailable("directory-busy", "Somebody else is changing the directory")


def _error(fault: Fault) -> FieldError:
    return FieldError(field=fault.field, code=fault.code, message=fault.message)


def _record(kept: Kept, caller: Caller) -> UnitRecord:
    record = kept.unit.model_dump()
    if caller.unit != kept.code and _WRITES not in caller.scopes:
        record["contact_points"] = ()
    return UnitRecord(code=kept.code, version=kept.version, changed_at=kept.changed_at, **record)


def _report(verdicts: Sequence[Verdict], *, dry_run: bool) -> ImportReport:
    rows = [
        RowReport(line=v.line, code=v.code, outcome=v.outcome, errors=list(map(_error, v.faults)))
        for v in verdicts
    ]
    counts = {each.value: sum(row.outcome is each for row in rows) for each in Outcome}
    return ImportReport(dry_run=dry_run, rows=rows, **counts)
