"""How a matter goes on, told to whoever reported it: by a token alone, and nothing of whom it is about."""

import base64
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from shared.http.problems import not_found
from shared.http.ratelimit import RateLimiter
from shared.identity import Caller
from shared.matters.routes import Parts, allowed
from shared.matters.secrecy.followers import Followed, Followers
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


def build_router(mechanisms: Mechanisms, parts: Parts, followers: Followers, vault: Vault) -> APIRouter:
    """Return the public `POST /v1/followed`, and for each mechanism the route by which its opener gets a token."""
    router = APIRouter()
    each, everybody = RateLimiter(_EACH), RateLimiter(_ALL)

    @router.post("/v1/followed", name="followed_read", summary="办理进度", tags=["followed"])
    async def read_progress(body: TokenBody, request: Request) -> Progress:
        """How the matter behind a token goes on. No account is needed; there are few requests a minute."""
        await everybody.hit("everybody")
        await each.hit(request.client.host if request.client else "nobody")
        followed = await followers.find(_hashed(vault, body.token))
        matter = await parts.matters.find_own(followed.matter) if followed else None
        if followed is None or matter is None:
            raise not_found()
        return progress(mechanisms[followed.mechanism, followed.edition], matter)

    for mechanism in mechanisms.values():
        _add_token(router, mechanism, parts, followers, vault)
    return router


def _add_token(
    router: APIRouter, mechanism: Mechanism, parts: Parts, followers: Followers, vault: Vault
) -> None:
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
        token = _token(vault, found.id)
        await followers.add(_hashed(vault, token), Followed(found.id, mechanism.key, mechanism.edition))
        return TokenView(token=token)


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


def _token(vault: Vault, matter: str) -> str:
    digest = bytes.fromhex(vault.masked("follow", matter))[:_TOKEN_BYTES]
    text = base64.b32encode(digest).decode().rstrip("=")
    return "-".join(text[place : place + _GROUP] for place in range(0, len(text), _GROUP))


def _hashed(vault: Vault, token: str) -> str:
    return vault.masked("follow-token", token.replace("-", "").replace(" ", "").upper())
