"""监督阶梯: what other services say was missed becomes a draft here, once; an adopted draft opens its instrument."""

from collections.abc import Mapping
from typing import Any, Final

from services.suggestion.mechanisms import MECHANISMS
from shared.events import Event
from shared.matters.commands import Commands
from shared.matters.requests import Actor, Request
from shared.matters.store import Matters
from shared.mechanism.permit import Refused

# What is heard: duties missed, and refusals upheld.
MISSED: Final = ("referral.forward_transfer.duty_missed", "referral.forward_transfer.non_filing_upheld")
ADOPTED: Final = "suggestion.supervision_draft.approved"

DRAFT: Final = MECHANISMS["supervision_draft", "2019"]
SUGGESTION: Final = MECHANISMS["procuratorial_suggestion", "2019-02-26"]
# Who stands in the history as the person: the service, not an officer.
_ITSELF: Final = "service:suggestion"


class Ladder:
    """Prepares drafts and opens instruments. Whatever comes again, or in another order, changes nothing."""

    def __init__(self, commands: Commands, matters: Matters) -> None:
        self._commands = commands
        self._matters = matters

    async def prepare(self, event: Event) -> None:
        """Prepare one draft for what was missed; what proposes nothing to a procuratorate needs none."""
        parties = event.data["parties"]
        proposed = [each for each in event.data.get("proposes", ()) if each["party"] in parties]
        if not proposed:
            return
        unit = parties[proposed[0]["party"]]
        service, mechanism, _ = event.type.split(".")
        # One miss, one draft: the same run of a clock, or the same entry, whatever event tells of it.
        clock = event.data.get("clock") or {}
        what, number = clock.get("key") or event.data["step"], clock.get("number")
        form = {
            "service": service,
            "mechanism": mechanism,
            "matter": event.subject,
            "version": event.version,
            "what": what,
            "number": number,
            "due_at": clock.get("due_at"),
            "addressee": (event.data.get("on") or event.data["by"])["unit"],
            "instrument": proposed[0]["instrument"],
            "articles": list(proposed[0]["cites"]),
            "others": [each["instrument"] for each in proposed[1:]],
        }
        key = f"{event.subject}/{what}/{number or event.version}"
        await self._open(
            DRAFT, Actor(unit, _ITSELF, frozenset(), automatic=True), key, form, event, event.subject
        )

    async def issue(self, event: Event) -> None:
        """Open the suggestion that an adopted draft asks for."""
        if SUGGESTION.key not in event.data["opens"]:
            return
        draft = await self._matters.find_own(event.subject)
        if draft is None:
            raise LookupError(f"there is no draft {event.subject}")
        entry = next(each for each in draft.history if each.version == event.version)
        form = {**entry.form, "source": "supervision_draft", "urgent": False}
        actor = Actor(str(entry.unit), str(entry.person), frozenset(), automatic=True)
        await self._open(SUGGESTION, actor, event.subject, form, event, event.subject)

    async def _open(
        self, mechanism: Any, actor: Actor, key: str, form: Mapping[str, Any], event: Event, cause: str
    ) -> None:
        request = Request(
            key=key,
            form=form,
            acted_at=event.time,
            division=event.data["division"],
            links=[("escalated_from", cause)],
            correlation=event.correlation,
        )
        try:
            await self._commands.open_matter(mechanism, actor, request)
        except Refused as refused:
            if refused.code != "idempotency-key-reused":
                raise
