"""What is data about public-interest litigation: the name of the paper before a suit, and the fields (领域)."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from shared.mechanism.grammar import Mark


@dataclass(frozen=True, slots=True)
class Document:
    """The paper that goes before a suit, as the law in force calls it."""

    label: str
    cite: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class FieldOfLaw:
    key: str
    title: str
    cite: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class PublicInterest:
    document: Document
    fields: tuple[FieldOfLaw, ...]


def read(path: Path) -> PublicInterest:
    """Return what the file says; ValueError for a mark that is none or a field that stands there twice."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    document = content["document"]
    fields = tuple(
        FieldOfLaw(each["key"], each["title"], each["cite"], Mark(each["mark"])) for each in content["fields"]
    )
    if len({each.key for each in fields}) < len(fields):
        raise ValueError(f"{path.name} names a field twice")
    return PublicInterest(
        Document(document["label"], document["cite"], Mark(document["mark"])),
        fields,
    )


PUBLIC_INTEREST = read(Path(__file__).with_name("public_interest.toml"))
