"""The machine-readable declarations of a service's mechanisms, from which a client can be built."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from shared.bus import EXCHANGE
from shared.http.problems import not_found
from shared.identity import Caller, Identity
from shared.mechanism.catalogue import catalogue
from shared.mechanism.describe import declaration
from shared.mechanism.load import Mechanisms


class Declaration(BaseModel):
    """A mechanism: parties, states, steps with JSON Schemas of their forms, clocks, and a Mermaid diagram."""

    model_config = ConfigDict(extra="allow")

    key: str
    path: str
    title: str
    title_en: str
    edition: str
    parties: list[dict[str, Any]]
    states: list[dict[str, Any]]
    opening: dict[str, Any]
    steps: list[dict[str, Any]]
    clocks: list[dict[str, Any]]
    diagram: str


def build_router(service: str, mechanisms: Mechanisms, identity: Identity) -> APIRouter:
    """Return `GET /v1/mechanisms` and `GET /v1/mechanisms/{key}`; beside `/openapi.json` the `/asyncapi.json`."""
    router = APIRouter(tags=["mechanisms"])
    reads = Depends(identity.requires("matters:read"))
    declared = [Declaration.model_validate(declaration(each)) for each in mechanisms.values()]

    @router.get("/v1/mechanisms", name="mechanisms_list", summary="Mechanisms")
    async def list_mechanisms(_caller: Caller = reads) -> list[Declaration]:
        """Every mechanism of this service, in each edition that is in use."""
        return declared

    @router.get("/v1/mechanisms/{key}", name="mechanisms_read", summary="One mechanism")
    async def read_mechanism(key: str, _caller: Caller = reads) -> Declaration:
        """The newest edition of one mechanism."""
        found = [each for each in declared if each.key == key]
        if not found:
            raise not_found()
        return max(found, key=lambda each: each.edition)

    others = {f"{service}.directory.asked": "请求重新通告单位名录 (the directory is asked to be said again)"}
    events = catalogue(service, EXCHANGE, mechanisms.values(), others)

    @router.get("/asyncapi.json", include_in_schema=False)
    async def read_catalogue() -> Response:
        return JSONResponse(events)

    return router
