"""The child's protection begins when a report is accepted, in a matter of its own that the report never waits for."""

from typing import Final

from services.minors.mechanisms.child_protection import MECHANISM as PROTECTION
from shared.events import Event
from shared.matters.commands import Commands
from shared.matters.requests import Actor, Request
from shared.mechanism.permit import Refused

ACCEPTED: Final = "minors.mandatory_report.accepted"
# Who stands in the history as the person: the service, not an officer.
_ITSELF: Final = "service:minors"


class Protection:
    """Opens the protection that an accepted report asks for; once, whatever is told again."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def begin(self, event: Event) -> None:
        """Open it in the name of the police that accepted the report; a report sent on and accepted again has it."""
        if PROTECTION.key not in event.data["opens"]:
            return
        request = Request(
            key=f"protection of {event.subject}",
            form={"ground": "report_accepted"},
            acted_at=event.time,
            division=event.data["division"],
            links=[("spawned_from", event.subject)],
            correlation=event.correlation,
        )
        police = Actor(event.data["by"]["unit"], _ITSELF, frozenset(), automatic=True)
        try:
            await self._commands.open_matter(PROTECTION, police, request)
        except Refused as refused:
            if refused.code != "idempotency-key-reused":
                raise
