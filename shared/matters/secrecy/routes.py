"""The routes by which the secrets of one mechanism are read; there is no other way to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, create_model
from starlette.responses import StreamingResponse

from shared.http.headers import IdempotencyKey
from shared.identity import Caller
from shared.matters import views
from shared.matters.bodies import camel
from shared.matters.routes import Parts, actor_of, allowed
from shared.matters.secrecy.glass import Glass
from shared.matters.secrecy.grants import Grant
from shared.matters.secrecy.reading import Asked, Reading
from shared.mechanism.describe import citation
from shared.mechanism.grammar import Form, Mechanism, Secret
from shared.mechanism.sight import known_parties
from shared.papers import CONTENT

SCOPE = "secrets:read"
_GRANTS = 50

Label = Annotated[str, Field(pattern=r"^[A-Z]{1,4}-[A-Z2-7]{8}$", examples=["C-7Q2M4XKD"])]
Reason = Annotated[str, Field(min_length=4, max_length=1000)]


class Disclosure(BaseModel):
    """The fields that were opened. This reading is written down, with its purpose."""

    label: str
    secret: str
    fields: dict[str, Any]


class SecretView(BaseModel):
    """What is kept sealed under a label, and which of its fields your unit reads in this matter."""

    label: str
    secret: str
    title: str
    fields: list[str]


class GrantView(BaseModel):
    """What was asked for, and until when it is open; `until` is null while no second officer has released it."""

    id: UUID
    label: str
    fields: list[str]
    unit: str
    asked_by: str
    asked_at: datetime
    released_by: str | None
    released_at: datetime | None
    until: datetime | None


def build_router(mechanism: Mechanism, parts: Parts, reading: Reading, glass: Glass) -> APIRouter:
    """Return the routes over the secrets of a mechanism."""
    router = APIRouter(tags=[mechanism.key])
    # FastAPI reads the types at run time: the purposes of this very mechanism.
    purposes: Any = Literal[tuple({each.key: None for s in mechanism.secrets for each in s.purposes})]
    _add_list(router, mechanism, parts, reading)
    _add_disclosure(router, mechanism, parts, reading, purposes)
    _add_papers(router, mechanism, parts, reading, purposes)
    _add_grants(router, mechanism, parts, glass, purposes)
    for secret in mechanism.secrets:
        if secret.found_by is not None:
            _add_lookup(router, mechanism, secret, parts, reading)
    return router


def _add_list(router: APIRouter, mechanism: Mechanism, parts: Parts, reading: Reading) -> None:
    reads = Depends(parts.identity.requires(SCOPE))

    @router.get(
        f"/v1/{mechanism.path}/{{matter}}/secrets",
        name=f"{mechanism.key}_list_secrets",
        summary="保密信息目录",
    )
    async def list_secrets(matter: UUID, caller: Caller = reads) -> list[SecretView]:
        """What is kept sealed here that your unit knows of, by label; nothing of it is opened."""
        seen = await allowed(reading.secrets(mechanism, str(matter), actor_of(caller)))
        return [
            SecretView(label=label, secret=each.key, title=each.title, fields=list(seen.readable(each)))
            for label, each in seen.labels.items()
        ]


def _add_disclosure(
    router: APIRouter, mechanism: Mechanism, parts: Parts, reading: Reading, purposes: Any
) -> None:
    reads = Depends(parts.identity.requires(SCOPE))
    body_model = create_model(
        f"{camel(mechanism.key)}Disclosure",
        __base__=Form,
        __doc__="Which fields behind a label, and for what.",
        label=(Label, ...),
        purpose=(purposes, Field(examples=[mechanism.secrets[0].purposes[0].key])),
        fields=(list[str] | None, Field(None, min_length=1, max_length=50, description="All, if not given.")),
        grant=(UUID | None, Field(None, description="What a second officer has released.")),
    )

    @router.post(
        f"/v1/{mechanism.path}/{{matter}}/disclosures",
        name=f"{mechanism.key}_disclose",
        summary="查阅保密信息",
        description=_text(mechanism),
    )
    async def disclose(
        matter: UUID,
        body: body_model,
        caller: Caller = reads,
    ) -> Disclosure:
        opened = await allowed(reading.read(mechanism, str(matter), _asked(body), actor_of(caller)))
        return Disclosure(label=opened.label, secret=opened.secret, fields=dict(opened.fields))


def _add_papers(
    router: APIRouter, mechanism: Mechanism, parts: Parts, reading: Reading, purposes: Any
) -> None:
    reads = Depends(parts.identity.requires(SCOPE))
    body_model = create_model(
        f"{camel(mechanism.key)}PaperDisclosure",
        __base__=Form,
        __doc__="For what a paper is read.",
        purpose=(purposes, Field(examples=[mechanism.secrets[0].purposes[0].key])),
    )

    @router.post(
        f"/v1/{mechanism.path}/{{matter}}/papers/{{paper}}/disclosures",
        name=f"{mechanism.key}_disclose_paper",
        summary="查阅材料",
        response_class=StreamingResponse,
        responses={200: {"content": CONTENT}},
    )
    async def disclose_paper(
        matter: UUID,
        paper: UUID,
        body: body_model,
        caller: Caller = reads,
    ) -> StreamingResponse:
        """A paper of the matter, for the parties that may read it; this reading is written down."""
        purpose = body.model_dump()["purpose"]
        found = await allowed(
            reading.read_paper(mechanism, str(matter), str(paper), purpose, actor_of(caller))
        )
        return await parts.papers.download(found)


def _add_grants(router: APIRouter, mechanism: Mechanism, parts: Parts, glass: Glass, purposes: Any) -> None:
    base = f"/v1/{mechanism.path}/{{matter}}/grants"
    reads = Depends(parts.identity.requires(SCOPE))
    body_model = create_model(
        f"{camel(mechanism.key)}Grant",
        __base__=Form,
        __doc__="What must be read although the declaration does not give it, for what, and why.",
        label=(Label, ...),
        purpose=(purposes, Field(examples=[mechanism.secrets[0].purposes[0].key])),
        fields=(list[str], Field(min_length=1, max_length=50, examples=[["name"]])),
        reason=(Reason, Field(description="Kept sealed.", examples=["紧急寻找失踪儿童"])),
    )

    @router.post(base, status_code=201, name=f"{mechanism.key}_ask_grant", summary="申请紧急查阅")
    async def ask_grant(
        matter: UUID,
        body: body_model,
        key: IdempotencyKey,
        caller: Caller = reads,
    ) -> GrantView:
        """Ask to read what your unit otherwise does not; nothing is opened before a second officer releases it."""
        reason = body.model_dump()["reason"]
        return _view(
            await allowed(glass.ask(mechanism, str(matter), _asked(body), reason, key, actor_of(caller)))
        )

    @router.post(f"{base}/{{grant}}/release", name=f"{mechanism.key}_release_grant", summary="批准紧急查阅")
    async def release_grant(matter: UUID, grant: UUID, caller: Caller = reads) -> GrantView:
        """Release what a colleague asked for, for half an hour; the owners of the information are told."""
        return _view(await allowed(glass.release(mechanism, str(matter), str(grant), actor_of(caller))))

    @router.get(base, name=f"{mechanism.key}_list_grants", summary="紧急查阅申请")
    async def list_grants(matter: UUID, caller: Caller = reads) -> list[GrantView]:
        """What your unit has asked for in this matter, the newest 50."""
        found = await allowed(glass.of(mechanism, str(matter), actor_of(caller), _GRANTS))
        return list(map(_view, found))


def _add_lookup(
    router: APIRouter, mechanism: Mechanism, secret: Secret, parts: Parts, reading: Reading
) -> None:
    reads = Depends(parts.identity.requires(SCOPE))
    purposes: Any = Literal[tuple(each.key for each in secret.purposes)]
    body_model = create_model(
        f"{camel(mechanism.key)}{camel(secret.key)}LookUp",
        __base__=Form,
        __doc__="The whole value that is looked for, and for what.",
        value=(str, Field(min_length=1, max_length=100, examples=["990000201501010000"])),
        purpose=(purposes, Field(examples=[secret.purposes[0].key])),
    )

    @router.post(
        f"/v1/{mechanism.path}/lookups/{secret.key}",
        name=f"{mechanism.key}_look_up_{secret.key}",
        summary=f"{secret.title}: 查找",
    )
    async def look_up(
        body: body_model,
        caller: Caller = reads,
    ) -> list[views.Summary]:
        """The matters in which your unit may read this value, by the whole value only; this is written down."""
        given = body.model_dump()
        found = await allowed(
            reading.look_up(mechanism, secret, given["value"], given["purpose"], actor_of(caller))
        )
        now = parts.clock.now()
        return [
            views.summary(mechanism, each, known_parties(mechanism, each["parties"], caller.unit), now)
            for each in found
        ]


def _asked(body: Any) -> Asked:
    given: Mapping[str, Any] = body.model_dump(mode="json")
    fields = given.get("fields")
    return Asked(given["label"], given["purpose"], tuple(fields) if fields else None, given.get("grant"))


def _view(grant: Grant) -> GrantView:
    return GrantView.model_validate(grant, from_attributes=True)


def _text(mechanism: Mechanism) -> str:
    """Return what the OpenAPI says: who reads which field, and by what law."""
    lines = ["Reads what is sealed; every reading is written down, with its purpose, before it is answered."]
    for secret in mechanism.secrets:
        lines.append(f"**{secret.title}** (`{secret.key}`). Law: {citation(secret.cite)}.")
        lines += [
            f"- `{name}`: " + (", ".join(f"`{party.key}`" for party in readers) or "nobody")
            for name, readers in secret.readers.items()
        ]
    return "\n\n".join(lines)
