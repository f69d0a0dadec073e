"""A small service with every manner in it, and a client that speaks to it over ASGI."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Literal

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from shared.http import paging
from shared.http.factory import create_app
from shared.http.headers import IdempotencyKey, IfMatch, etag, precondition_failed, precondition_required
from shared.http.health import Readiness
from shared.http.problems import not_found
from shared.http.ratelimit import RateLimiter
from shared.identity import Caller, Identity
from shared.mongo import Unavailable
from tests.shared.issuer import AUDIENCE, Issuer, running

BODY_LIMIT = 2000
ITEMS = [(datetime(2026, 1, 1 + number // 2, tzinfo=UTC), f"item-{number}") for number in range(7)]


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: int = Field(gt=0, le=10**12)


class Goods(BaseModel):
    kind: Literal["goods"]
    pieces: int = Field(gt=0, le=10**12)


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: int = Field(gt=0, le=10**12)
    seized: Annotated[Cash | Goods, Field(discriminator="kind")] | None = None
    found_on: date | None = None
    paper: uuid.UUID | None = None
    code: str | None = Field(default=None, max_length=20)
    phone: str | None = None

    @field_validator("code")
    @classmethod
    def _fits(cls, value: str | None) -> str | None:
        if value is not None and not value.isupper():
            raise PydanticCustomError("code_check", "The check character does not fit")
        return value

    @field_validator("phone")
    @classmethod
    def _number(cls, value: str | None) -> str | None:
        return value if value is None else str(int(value))  # its ValueError quotes what was given


class Opening(BaseModel):
    form: Form
    parties: dict[str, str] = {}


class Thing(BaseModel):
    id: str
    version: int


def _routes(identity: Identity) -> APIRouter:
    router = APIRouter(prefix="/v1/things")
    Reader = Annotated[Caller, Depends(identity.requires("matters:read"))]  # noqa: N806  # a type
    own, foreign = uuid.UUID(int=1), uuid.UUID(int=2)

    @router.get("")
    async def list_things(
        caller: Reader,
        request: Request,
        response: Response,
        state: str | None = None,
        limit: paging.Limit = paging.DEFAULT_LIMIT,
        cursor: paging.CursorText = None,
    ) -> paging.Page[Thing]:
        query = {"state": state}
        after = paging.decode(cursor, query, 2) if cursor else None
        if after is not None and not (isinstance(after[0], datetime) and isinstance(after[1], str)):
            after = None
        rest = [item for item in ITEMS if after is None or item > after]
        last = paging.encode(rest[limit - 1], query) if len(rest) > limit else None
        response.headers.update(paging.link_next(request, last))
        things = [Thing(id=name, version=1) for _, name in rest[:limit]]
        return paging.Page(items=things, next=last)

    @router.post("", status_code=201)
    async def open_thing(caller: Reader, key: IdempotencyKey, body: Opening) -> Thing:
        return Thing(id=key, version=1)

    @router.get("/{thing_id}")
    async def read_thing(thing_id: uuid.UUID, caller: Reader, response: Response) -> Thing:
        stored = {own: caller.unit, foreign: "another"}
        if stored.get(thing_id) != caller.unit:
            raise not_found()
        response.headers["ETag"] = etag(7)
        return Thing(id=str(thing_id), version=7)

    @router.put("/{thing_id}")
    async def change_thing(thing_id: uuid.UUID, caller: Reader, version: IfMatch, body: Form) -> Thing:
        if version is None:
            raise precondition_required()
        if version != 7:
            raise precondition_failed(7)
        return Thing(id=str(thing_id), version=8)

    return router


def _faulty() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/away")
    async def away() -> None:
        raise Unavailable("mongodb://user:canary@host")

    @router.get("/fault")
    async def fault() -> None:
        raise ValueError("canary-fault")

    return router


@dataclass
class Service:
    """The application, a client of it, and who makes its tokens."""

    app: FastAPI
    client: httpx.AsyncClient
    issuer: Issuer
    checks: dict[str, bool]


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with running() as started:
        yield started


@pytest.fixture
async def service(issuer: Issuer) -> AsyncIterator[Service]:
    checks = {"mongo": True, "queues": True}

    async def mongo() -> bool:
        if not checks["mongo"]:
            raise OSError("canary-host is away")
        return True

    async def queues() -> bool:
        return checks["queues"]

    identity = Identity(
        jwks_url=issuer.jwks_url,
        issuer=issuer.url,
        audience=AUDIENCE,
        limiter=RateLimiter("100000/second"),
    )
    app = create_app(
        title="Things",
        description="A service for tests.",
        version="1",
        routers=[_routes(identity), _faulty()],
        readiness=Readiness({"mongo": mongo, "queues": queues}),
        body_limit=BODY_LIMIT,
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://service", headers=issuer.bearer()
    ) as client:
        yield Service(app, client, issuer, checks)
