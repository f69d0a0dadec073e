"""Builds the FastAPI application of a service: problems, limits, traces, health, and an honest OpenAPI."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from shared.http import health, openapi, problems
from shared.http.edge import Edge
from shared.tracing import server_provider


class _Service(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return openapi.with_problems(super().openapi())


def create_app(
    *,
    title: str,
    description: str,
    version: str,
    routers: Sequence[APIRouter],
    readiness: health.Readiness,
    body_limit: int,
) -> FastAPI:
    """Build an application whose every answer has our manners; `body_limit` in bytes.

    Routers carry their whole path (no prefix is added) and the identity each route asks for.
    """
    app = _Service(
        title=title,
        description=description,
        version=version,
        openapi_url="/openapi.json",
        docs_url=None,  # its page would load scripts from the internet
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        middleware=[Middleware(Edge, body_limit=body_limit)],
        telemetry={
            "tracer_provider": server_provider(),
            "operation_spans": False,
            "metrics": False,
            "logs": False,
            "auto_configure": False,
            "exclude": lambda scope: scope.get("path") in health.PATHS,
        },
    )
    every = (health.router(readiness), *routers)
    problems.install(app, [route for router in every for route in router.routes])
    for router in every:
        app.include_router(router)
    return app
