"""The words of a notice: neutral sentences from templates that may name a short list of variables only."""

import datetime as dt
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from shared import divisions

VARIABLES: Final = frozenset(
    {"matter", "mechanism", "state", "step", "clock", "due", "was", "moves", "because", "division"}
)
LANGUAGES: Final = ("zh", "en")
_FOLDER: Final = Path(__file__).parents[1] / "templates"
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_SHORT: Final = re.compile(r"[0-9A-Za-z]{8}")
_BEIJING: Final = dt.timezone(dt.timedelta(hours=8))


class Text(NamedTuple):
    """One notice in one language."""

    title: str
    text: str


class Words(NamedTuple):
    """Our own names for what events carry as keys: of one mechanism, in one language."""

    mechanism: str
    states: Mapping[str, str]
    steps: Mapping[str, str]
    clocks: Mapping[str, str]


class Facts(NamedTuple):
    """What a sentence may draw on; whatever else an event says never gets here."""

    kind: str
    matter: str
    mechanism: str | None
    state: str | None
    step: str | None
    clock: str | None
    due_at: dt.datetime | None
    division: str | None
    moves: tuple[tuple[str, dt.datetime, dt.datetime], ...] = ()
    because: str | None = None


def compose(facts: Facts) -> dict[str, Text]:
    """The notice in each language; a neutral sentence where a key or a kind of event has no words yet."""
    return {language: _compose(facts, language) for language in LANGUAGES}


def _compose(facts: Facts, language: str) -> Text:
    sentences = _sentences()[language]
    fallback = Text(
        sentences["fallback"]["title"], f"{sentences['fallback']['text']}{sentences['closing']['text']}"
    )
    values = {name: value for name, value in _values(facts, language) if value}
    chosen = sentences.get(facts.kind, sentences["step_taken"])
    parts = [chosen["text"]]
    if facts.kind not in sentences and "clock" in values and "due" in values:
        parts.append(sentences["due"]["text"])
    parts.append(sentences["closing"]["text"])
    try:
        return Text(_fill(chosen["title"], values), "".join(_fill(part, values) for part in parts))
    except KeyError:
        return fallback


def _values(facts: Facts, language: str) -> Iterator[tuple[str, str | None]]:
    words = _catalogue().get((facts.mechanism or "", language), Words("", {}, {}, {}))
    short = _SHORT.match(facts.matter.replace("-", ""))
    place = divisions.find(facts.division or "")
    yield "matter", short[0].upper() if short else None
    yield "mechanism", words.mechanism
    yield "state", words.states.get(facts.state or "")
    yield "step", words.steps.get(facts.step or "")
    yield "clock", words.clocks.get(facts.clock or "")
    yield "due", _day(facts.due_at) if facts.due_at else None
    yield "moves", _moves(facts, words, language)
    yield "because", _sentences()[language]["because"].get(facts.because or "")
    yield "division", (place.name if language == "zh" else place.code) if place else None


def _moves(facts: Facts, words: Words, language: str) -> str | None:
    """One sentence after another, each a limit with its old and its new end; None where one has no words."""
    told = []
    for clock, was, due in facts.moves:
        if clock not in words.clocks:
            return None
        values = {"clock": words.clocks[clock], "was": _day(was), "due": _day(due)}
        told.append(_fill(_sentences()[language]["move"]["text"], values))
    return "".join(told) or None


def _day(at: dt.datetime) -> str:
    """The moment in Beijing; a midnight is 24:00 of the day that ends with it, as people read a last day."""
    local = at.astimezone(_BEIJING)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{local - dt.timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], template)


@functools.cache
def _sentences() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    content = tomllib.loads((_FOLDER / "sentences.toml").read_text(encoding="utf-8"))
    check(content)
    return content


@functools.cache
def _catalogue() -> Mapping[tuple[str, str], Words]:
    """Every mechanism we have words for; one file each."""
    found = {}
    for file in sorted((_FOLDER / "mechanisms").glob("*.toml")):
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        for index, language in enumerate(LANGUAGES):
            found[file.stem, language] = Words(
                content["title"][index],
                *(
                    {key: pair[index] for key, pair in content[part].items()}
                    for part in ("states", "steps", "clocks")
                ),
            )
    return found


def check(sentences: Mapping[str, Any]) -> None:
    """ValueError for a sentence with a variable outside the white list, or in one language only."""
    named = {
        name
        for language in LANGUAGES
        for sentence in sentences[language].values()
        for template in sentence.values()
        for name in _PLACE.findall(template)
    }
    if not named <= VARIABLES:
        raise ValueError(f"variables outside the white list: {', '.join(sorted(named - VARIABLES))}")
    if sentences["zh"].keys() != sentences["en"].keys():
        raise ValueError("a sentence is missing in one of the languages")
