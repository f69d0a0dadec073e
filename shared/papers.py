"""Papers: documents a step needs, streamed into GridFS of the service's own database with their digest."""

import asyncio
import base64
import hashlib
import math
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import puremagic
from bson import Binary
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from shared.http.edge import BODY_LIMIT
from shared.http.problems import Problem, not_found, too_large
from shared.identity import Caller, Identity
from shared.mongo import Database, Document, Unavailable, guarded
from shared.vault import Vault

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_ZIP: Final = "application/zip"


@dataclass(frozen=True, slots=True)
class _Kind:
    suffix: str
    entry: bytes = b""  # the entry that tells this kind of ZIP archive from others


# What may be handed in, by its declared type.
KINDS: Final = {
    "application/pdf": _Kind("pdf"),
    "image/png": _Kind("png"),
    "image/jpeg": _Kind("jpg"),
    "image/tiff": _Kind("tiff"),
    _OFFICE + "wordprocessingml.document": _Kind("docx", b"word/document.xml"),
    _OFFICE + "spreadsheetml.sheet": _Kind("xlsx", b"xl/workbook.xml"),
    "application/ofd": _Kind("ofd", b"OFD.xml"),
    _ZIP: _Kind("zip", b"PK"),
}
_CHUNK: Final = 1024 * 1024
_ON_ITS_WAY: Final = 3.0  # seconds
_LONGEST_ENTRY: Final = max(len(kind.entry) for kind in KINDS.values())


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper as it was received: `size` in bytes, `sha256` in hex."""

    id: str
    unit: str
    sha256: str
    size: int
    media_type: str
    received_at: datetime


class Papers:
    """The papers of one service, in the form of GridFS: a file document and its chunks.

    A paper exists from the moment its file document is written, which comes last. The chunks are written
    here and not by the driver, whose writer holds 32 MB of each upload in memory.
    """

    def __init__(
        self, database: Database, *, now: Callable[[], datetime], limit: int, vault: Vault | None = None
    ) -> None:
        """`limit` is the greatest size of a paper in bytes; `now` the database server's clock.

        With a `vault` each paper is sealed under a key of its own.
        """
        self.limit = limit
        self.sealed = vault is not None
        self._vault = vault
        self._now = now
        self._files = database["fs.files"]
        self._chunks = database["fs.chunks"]
        self._tidying: set[asyncio.Task[None]] = set()

    async def ensure_indexes(self) -> None:
        """Make the index that GridFS prescribes."""
        async with guarded():
            await self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)

    async def store(self, stream: AsyncIterable[bytes], media_type: str, unit: str) -> Paper:
        """Keep what the stream brings; of a refused or broken upload nothing is left.

        Problem 413 over the limit, 415 for a type that is not taken or not what the content shows, 422 for
        nothing at all. Unavailable leaves chunks that no paper owns, should MongoDB not be back in seconds.
        """
        if media_type not in KINDS:
            raise _unsupported("The type of the paper is not taken", "media-type-unsupported")
        paper_id = str(uuid.uuid4())
        try:
            size, sha256 = await self._write(paper_id, stream, media_type)
            moment = self._now()
            received_at = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
            paper = Paper(paper_id, unit, sha256, size, media_type, received_at)
            async with guarded():
                await self._files.insert_one(_document(paper))
        except BaseException as error:
            away = isinstance(error, Unavailable)
            tidying = asyncio.create_task(self._forget(paper_id, again=away))
            self._tidying.add(tidying)
            tidying.add_done_callback(self._tidying.discard)
            if not away:  # that its caller shall hear at once
                await asyncio.shield(tidying)
            raise
        return paper

    async def find(self, ids: Iterable[str], unit: str) -> list[Paper]:
        """Give those of the papers that this unit handed in, in the order asked."""
        wanted = list(dict.fromkeys(ids))
        async with guarded():
            query = {"_id": {"$in": wanted}, "metadata.unit": unit}
            found = {each["_id"]: _paper(each) async for each in self._files.find(query)}
        return [found[each] for each in wanted if each in found]

    async def get(self, paper_id: str) -> Paper | None:
        """Give the paper, whoever handed it in: for who has already decided that it may be seen."""
        async with guarded():
            document = await self._files.find_one({"_id": paper_id})
        return _paper(document) if document else None

    async def open(self, paper: Paper) -> AsyncIterator[bytes]:
        """Read the content piece by piece."""
        for number in range(math.ceil(paper.size / _CHUNK)):
            async with guarded():
                chunk = await self._chunks.find_one({"files_id": paper.id, "n": number})
            if chunk is None:
                raise LookupError("a chunk of a paper is missing")
            if self._vault is None:
                yield bytes(chunk["data"])
            else:
                yield (await self._vault.open(paper.id, {"data": chunk["data"]}))["data"]

    async def download(self, paper: Paper) -> StreamingResponse:
        """Answer with the content, as a file to save and never to be shown or guessed at by a browser.

        Raises Destroyed or Away where the paper was sealed and cannot be opened.
        """
        content = self.open(paper)
        first = await anext(content)  # what cannot be opened is known before the answer begins

        async def whole() -> AsyncIterator[bytes]:
            yield first
            async for piece in content:
                yield piece

        digest = base64.b64encode(bytes.fromhex(paper.sha256)).decode()
        return StreamingResponse(
            whole(),
            media_type=paper.media_type,
            headers={
                "Content-Length": str(paper.size),
                "Content-Disposition": f'attachment; filename="{paper.id}.{KINDS[paper.media_type].suffix}"',
                "X-Content-Type-Options": "nosniff",
                "Repr-Digest": f"sha-256=:{digest}:",
            },
        )

    async def _write(self, paper_id: str, stream: AsyncIterable[bytes], media_type: str) -> tuple[int, str]:
        digest = hashlib.sha256()
        size, number, shows = 0, 0, False
        tail = b""
        async for chunk in _chunks(stream, self.limit):
            if number == 0:
                _check_head(chunk, media_type)
            shows = shows or KINDS[media_type].entry in tail + chunk
            tail = chunk[-_LONGEST_ENTRY:]
            digest.update(chunk)
            data: bytes = Binary(chunk)
            if self._vault is not None:
                data = (await self._vault.seal(paper_id, {"data": chunk}))["data"]
            async with guarded():
                await self._chunks.insert_one({"files_id": paper_id, "n": number, "data": data})
            size, number = size + len(chunk), number + 1
        if size == 0:
            raise Problem(422, "paper-empty", "The paper is empty")
        if not shows:
            raise _mismatch()
        return size, digest.hexdigest()

    async def _forget(self, paper_id: str, *, again: bool) -> None:
        """Remove what there is; `again`: and after a while what was still on its way to a server that was away."""
        for pause in (0.0, _ON_ITS_WAY) if again else (0.0,):
            await asyncio.sleep(pause)
            with suppress(Unavailable):
                async with guarded():
                    await self._files.delete_one({"_id": paper_id})
                    await self._chunks.delete_many({"files_id": paper_id})


async def _chunks(stream: AsyncIterable[bytes], limit: int) -> AsyncIterator[bytes]:
    """Cut the stream into chunks of one size; Problem 413 as soon as it is over the limit."""
    buffer = bytearray()
    size = 0
    async for piece in stream:
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        buffer += piece
        while len(buffer) >= _CHUNK:
            yield bytes(buffer[:_CHUNK])
            del buffer[:_CHUNK]
    if buffer:
        yield bytes(buffer)


def _check_head(head: bytes, media_type: str) -> None:
    try:
        shown = {match.mime_type for match in puremagic.magic_string(head)}
    except puremagic.PureError:
        shown = set()
    if (_ZIP if KINDS[media_type].entry else media_type) not in shown:
        raise _mismatch()


def _mismatch() -> Problem:
    return _unsupported("The content is not of the declared type", "media-type-mismatch")


def _unsupported(title: str, code: str) -> Problem:
    return Problem(415, code, title, extra={"accepted": list(KINDS)})


def _document(paper: Paper) -> Document:
    return {
        "_id": paper.id,
        "length": paper.size,
        "chunkSize": _CHUNK,
        "uploadDate": paper.received_at,
        "metadata": {"unit": paper.unit, "sha256": paper.sha256, "media_type": paper.media_type},
    }


def _paper(document: Document) -> Paper:
    metadata = document["metadata"]
    return Paper(
        document["_id"],
        metadata["unit"],
        metadata["sha256"],
        document["length"],
        metadata["media_type"],
        document["uploadDate"],
    )


class PaperRecord(BaseModel):
    """A paper that was received; a step names it by its id."""

    id: uuid.UUID
    sha256: str
    size: int
    media_type: str
    received_at: datetime


CONTENT: Final[dict[str, Any]] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS}


def build_router(papers: Papers, identity: Identity) -> APIRouter:
    """Give the routes by which a unit hands in papers and, where they are not sealed, reads back its own."""
    router = APIRouter(prefix="/v1/papers", tags=["papers"])
    Uploader = Annotated[Caller, Depends(identity.requires("papers:write"))]  # noqa: N806  # a type

    @router.post("", status_code=201, openapi_extra={"requestBody": {"required": True, "content": CONTENT}})
    async def upload_paper(request: Request, response: Response, caller: Uploader) -> PaperRecord:
        """Hand in a paper: the body is the file itself, its Content-Type the file's own."""
        request.scope[BODY_LIMIT] = papers.limit
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        paper = await papers.store(request.stream(), declared, caller.unit)
        response.headers["Location"] = f"/v1/papers/{paper.id}"
        return PaperRecord.model_validate(paper, from_attributes=True)

    if papers.sealed:
        return router  # then it is read through its matter only, and each reading is written down

    @router.get("/{paper_id}", response_class=StreamingResponse, responses={200: {"content": CONTENT}})
    async def download_paper(paper_id: uuid.UUID, caller: Uploader) -> StreamingResponse:
        """Read back a paper that the caller's own unit handed in."""
        found = await papers.find([str(paper_id)], caller.unit)
        if not found:
            raise not_found()
        return await papers.download(found[0])

    return router
