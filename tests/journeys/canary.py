"""A person who does not exist, planted wherever callers may write, to be found nowhere else."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

NAME: Final = "欧阳鹮翀"
ID_NUMBER: Final = "410329187713320017"  # the thirteenth month: nobody's
PHONE: Final = "19900017713"
WORDS: Final = (NAME, ID_NUMBER, PHONE)
TEXT: Final = f"当事人{NAME}，身份证号{ID_NUMBER}，电话{PHONE}。"
PAPER: Final = f"%PDF-1.7\n1 0 obj\n<</Title({TEXT})>>\nendobj\ntrailer\n<<>>\n%%EOF\n".encode()

_SPELLINGS: Final = tuple(
    {
        spelling
        for word in WORDS
        for spelling in (
            word,
            json.dumps(word)[1:-1],
            quote(word),
            word.encode().hex(),
            repr(word.encode())[2:-1],
        )
    }
)


def planted(form: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The form with the canary in every free text that its JSON Schema has."""
    free = {
        name
        for name, described in schema["properties"].items()
        for variant in described.get("anyOf", [described])
        if variant.get("type") == "string" and not {"pattern", "enum", "format"} & variant.keys()
    }
    return {**form, **dict.fromkeys(free, TEXT)}


def found(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Where one of the words stands, of texts by their place: the place and what surrounds the word."""
    return [
        f"{place}: …{text[max(0, at - 80) : at + 80]}…"
        for place, text in texts
        for spelling in _SPELLINGS
        if (at := text.find(spelling)) >= 0
    ]
