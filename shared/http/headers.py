"""Versions and repeat keys as HTTP headers: ETag, If-Match, Idempotency-Key."""

from typing import Annotated

from fastapi import Depends, Header

from shared.http.problems import Problem

# A header of another form is refused where all validation errors are, after a caller without a token.
_ENTITY_TAG = r'^"(0|[1-9][0-9]{0,17})"$'


def etag(version: int) -> str:
    """Give the strong entity tag of a version."""
    return f'"{version}"'


def if_match(
    value: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The ETag that was read; another version since then is refused with 412.",
            examples=['"7"'],
            pattern=_ENTITY_TAG,
        ),
    ] = None,
) -> int | None:
    """Read the version the caller saw, None without the header."""
    return None if value is None else int(value.strip('"'))


def idempotency_key(
    value: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Chosen by the caller, new for each act; a repeat with the same key acts once.",
            examples=["5f0c7d1e-2f0b-4a86-9a39-5a0c6a2b6f11"],
        ),
    ],
) -> str:
    """Read the key under which a repeat is recognised."""
    return value


def precondition_failed(version: int) -> Problem:
    """Refuse a change of something that has moved on, naming the version it is at."""
    return Problem(
        412,
        "version-stale",
        "It has changed since it was read",
        extra={"version": version},
        headers={"ETag": etag(version)},
    )


def precondition_required() -> Problem:
    """Refuse a change that does not say which version it is about."""
    return Problem(428, "if-match-missing", "The header If-Match is needed")


IfMatch = Annotated[int | None, Depends(if_match)]
IdempotencyKey = Annotated[str, Depends(idempotency_key)]
