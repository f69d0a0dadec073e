"""What an orchestrator asks: is the process alive, is it ready, what does it count."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from shared import metrics
from shared.http.problems import unavailable
from shared.logs import anatomy

PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_CHECK_SECONDS: Final = 2.0

Check = Callable[[], Awaitable[bool]]
_log = logging.getLogger(__name__)


class Readiness:
    """Named checks; ready when each says yes within two seconds."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)

    async def report(self) -> dict[str, bool]:
        """Ask every check, all at once; one that raises or takes too long says no."""
        answers = await asyncio.gather(*(self._ask(name) for name in self._checks))
        return dict(zip(self._checks, answers, strict=True))

    async def _ask(self, name: str) -> bool:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return await self._checks[name]()
        except Exception as error:  # noqa: BLE001  # whatever a check raises, the answer is no
            _log.warning("the readiness check %s failed", name, extra={"error": anatomy(error)})
            return False


def router(readiness: Readiness) -> APIRouter:
    """Give the routes that need no token: /healthz, /readyz, /metrics."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"alive": True})

    @routes.get("/readyz")
    async def readyz() -> Response:
        report = await readiness.report()
        if all(report.values()):
            return JSONResponse({"ready": True, "checks": report})
        problem = unavailable("not-ready", "Not ready yet")
        problem.extra["checks"] = report
        return problem.response()

    @routes.get("/metrics")
    async def read_metrics() -> Response:
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return routes
