"""A paper is kept whole with its digest or not at all, and its unit alone reads it back."""

import asyncio
import base64
import hashlib
import io
import uuid
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import openpyxl
import pytest
from motor.motor_asyncio import AsyncIOMotorGridFSBucket

from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.http.problems import Problem
from shared.http.ratelimit import RateLimiter
from shared.identity import Identity
from shared.mongo import Mongo, Unavailable, connect
from shared.papers import KINDS, Papers, build_router
from tests.shared.issuer import AUDIENCE, Issuer, running
from tests.shared.proxy import Proxy

MIB = 1024 * 1024
LIMIT = 4 * MIB
OFFICE = "application/vnd.openxmlformats-officedocument."
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 10240  # 2.5 MiB


def _archive(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "<xml/>" * 50)
    return packed.getvalue()


def _workbook() -> bytes:
    saved = io.BytesIO()
    openpyxl.Workbook().save(saved)
    return saved.getvalue()


SAMPLES = {
    "application/pdf": PDF,
    "image/png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50),
    "image/jpeg": b"\xff\xd8\xff\xe1\0\x10Exif\0\0" + bytes(50),
    "image/tiff": b"II*\0\x08\0\0\0" + bytes(50),
    OFFICE + "wordprocessingml.document": _archive("[Content_Types].xml", "word/document.xml"),
    OFFICE + "spreadsheetml.sheet": _workbook(),
    "application/ofd": _archive("OFD.xml", "Doc_0/Document.xml"),
    "application/zip": _archive("photos/1.jpg"),
}


@dataclass
class Archive:
    """The papers of a service, the database beneath, and a client of the service."""

    papers: Papers
    mongo: Mongo
    client: httpx.AsyncClient
    issuer: Issuer

    async def left(self) -> int:
        """Count what lies in GridFS."""
        files, chunks = self.mongo.database["fs.files"], self.mongo.database["fs.chunks"]
        return await files.count_documents({}) + await chunks.count_documents({})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running() as started:
        yield started


