"""The suggestion service: `python -m services.suggestion.main api|worker|migrate`."""

import sys
from collections.abc import Mapping, Sequence
from typing import cast

from fastapi import APIRouter

from services.suggestion.api import assessments, rectification
from services.suggestion.commands.ladder import ADOPTED, MISSED, Ladder
from services.suggestion.mechanisms import MECHANISMS
from services.suggestion.settings import Settings
from services.suggestion.store.figures import heard
from services.suggestion.store.keeping import SuggestionKeeping
from shared.events import Event
from shared.matters.assembly import Handler, Parts, Service


def _heard(parts: Parts) -> Mapping[str, Handler]:
    ladder = Ladder(parts.commands, parts.keeping.matters)
    return _together(
        {**dict.fromkeys(MISSED, ladder.prepare), ADOPTED: ladder.issue},
        dict.fromkeys(heard(), _kept(parts).figures.hear),
    )


def _together(*heard: Mapping[str, Handler]) -> Mapping[str, Handler]:
    """Return one handler for each type of event: those that want the same type, one after another."""
    return {
        kind: _one_after_another([each[kind] for each in heard if kind in each])
        for kind in set().union(*heard)
    }


def _one_after_another(handlers: Sequence[Handler]) -> Handler:
    async def handle(event: Event) -> None:
        for handler in handlers:
            await handler(event)

    return handle


def _routers(parts: Parts) -> Sequence[APIRouter]:
    kept = _kept(parts)
    return (
        rectification.build_router(kept.figures, parts.commands, parts.identity),
        assessments.build_router(kept.assessments, parts.commands, parts.identity),
    )


def _kept(parts: Parts) -> SuggestionKeeping:
    return cast("SuggestionKeeping", parts.keeping)


SERVICE = Service(
    name="suggestion",
    title="Suggestion",
    description="""\
检察建议: from their source to verified rectification.

A suggestion is divided into points; it is closed on verified points, never on a reply. What other services say was
missed becomes a draft, and an officer of the procuratorate decides what follows. Reply and rectification are counted
apart.
Times are ISO 8601 with an offset; deadlines are exclusive moments.""",
    settings=Settings,
    mechanisms=MECHANISMS,
    routers=_routers,
    heard=_heard,
    keeping=SuggestionKeeping,
)

if __name__ == "__main__":
    sys.exit(SERVICE.main())
