"""Cases played along the roads that a forward transfer can take, each step by the unit whose turn it is."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from deploy.local.acts import Acts, Receipt
from deploy.local.callers import Callers
from deploy.local.load import Opened
from shared.clocks.calendar import published_calendar
from shared.clocks.counting import Length, Rule, Unit, count

MECHANISM = "forward_transfer"
TO_POLICE = ("name_team", "submit_report", "approve", "deliver")
TO_DECISION = (*TO_POLICE, "sign_receipt")
TO_REFUSAL = (*TO_DECISION, "decline", "serve_non_filing_notice")
TO_HANDOVER = ("file", "serve_filing_notice", "hand_over", "sign_handover")


@dataclass(frozen=True, slots=True)
class Road:
    """One way through the procedure. `overdue`: the police signed last week and have not decided since."""

    title: str
    steps: tuple[str, ...]
    economic: bool = False
    overdue: bool = False


ROADS = (
    Road("filed and handed over", (*TO_DECISION, *TO_HANDOVER)),
    Road("supplements asked for and supplied", (*TO_DECISION, "ask_supplement", "supply", *TO_HANDOVER)),
    Road(
        "refused, reconsidered, upheld, supervision suggested",
        (
            *(*TO_REFUSAL, "ask_reconsideration", "uphold"),
            *("serve_reconsideration_decision", "suggest_supervision"),
        ),
    ),
    Road(
        "redirected to other police, then filed",
        (*TO_DECISION, "find_no_jurisdiction", "redirect", "sign_receipt", *TO_HANDOVER),
    ),
    Road("decision overdue, delay complained of", (*TO_DECISION, "complain_of_delay"), overdue=True),
    Road("decision overdue, the police silent", TO_DECISION, overdue=True),
    Road(
        "not approved, punished, penalty copied",
        ("name_team", "submit_report", "refuse", "record_penalty", "copy_penalty"),
    ),
    Road(
        "withdrawn, then handled by the organ",
        (*TO_DECISION, "file", "withdraw", "serve_withdrawal", "handle_administratively"),
    ),
    Road("refused, reconsidered, filed", (*TO_REFUSAL, "ask_reconsideration", *TO_HANDOVER)),
    Road("not a police matter", (*TO_DECISION, "return_out_of_scope")),
    Road(
        "refused, supervision suggested at once, handled by the organ",
        (*TO_REFUSAL, "suggest_supervision", "handle_administratively"),
    ),
    Road(
        "an opinion asked for, a duty crime referred",
        ("name_team", "ask_opinion", "give_opinion", "refer_duty_crime", "submit_report"),
    ),
    Road("on its way", TO_POLICE),
    Road(
        "economic crime, decision extended",
        (*TO_DECISION, "extend_to_ten_days", "extend_to_thirty_days", "extend_by_thirty_days"),
        economic=True,
    ),
    Road(
        "economic crime, extended and filed",
        (*TO_DECISION, "extend_to_ten_days", *TO_HANDOVER),
        economic=True,
    ),
)

SHOWN = tuple(
    road
    for road in ROADS
    if road.title.startswith(
        ("refused, reconsidered, upheld", "decision overdue, delay", "economic crime, decision")
    )
)


class Walk(NamedTuple):
    """A matter at the end of its road."""

    matter: str
    unit: str
    road: Road
    state: str
    receipts: tuple[Receipt, ...]


def on_roads(matters: Iterable[Opened]) -> Iterator[tuple[Opened, Road]]:
    """Give each matter a road that suits its case, in turn."""
    turns = {
        kind: itertools.cycle([road for road in ROADS if road.economic is kind]) for kind in (False, True)
    }
    for opened in matters:
        yield opened, next(turns[opened.case.body["form"].get("case_type") == "economic_crime"])


class Player:
    """Walks roads, each step by the unit that fills its party."""

    def __init__(
        self, callers: Callers, declaration: Mapping[str, Any], units: Mapping[tuple[str, str], str]
    ) -> None:
        """`units`: the code of a unit by its kind and division."""
        self._acts = Acts(callers, "referral", declaration)
        self._kinds = {party["key"]: party["kinds"][0] for party in declaration["parties"]}
        self._units = units
        decision = next(clock for clock in declaration["clocks"] if clock["key"] == "decision")
        self._last_week = _overdue_since(decision["length"], datetime.now(UTC))

    async def walk(self, opened: Opened, road: Road) -> Walk:
        """Take every step of the road. Raises Refusal, httpx.HTTPError."""
        view = await self._acts.read(opened.case.unit, opened.matter)
        parties, division, state = dict(view["parties"]), view["division"], view["state"]["key"]
        receipts = [Receipt(opened.matter, 1, opened.hash)]
        for number, key in enumerate(road.steps):
            step = self._acts.steps[key]
            bound = {party: self._unit_for(party, division, parties) for party in step["binds"]}
            late = road.overdue and key in TO_DECISION
            receipt, state = await self._acts.take(
                parties[step["by"][0]],
                opened.matter,
                key,
                bound=bound,
                acted_at=self._last_week.isoformat() if late else None,
                once=str(number),
            )
            receipts.append(receipt)
            parties |= bound
        return Walk(opened.matter, opened.case.unit, road, state, tuple(receipts))

    def _unit_for(self, party: str, division: str, parties: Mapping[str, str]) -> str:
        """The division's own unit; where the party is bound already, one of another division."""
        kind = self._kinds[party]
        if party not in parties:
            return self._units[kind, division]
        others = sorted(
            code for (each, _), code in self._units.items() if each == kind and code != parties[party]
        )
        return others[int(division) % len(others)]


def _overdue_since(length: Mapping[str, Any], now: datetime) -> datetime:
    """A moment a week ago, or as much earlier as holidays need for the time to be over now."""
    rule, calendar = Rule(Length(length["amount"], Unit(length["unit"]))), published_calendar()
    moment = now - timedelta(days=7)
    while count(rule, moment, calendar).at > now:
        moment -= timedelta(days=1)
    return moment