@pytest.fixture
async def archive(mongo_url: str, database: str, issuer: Issuer) -> AsyncIterator[Archive]:
    mongo = await connect(mongo_url, database)
    papers = Papers(mongo.database, now=mongo.clock.now, limit=LIMIT)
    await papers.ensure_indexes()
    identity = Identity(
        jwks_url=issuer.jwks_url, issuer=issuer.url, audience=AUDIENCE, limiter=RateLimiter("9999/second")
    )
    app = create_app(
        title="t",
        description="d",
        version="1",
        routers=[build_router(papers, identity)],
        readiness=Readiness({}),
        body_limit=1000,
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://s", headers=issuer.bearer()) as client:
        yield Archive(papers, mongo, client, issuer)
    await mongo.close()


async def _stream(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def _upload(archive: Archive, content: bytes, media_type: str) -> httpx.Response:
    headers = {"Content-Type": media_type}
    return await archive.client.post("/v1/papers", content=content, headers=headers)


async def test_a_paper_comes_back_as_it_was_with_its_digest(archive):
    answer = await _upload(archive, PDF, "application/pdf; charset=binary")
    assert answer.status_code == 201
    record = answer.json()
    assert (record["sha256"], record["size"]) == (hashlib.sha256(PDF).hexdigest(), len(PDF))
    assert record["media_type"] == "application/pdf"
    back = await archive.client.get(answer.headers["location"])
    assert back.content == PDF
    assert back.headers["content-type"] == "application/pdf"
    assert back.headers["content-disposition"] == f'attachment; filename="{record["id"]}.pdf"'
    assert back.headers["x-content-type-options"] == "nosniff"
    digest = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    assert back.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert int(back.headers["content-length"]) == len(PDF)


@pytest.mark.parametrize("media_type", SAMPLES)
async def test_each_accepted_type_is_known_by_its_content(archive, media_type):
    assert (await _upload(archive, SAMPLES[media_type], media_type)).status_code == 201
    assert set(SAMPLES) == set(KINDS)


async def test_any_reader_of_gridfs_finds_the_paper(archive):
    paper = await archive.papers.store(_stream(PDF), "application/pdf", "U1")
    bucket = AsyncIOMotorGridFSBucket(archive.mongo.database)
    assert await (await bucket.open_download_stream(paper.id)).read() == PDF


async def test_a_paper_is_written_while_it_arrives(archive):
    seen: list[int] = []

    async def watched() -> AsyncIterator[bytes]:
        async for piece in _stream(PDF):
            seen.append(await archive.mongo.database["fs.chunks"].count_documents({}))
            assert await archive.mongo.database["fs.files"].count_documents({}) == 0
            yield piece

    await archive.papers.store(watched(), "application/pdf", "U1")
    assert seen[-1] == 2


DOCX = OFFICE + "wordprocessingml.document"


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"%PDF-1.7\n" + bytes(LIMIT), "application/pdf", 413, "body-too-large"),
        (SAMPLES["image/png"], "application/pdf", 415, "media-type-mismatch"),
        (b"<html><script>", "application/pdf", 415, "media-type-mismatch"),
        (b"MZ\x90\0" + bytes(99), "image/png", 415, "media-type-mismatch"),
        (b"?", "image/png", 415, "media-type-mismatch"),
        (_archive("notes.txt"), DOCX, 415, "media-type-mismatch"),
        (SAMPLES["application/ofd"], DOCX, 415, "media-type-mismatch"),
        (b"x" * 2 * MIB + _archive("word/document.xml"), DOCX, 415, "media-type-mismatch"),
        (b"<html>", "text/html", 415, "media-type-unsupported"),
        (PDF, "application/octet-stream", 415, "media-type-unsupported"),
        (PDF, "", 415, "media-type-unsupported"),
        (b"", "application/pdf", 422, "paper-empty"),
    ],
    ids=range(12),
)
async def test_a_refused_upload_leaves_nothing(archive, content, media_type, status, code):
    answer = await _upload(archive, content, media_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await archive.left() == 0


async def test_an_upload_without_a_declared_size_meets_the_limit_on_the_way(archive):
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield b"%PDF-1.7\n"
        while read < 3 * LIMIT:
            read += 100_000
            yield bytes(100_000)

    headers = {"Content-Type": "application/pdf"}
    answer = await archive.client.post("/v1/papers", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["limit"]) == (413, LIMIT)
    with pytest.raises(Problem) as refused:
        await archive.papers.store(endless(), "application/pdf", "U1")
    assert refused.value.status == 413
    assert read < 2.2 * LIMIT
    assert await archive.left() == 0


async def test_an_upload_that_breaks_off_leaves_nothing(archive):
    async def broken() -> AsyncIterator[bytes]:
        yield PDF
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await archive.papers.store(broken(), "application/pdf", "U1")
    assert await archive.left() == 0


async def test_an_upload_cut_off_by_a_stop_leaves_nothing(archive):
    arrived = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield PDF
        arrived.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(archive.papers.store(waiting(), "application/pdf", "U1"))
    await arrived.wait()
    assert await archive.left() == 2
    upload.cancel()
    await asyncio.wait({upload})
    assert upload.cancelled()
    assert await archive.left() == 0


async def test_an_upload_hears_within_six_seconds_that_the_database_is_gone(mongo_url, database, archive):
    first = urlsplit(mongo_url).netloc.split(",")[0]
    async with Proxy(f"mongodb://{first}/?directConnection=true") as proxy:
        mongo = await connect(proxy.url, database)
        papers = Papers(mongo.database, now=mongo.clock.now, limit=LIMIT)

        async def interrupted() -> AsyncIterator[bytes]:
            yield PDF
            proxy.freeze()
            yield bytes(MIB)

        with pytest.raises(Unavailable):
            async with asyncio.timeout(6):
                await papers.store(interrupted(), "application/pdf", "U1")
        proxy.thaw()
        async with asyncio.timeout(10):
            while await archive.left():  # noqa: ASYNC110  # it happens in MongoDB
                await asyncio.sleep(0.05)
        await mongo.close()


async def test_for_another_unit_the_paper_does_not_exist(archive):
    location = (await _upload(archive, PDF, "application/pdf")).headers["location"]
    foreign = await archive.client.get(location, headers=archive.issuer.bearer(unit="U2"))
    missing = await archive.client.get(f"/v1/papers/{uuid.uuid4()}")
    assert foreign.status_code == missing.status_code == 404
    assert (foreign.content, foreign.headers) == (missing.content, missing.headers)


async def test_a_step_finds_only_what_its_own_unit_handed_in(archive):
    first, second = [await archive.papers.store(_stream(PDF), "application/pdf", "U1") for _ in range(2)]
    foreign = await archive.papers.store(_stream(PDF), "application/pdf", "U2")
    ids = [second.id, foreign.id, first.id, second.id, str(uuid.uuid4())]
    assert await archive.papers.find(ids, "U1") == [second, first]
    assert await archive.papers.get(foreign.id) == foreign
    assert await archive.papers.get("none") is None


async def test_a_token_without_the_scope_neither_hands_in_nor_reads(archive):
    archive.client.headers.update(archive.issuer.bearer(scope="matters:read"))
    assert (await _upload(archive, PDF, "application/pdf")).status_code == 403
    assert (await archive.client.get(f"/v1/papers/{uuid.uuid4()}")).status_code == 403
    assert await archive.left() == 0
