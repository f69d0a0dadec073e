"""How a matter goes on, told to whoever reported it: by a token alone, and nothing of whom it is about."""

import base64
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from shared.http.openapi import PUBLIC
from shared.http.problems import not_found
from shared.http.ratelimit import RateLimiter
from shared.identity import Caller
from shared.matters.routes import Parts, allowed
from shared.matters.secrecy.followers import Followed, Followers
from shared.matters.store import Matters
from shared.mechanism.grammar import Follow, Form, Mechanism
from shared.mechanism.load import Mechanisms
from shared.mechanism.matter import ELAPSED, OVERDUE, Matter
from shared.vault import Vault

_TOKEN_BYTES = 16
_GROUP = 4
# Whoever tries tokens is one of many behind one address at most, and all together are few.
_EACH = "10/minute"
_ALL = "600/minute"

Token = Annotated[
    str,
    Field(
        min_length=26,
        max_length=40,
        pattern=r"^[A-Za-z2-7 -]+$",
        examples=["ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ"],
    ),
]


class TokenBody(Form):
    """The token that the reporter was given."""

    token: Token


class TokenView(BaseModel):
    """By which the matter is followed; whoever has it sees how the matter goes on, and nothing else."""

    token: str


class Told(BaseModel):
    what: str
    at: datetime


class Awaited(BaseModel):
    what: str
    due_at: datetime


class Progress(BaseModel):
    """How the matter stands, in words; since when; what was done; what is awaited until when; and its mark."""

    state: str
    since: datetime
    told: list[Told]
    awaited: list[Awaited]
    mark: str | None = Field(description="yellow or red, where an answer is late by local policy.")


class Following:
    """Gives a matter's token out, and finds the matter behind one."""

    def __init__(self, followers: Followers, matters: Matters, vault: Vault) -> None:
        self._followers = followers
        self._matters = matters
        self._vault = vault

    async def token_of(self, mechanism: Mechanism, matter: str) -> str:
        """Return the token by which a matter is followed: always the same one, and kept nowhere."""
        digest = bytes.fromhex(self._vault.masked("follow", matter))[:_TOKEN_BYTES]
        text = base64.b32encode(digest).decode().rstrip("=")
        token = "-".join(text[place : place + _GROUP] for place in range(0, len(text), _GROUP))
        await self._followers.add(self._hashed(token), Followed(matter, mechanism.key, mechanism.edition))
        return token

    async def find(self, token: str) -> Matter | None:
        """Return the matter behind a token."""
        followed = await self._followers.find(self._hashed(token))
        return await self._matters.find_own(followed.matter) if followed else None

    def _hashed(self, token: str) -> str:
        return self._vault.masked("follow-token", token.replace("-", "").replace(" ", "").upper())


class PublicLimit:
    """Few requests a minute from one address, and not many from all together: tokens are not to be tried."""

    def __init__(self, each: str, everybody: str) -> None:
        self._each, self._everybody = RateLimiter(each), RateLimiter(everybody)

    async def hit(self, request: Request) -> None:
        """Count a request. Raises Problem 429."""
        await self._each.hit(request.client.host if request.client else "nobody")
        await self._everybody.hit("everybody")


def build_router(mechanisms: Mechanisms, parts: Parts, follow: Following) -> APIRouter:
    """Return the public `POST /v1/followed`, and for each mechanism the route by which its opener gets a token."""
    router = APIRouter()
    limit = PublicLimit(_EACH, _ALL)

    @router.post(
        "/v1/followed",
        name="followed_read",
        summary="办理进度",
        tags=["followed"],
        openapi_extra={PUBLIC: True},
    )
    async def read_progress(body: TokenBody, request: Request) -> Progress:
        """How the matter behind a token goes on. No account is needed; there are few requests a minute."""
        await limit.hit(request)
        matter = await follow.find(body.token)
        if matter is None:
            raise not_found()
        return progress(mechanisms[matter.mechanism, matter.edition], matter)

    for mechanism in mechanisms.values():
        _add_token(router, mechanism, parts, follow)
    return router


def _add_token(router: APIRouter, mechanism: Mechanism, parts: Parts, follow: Following) -> None:
    writes = Depends(parts.identity.requires("matters:write"))

    @router.post(
        f"/v1/{mechanism.path}/{{matter}}/follow-token",
        name=f"{mechanism.key}_follow_token",
        summary="查询码",
        tags=[mechanism.key],
    )
    async def give_token(matter: UUID, caller: Caller = writes) -> TokenView:
        """The token for the reporter, given to the unit that opened the matter; always the same one."""
        reader = await allowed(parts.commands.reader(caller.unit))
        found = await parts.matters.find(mechanism, str(matter), reader)
        if found is None or found.history[0].unit != caller.unit:
            raise not_found()
        return TokenView(token=await follow.token_of(mechanism, found.id))


def progress(mechanism: Mechanism, matter: Matter) -> Progress:
    """Return what a follower is told. Raises LookupError for a mechanism that nobody follows."""
    follow = mechanism.follow
    if follow is None:
        raise LookupError(f"{mechanism.key} is not followed")
    return Progress(
        state=follow.states[matter.state],
        since=matter.entered_at,
        told=[
            Told(what=follow.steps[entry.step], at=entry.acted_at)
            for entry in matter.history
            if entry.kind == "step" and entry.step in follow.steps
        ],
        awaited=[
            Awaited(what=mechanism.clock_by_key[run.key].title, due_at=run.due_at)
            for run in matter.open_clocks()
            if run.key in follow.clocks and run.due_at is not None
        ],
        mark=_mark(mechanism, follow, matter),
    )


def _mark(mechanism: Mechanism, follow: Follow, matter: Matter) -> str | None:
    """Return the mark of the last marking clock, in the order of the declaration, that is over and not answered."""
    mark = None
    for clock, named in follow.marks.items():
        run = matter.ticking(clock)
        if run is None or run.state not in (ELAPSED, OVERDUE):
            continue
        answers = mechanism.clock_by_key[clock].met_by
        if not any(entry.step in answers for entry in matter.history if entry.version > run.started_by):
            mark = named
    return mark
