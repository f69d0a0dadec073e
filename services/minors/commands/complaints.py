"""A reporter's complaint by token: it goes to the procuratorate of the report, and past everybody else."""

from collections.abc import Mapping
from typing import Any, Final

from services.minors.mechanisms.retaliation_complaint import MECHANISM as COMPLAINT
from shared.matters.commands import Commands
from shared.matters.requests import Absent, Actor, Request
from shared.matters.secrecy.following import Following

_ITSELF: Final = "service:minors"


class Complaints:
    """Takes complaints down for people without an account."""

    def __init__(self, commands: Commands, follow: Following) -> None:
        self._commands = commands
        self._follow = follow

    async def take_down(self, token: str, form: Mapping[str, Any], key: str) -> None:
        """Open the complaint in the name of the report's procuratorate, once per key. Raises Absent or Refused."""
        report = await self._follow.find(token)
        if report is None:
            raise Absent
        request = Request(
            key=f"{report.id}/{key}",
            form=form,
            division=report.division,
            links=[("spawned_from", report.id)],
            correlation=report.correlation,
        )
        procuratorate = Actor(report.parties["procuratorate"], _ITSELF, frozenset(), automatic=True)
        await self._commands.open_matter(
            COMPLAINT, procuratorate, request, COMPLAINT.step_by_key["take_down"]
        )
