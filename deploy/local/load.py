"""Load a city's directory and a department's cases through the public APIs, as the units themselves would."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from deploy.local.callers import Caller, Callers, Refusal, side_by_side
from deploy.local.cases import Case, Fault, Plan, read_cases, read_plan
from deploy.local.suite import ROOT

SAMPLE = ROOT / "deploy" / "sample"
UNITS, CASES, MAPPING = SAMPLE / "units.csv", SAMPLE / "cases.csv", SAMPLE / "mapping.toml"
# A list of each service with procedures: it refuses units it has not heard of.
LISTS = {
    "minors": "/v1/mandatory-reports",
    "referral": "/v1/forward-transfers",
    "suggestion": "/v1/procuratorial-suggestions",
}
KEEPER = Caller("DIRECTORY", scope="directory:read directory:write")
SPREAD_WITHIN = 30.0  # seconds from an import until every service knows the units
AT_ONCE = 8

_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class LoadError(Exception):
    """Something could not be loaded at all; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A row that stands as a matter, with the hash of its first entry; `new` unless an earlier import opened it."""

    case: Case
    matter: str
    hash: str
    new: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of each row of an export."""

    opened: Sequence[Opened]
    refused: Sequence[Fault]

    def lines(self) -> Iterator[str]:
        """The report for a terminal: a line for each refused row, and one for all the others."""
        for fault in self.refused:
            yield f"line {fault.line}, {fault.number}: {fault.column}: {fault.reason}"
        new, rows = sum(each.new for each in self.opened), len({fault.line for fault in self.refused})
        yield f"{new} matters opened, {len(self.opened) - new} there already, {rows} rows refused"


async def load_sample(callers: Callers) -> Loaded | None:
    """Fill an empty directory with the sample and open its cases; None when there are units already."""
    if (await callers.get(KEEPER, "notifier", "/v1/units", limit=1))["items"]:
        return None
    await load_units(callers, UNITS)
    return await load_cases(callers, CASES, read_plan(MAPPING))


async def load_units(callers: Callers, file: Path) -> Mapping[str, Any]:
    """Import a roster and wait until every service knows its units; the report. Raises LoadError, Refusal."""
    headers = {"Content-Type": _MEDIA_TYPES.get(file.suffix.lower(), "")}
    content = await asyncio.to_thread(file.read_bytes)
    answer = await callers.ask(
        KEEPER, "POST", "notifier", "/v1/units/import", content=content, headers=headers
    )
    await _spread(callers)
    report: Mapping[str, Any] = answer.json()
    return report


async def load_cases(callers: Callers, file: Path, plan: Plan) -> Loaded:
    """Open a matter for each readable row, as its own unit. The same file again opens nothing.

    Raises Unreadable for the file; Refusal, httpx.HTTPError when the suite itself fails. A refused row is reported.
    """
    cases, refused = list[Case](), list[Fault]()
    for row in read_cases(file, plan):
        if isinstance(row, Case):
            cases.append(row)
        else:
            refused += row
    units = sorted({case.unit for case in cases})
    known = set().union(*await side_by_side((_matters(callers, unit, plan) for unit in units), AT_ONCE))
    opened = []
    for case, came in zip(
        cases, await side_by_side((_open(callers, case, plan) for case in cases), AT_ONCE), strict=True
    ):
        if isinstance(came, Mapping):
            matter, digest = came["matter"], came["hash"]
            opened.append(Opened(case, matter, digest, matter not in known))
            known.add(matter)
        else:
            refused += came
    return Loaded(opened, sorted(refused, key=lambda fault: fault.line))


async def _open(callers: Callers, case: Case, plan: Plan) -> Mapping[str, Any] | list[Fault]:
    """The receipt, or what the service has against the row, in the department's own words for the columns."""
    try:
        receipt: Mapping[str, Any] = await callers.post(
            Caller(case.unit), "referral", plan.path, case.body, case.key
        )
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        found = [(plan.column_of(each["field"]), each["message"]) for each in refusal.errors]
        place = plan.unit.column if refusal.status == 403 else plan.number
        found = found or [(place, f"{refusal.code}: {refusal.detail}")]
        return [Fault(case.line, case.number, column, reason) for column, reason in found]
    return receipt


async def _matters(callers: Callers, unit: str, plan: Plan) -> set[str]:
    try:
        return {each["id"] async for each in callers.pages(Caller(unit), "referral", plan.path)}
    except Refusal:
        return set()  # an unknown unit; its rows will say so


async def _spread(callers: Callers) -> None:
    """Wait until every service with procedures has heard of every active unit."""
    waiting = {each["code"] async for each in callers.pages(KEEPER, "notifier", "/v1/units", active=True)}
    deadline = monotonic() + SPREAD_WITHIN
    while waiting:
        known = await side_by_side((_is_known(callers, unit) for unit in sorted(waiting)), AT_ONCE)
        waiting = {unit for unit, is_known in zip(sorted(waiting), known, strict=True) if not is_known}
        if waiting and monotonic() > deadline:
            raise LoadError(f"some service has not heard of {len(waiting)} units in time")
        await asyncio.sleep(0.2 if waiting else 0)


async def _is_known(callers: Callers, unit: str) -> bool:
    try:
        for service, path in LISTS.items():
            await callers.get(Caller(unit), service, path, limit=1)
    except Refusal as refusal:
        if refusal.code != "unit-unknown":
            raise
        return False
    return True
