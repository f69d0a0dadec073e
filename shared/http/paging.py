"""Pages of a stable sort: an opaque cursor that fits one query only, and the link to the next page."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request

from shared.http.problems import Problem

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
_INT64: Final = 2**63

# Nothing else may come out of a cursor: a caller can write one, and an object would be a query operator.
Place: TypeAlias = str | int | float | bool | datetime | None

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page holds at most.")]
CursorText = Annotated[
    str | None,
    Query(alias="cursor", max_length=1000, description="The `next` of the page before; opaque."),
]


class Page(BaseModel, Generic[T]):
    """Some items in order, and the cursor of the next page, null on the last."""

    items: list[T]
    next: str | None = None


def encode(places: Sequence[Place], query: Mapping[str, Any]) -> str:
    """Give the cursor that goes on after the item with these sort values, in this query only."""
    values = [{"at": each.isoformat()} if isinstance(each, datetime) else each for each in places]
    text = json.dumps([_digest(query), *values], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(cursor: str, query: Mapping[str, Any], size: int) -> tuple[Place, ...]:
    """Read back the `size` sort values; Problem 400 for a cursor that is not ours or of another query."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        digest, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        places = tuple(map(_place, values))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _malformed() from None
    if digest != _digest(query):
        raise Problem(400, "cursor-mismatch", "The cursor belongs to another query")
    if len(places) != size:
        raise _malformed()
    return places


def link_next(request: Request, cursor: str | None) -> dict[str, str]:
    """Give the Link header to the next page of this request, or nothing on the last page."""
    if cursor is None:
        return {}
    url = request.url.include_query_params(cursor=cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}


def _malformed() -> Problem:
    return Problem(400, "cursor-malformed", "The cursor is not one of ours")


def _place(value: Any) -> Place:
    if isinstance(value, dict):
        moment = datetime.fromisoformat(value["at"] if value.keys() == {"at"} else "")
        return moment.astimezone(UTC)
    if isinstance(value, list):
        raise TypeError
    if isinstance(value, str):
        value.encode()  # half a surrogate pair would not pass the database's door
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise OverflowError
    result: Place = value
    return result


def _digest(query: Mapping[str, Any]) -> str:
    text = json.dumps(query, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
