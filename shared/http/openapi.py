"""Writes into an OpenAPI document which problems each operation can answer with."""

from typing import Any, Final

from shared.http.problems import MEDIA_TYPE, ProblemDocument

_WORDS: Final = {
    "400": "The request cannot be read: malformed JSON, header or cursor",
    "401": "No token, or one that is not valid",
    "403": "The token does not carry the scope",
    "404": "There is no such thing, or it is not the caller's to see",
    "409": "Not possible in the present state",
    "412": "It has changed since it was read",
    "413": "The body is too large",
    "415": "The media type is not accepted",
    "422": "Some fields are missing or wrong",
    "428": "The header If-Match is needed",
    "429": "Too many requests of this caller",
    "503": "A server we need does not answer; come back",
    "default": "Any other problem",
}
_SECONDS: Final = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds.", "required": True}
}
_HEADERS: Final[dict[str, Any]] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    "429": _SECONDS,
    "503": _SECONDS,
}
# What marks an operation that needs no token, and limits how often it is called.
PUBLIC: Final = "x-public"
_METHODS: Final = ("get", "put", "post", "delete", "patch")


def with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Add the problem responses in place, once; what a route documents itself stays as it is."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    if "Problem" in schemas:
        return document
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    components["responses"] = {_name(status): _response(status) for status in _WORDS}
    for path in document.get("paths", {}).values():
        for method in _METHODS:
            if method in path:
                _describe(method, path[method])
    # FastAPI's own shape of a validation error is never sent.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    return document


def _describe(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status in _WORDS:
        if status in _possible(method, operation):
            responses.setdefault(status, {"$ref": f"#/components/responses/{_name(status)}"})


def _possible(method: str, operation: dict[str, Any]) -> set[str]:
    parameters = operation.get("parameters", [])
    places = {parameter["in"] for parameter in parameters}
    names = {parameter["name"] for parameter in parameters}
    possible = {"503", "default"}
    if operation.get("security"):
        possible |= {"401", "403", "429"}
    if operation.get(PUBLIC):
        possible |= {"404", "429"}
    if parameters:
        possible |= {"422"}
    if "path" in places:
        possible |= {"404"}
    if method != "get":
        possible |= {"409"}
    if operation.get("requestBody"):
        possible |= {"400", "413", "415", "422"}
    if names & {"Idempotency-Key", "cursor"}:
        possible |= {"400"}
    if "If-Match" in names:
        possible |= {"400", "412", "428"}
    return possible


def _name(status: str) -> str:
    return f"Problem{status.capitalize()}"


def _response(status: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": _WORDS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in _HEADERS:
        response["headers"] = _HEADERS[status]
    return response
