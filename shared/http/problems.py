"""Every refusal is one RFC 9457 document, with a stable code and nothing of the caller's input in it."""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from shared.mongo import Unavailable
from shared.vault import Away, Destroyed

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 5

# A place in a body that is spelled otherwise is a key that the caller chose.
_DECLARED = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_IDEMPOTENCY_LOC: Final = ("header", "Idempotency-Key")
_IF_MATCH_LOC: Final = ("header", "If-Match")


class FieldError(BaseModel):
    """One field that was refused, and why."""

    field: str
    code: str
    message: str


class ProblemDocument(BaseModel):
    """What a refusal looks like; further members depend on the code."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    errors: list[FieldError] | None = None


class Problem(HTTPException):
    """A refusal on its way to the caller.

    `code` is a stable slug that clients may rely on. `extra` are further members, such as the open steps.
    Nothing given here may quote the caller's input.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        *,
        detail: str | None = None,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail=code, headers=headers)
        self.status = status
        self.code = code
        self.title = title
        self.explanation = detail
        self.errors = tuple(errors)
        self.extra = dict(extra or {})

    def document(self) -> dict[str, Any]:
        """Give the members of the problem document."""
        members: dict[str, Any] = {
            "type": f"urn:liandong:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.explanation is not None:
            members["detail"] = self.explanation
        if self.errors:
            members["errors"] = [error.model_dump() for error in self.errors]
        return members | self.extra

    def response(self) -> Response:
        """Render the document with its media type and headers."""
        body = json.dumps(self.document(), ensure_ascii=False, separators=(",", ":")).encode()
        return Response(body, self.status, self.headers, MEDIA_TYPE)


def not_found() -> Problem:
    """Say that there is no such thing, in the same words whether it is missing or not the caller's to see."""
    return Problem(404, "not-found", "There is no such thing")


def invalid(*errors: FieldError) -> Problem:
    """Refuse fields that are readable and wrong."""
    return Problem(422, "validation", "Some fields are missing or wrong", errors=errors)


def unavailable(code: str, title: str) -> Problem:
    """Ask the caller to come back when a server we need answers again."""
    return Problem(503, code, title, headers={"Retry-After": str(RETRY_SECONDS)})


def too_large(limit: int) -> Problem:
    """Refuse a body of more than `limit` bytes."""
    return Problem(413, "body-too-large", "The body is too large", extra={"limit": limit})


def internal(trace_id: str | None) -> Problem:
    """Admit a fault of ours; the trace id finds it in the log."""
    return Problem(500, "internal", "Something went wrong on our side", extra={"trace_id": trace_id})


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make problem documents of everything that FastAPI and the routes raise, faults of ours excepted."""

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, Problem):
            return error.response()
        if not isinstance(error, HTTPException):
            raise error
        return _framework(error, _methods(routes, request.scope)).response()

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(Unavailable, _away)
    app.add_exception_handler(Away, _sealed)
    app.add_exception_handler(Destroyed, _gone)


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """Give what the place offers: each route knows of its own method only."""
    here = [
        route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE
    ]
    return {method for route in here for method in route.methods or ()}


def _framework(error: HTTPException, methods: set[str]) -> Problem:
    match error.status_code:
        case 400:
            return Problem(400, "body-unreadable", "The body cannot be read")
        case 404:
            return not_found()
        case 405:
            allow = {"Allow": ", ".join(sorted(methods))} if methods else error.headers
            return Problem(405, "method-not-allowed", "The method is not offered here", headers=allow)
        case status:
            return Problem(status, f"http-{status}", HTTPStatus(status).phrase, headers=error.headers)


async def _away(_: Request, __: Exception) -> Response:
    return unavailable("database-unavailable", "The database does not answer; nothing is lost").response()


async def _sealed(_: Request, __: Exception) -> Response:
    return unavailable(
        "secrets-unavailable", "What is secret can be neither read nor kept now; nothing was written"
    ).response()


async def _gone(_: Request, __: Exception) -> Response:
    return Problem(410, "secrets-destroyed", "What was secret here was destroyed").response()


async def _unreadable(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        problem = Problem(400, "json-malformed", "The body is not JSON")
    elif isinstance(error.body, bytes):
        # FastAPI hands a body on unparsed when its media type is not JSON.
        problem = Problem(415, "media-type-unsupported", "The body must be application/json")
    elif key := next((fault for fault in faults if fault["loc"][:2] == _IDEMPOTENCY_LOC), None):
        problem = _idempotency_key(missing=key["type"] == "missing")
    elif any(fault["loc"][:2] == _IF_MATCH_LOC for fault in faults):
        problem = Problem(400, "if-match-malformed", "The header If-Match takes one ETag of ours")
    else:
        problem = invalid(*map(_field, faults))
    return problem.response()


def _idempotency_key(*, missing: bool) -> Problem:
    if missing:
        return Problem(400, "idempotency-key-missing", "The header Idempotency-Key is needed")
    return Problem(
        400, "idempotency-key-malformed", "The header Idempotency-Key takes 1 to 255 visible ASCII characters"
    )


def _field(fault: Mapping[str, Any]) -> FieldError:
    where = list(fault["loc"])
    if len(where) > 1:
        where = where[1:]  # the first says body, query, path or header
    kind: str = fault["type"]
    if kind == "extra_forbidden":
        where[-1] = "*"
    names = (str(each) if isinstance(each, int) or _DECLARED.fullmatch(each) else "*" for each in where)
    # These two carry what was given; a rule of ours speaks through PydanticCustomError instead.
    speaks = not {"error", "tag"} & fault.get("ctx", {}).keys()
    return FieldError(
        field=".".join(names),
        code=kind.replace("_", "-"),
        message=fault["msg"] if speaks else "Input is not valid",
    )
