"""Who asks for what: the caller, the request under its key, and the two refusals that need no law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.mechanism.chain import digest, plain


class Stale(Exception):
    """The matter is no longer at the version the caller had read."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the matter is at version {version}")
        self.version = version


class Absent(Exception):
    """There is no such matter for this caller."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the unit of the token, the person's id, and the posts that the law knows.

    `automatic`: the service itself, in the unit's name; the unit is told like any other.
    """

    unit: str
    person: str
    posts: frozenset[str]
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks for: the step's form, papers by id, parties by unit code, and the key of this request.

    `links`: pairs of relation and matter. `correlation`: the first cause, where something else led to a new matter.
    """

    key: str
    form: Mapping[str, Any]
    acted_at: datetime | None = None
    papers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parties: Mapping[str, str | None] = field(default_factory=dict)
    division: str | None = None
    links: Sequence[tuple[str, str]] = ()
    correlation: str | None = None

    def digest(self, step: str) -> str:
        """Return what tells one request from another under the same key."""
        content = {
            "step": step,
            "acted_at": self.acted_at,
            "form": self.form,
            "papers": self.papers,
            "parties": self.parties,
            "division": self.division,
            "links": self.links,
        }
        return digest(plain(content))
