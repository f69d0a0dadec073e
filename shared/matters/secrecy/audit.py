"""The log of readings, for who audits: pages, the check of its chain, and the workbook of a year."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from openpyxl import Workbook
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import StreamingResponse

from shared.clocks.calendar import SHANGHAI
from shared.http import paging
from shared.http.paging import CursorText, Limit, Page
from shared.identity import Caller, Identity
from shared.matters.commands import Commands
from shared.matters.routes import allowed
from shared.matters.secrecy.accesses import Accesses, Logged

SCOPE: Final = "accesses:read"
_AT_ONCE: Final = 10_000
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_IN_MEMORY: Final = 8 * 1024 * 1024
_PIECE: Final = 256 * 1024
_COLUMNS: Final = (
    "序号", "时间", "单位", "人员", "角色", "事项类别", "事项", "对象", "字段", "年龄类别", "目的", "处理依据", "结果",
    "紧急查阅", "批准人", "命中", "哈希",
)  # fmt: skip


class AccessView(BaseModel):
    """One reading, or attempt."""

    number: int
    at: datetime | None
    unit: str
    person: str
    party: str | None
    mechanism: str
    matter: str | None
    subject: str
    fields: list[str]
    age: str | None
    purpose: str
    basis: str | None
    outcome: str
    grant: str | None
    released_by: str | None
    hits: int | None
    previous: str
    hash: str


class AccessMisfit(BaseModel):
    number: int
    reason: str


class ChainCheck(BaseModel):
    """Whether the entries are what was written; `number` is the last that fits, from which a next check goes on."""

    number: int
    newest: int = Field(description="Number of the newest entry of all; 0 for none.")
    hash: str | None = Field(description="Its hash: note both, and a later cut shows.")
    intact: bool
    misfit: AccessMisfit | None


def build_router(accesses: Accesses, commands: Commands, identity: Identity) -> APIRouter:
    """Return `GET /v1/accesses` and what an audit needs beside it."""
    router = APIRouter(prefix="/v1/accesses", tags=["accesses"])
    audits = Depends(identity.requires(SCOPE))

    @router.get("", name="accesses_list", summary="查阅记录")
    async def list_accesses(
        request: Request,
        response: Response,
        matter: UUID | None = None,
        cursor: CursorText = None,
        limit: Limit = paging.DEFAULT_LIMIT,
        caller: Caller = audits,
    ) -> Page[AccessView]:
        """Who read what, for what, in matters of the division of your unit or below it, the newest first."""
        reader = await allowed(commands.reader(caller.unit))
        asked = {"accesses": str(matter), "unit": caller.unit}
        before = None
        if cursor is not None:
            (place,) = paging.decode(cursor, asked, 1)
            before = place if isinstance(place, int) else 0
        found = await accesses.page(
            reader.division, matter=str(matter) if matter else None, before=before, limit=limit + 1
        )
        shown = found[:limit]
        following = paging.encode([shown[-1].number], asked) if len(found) > limit else None
        response.headers.update(paging.link_next(request, following))
        return Page(items=list(map(_view, shown)), next=following)

    @router.get("/verification", name="accesses_verify", summary="核验查阅记录")
    async def verify_accesses(
        after: Annotated[int, Query(ge=0, lt=2**53)] = 0,
        kept: Annotated[str | None, Query(alias="hash", pattern=r"^[0-9a-f]{64}$")] = None,
        _caller: Caller = audits,
    ) -> ChainCheck:
        """Whether the log was changed: up to 10,000 entries behind number `after` are checked at once.

        `hash`: the one that entry `after` had when you noted it. Only with a note does it show that the log was cut
        short or written anew: note number and hash of the newest entry where the service cannot reach them.
        """
        number, misfit = await accesses.verify(after, _AT_ONCE, kept)
        last = await accesses.last()
        return ChainCheck(
            number=number,
            newest=last.number if last else 0,
            hash=last.hash if last else None,
            intact=misfit is None,
            misfit=AccessMisfit(number=misfit.number, reason=misfit.reason) if misfit else None,
        )

    @router.get(
        "/years/{year}",
        name="accesses_export",
        summary="年度查阅记录",
        response_class=StreamingResponse,
        responses={200: {"content": {_XLSX: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def export_accesses(
        year: Annotated[int, Field(ge=2000, le=2999)], caller: Caller = audits
    ) -> StreamingResponse:
        """The readings of a year for the yearly audit, by role, purpose and outcome and one by one (XLSX)."""
        reader = await allowed(commands.reader(caller.unit))
        since, until = (datetime(each, 1, 1, tzinfo=SHANGHAI) for each in (year, year + 1))
        book = Workbook(write_only=True)
        counts, rows = book.create_sheet("汇总"), book.create_sheet("明细")
        rows.append(_COLUMNS)
        tally: Counter[tuple[str, ...]] = Counter()
        async for logged in accesses.between(reader.division, since, until):
            access = logged.access
            tally[
                access.party or "", access.purpose, access.basis or "", access.age or "", access.outcome
            ] += 1
            rows.append(_row(logged))
        counts.append(("角色", "目的", "处理依据", "年龄类别", "结果", "次数"))
        for key, number in sorted(tally.items()):
            counts.append((*key, number))
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed with the answer
        await asyncio.to_thread(book.save, file)
        file.seek(0)

        async def content() -> AsyncIterator[bytes]:
            with file:
                while piece := await asyncio.to_thread(file.read, _PIECE):
                    yield piece

        headers = {"Content-Disposition": f'attachment; filename="accesses-{year}.xlsx"'}
        return StreamingResponse(content(), media_type=_XLSX, headers=headers)

    return router


def _view(logged: Logged) -> AccessView:
    access = logged.access
    return AccessView(
        number=logged.number,
        at=access.at,
        unit=access.unit,
        person=access.person,
        party=access.party,
        mechanism=access.mechanism,
        matter=access.matter,
        subject=access.subject,
        fields=list(access.fields),
        age=access.age,
        purpose=access.purpose,
        basis=access.basis,
        outcome=access.outcome,
        grant=access.grant,
        released_by=access.released_by,
        hits=access.hits,
        previous=logged.previous,
        hash=logged.hash,
    )


def _row(logged: Logged) -> tuple[str | int | None, ...]:
    access = logged.access
    return (
        logged.number,
        access.at.astimezone(SHANGHAI).isoformat(timespec="seconds") if access.at else None,
        access.unit,
        access.person,
        access.party,
        access.mechanism,
        access.matter,
        access.subject,
        ", ".join(access.fields),
        access.age,
        access.purpose,
        access.basis,
        access.outcome,
        access.grant,
        access.released_by,
        access.hits,
        logged.hash,
    )
