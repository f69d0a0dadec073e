"""From the alert of a child in danger to the answer that the reporter gets, seen from both sides."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from deploy.local.acts import Acts, Receipt
from deploy.local.callers import Caller, Callers
from deploy.local.receiver import Receiver

PATIENCE = 10.0  # seconds until an alert must have arrived
SCHOOL = "LY-XX-901"
OFFICER = ("minors_officer",)
# Nobody: no division has these digits, and the last digit fits no number.
CHILD = {
    "name": "示例儿童甲",
    "id_number": "990000201502300000",
    "born_on": "2015-02-28",
    "home": "示例路零号",
    "school": "示例第零小学",
}
FACTS = {"narrative": "示例情况乙，仅供演示。"}
REPORTER = {"name": "示例教师丙", "phone": "000-00000000"}
PERSONAL = frozenset({*CHILD.values(), *FACTS.values(), *REPORTER.values()} - {CHILD["born_on"]})

_SECRETS = "matters:read secrets:read"


class ReportError(Exception):
    """The report did not go on; the message says where."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the police see and what the reporter is told, after one step."""

    step: str
    state: str
    told: str
    awaited: str


@dataclass(frozen=True, slots=True)
class Report:
    """One report: how long its alert took, both sides of it, and what was read of the child."""

    matter: str
    police: str
    alert_seconds: float
    moments: tuple[Moment, ...]
    read: Mapping[str, Any]
    receipts: tuple[Receipt, ...]


async def play_report(callers: Callers, receiver: Receiver) -> Report:
    """Report, alert, accept, read the child's name for a purpose, give feedback. Raises ReportError, Refusal."""
    declared = await callers.get(Caller(SCHOOL), "minors", "/v1/mechanisms/mandatory_report")
    acts = Acts(callers, "minors", declared)
    titles = {step["key"]: step["title"] for step in (declared["opening"], *declared["steps"])}
    secrets = {"child": CHILD, "facts": FACTS, "reporter": REPORTER}
    opened = await acts.open(SCHOOL, declared["opening"], form=secrets, once="report")
    began = monotonic()
    view = await acts.read(SCHOOL, opened.matter)
    police, procuratorate = view["parties"]["police"], view["parties"]["procuratorate"]
    await _alerted(receiver, opened.matter, {police, procuratorate})
    alert_seconds = monotonic() - began
    token = await callers.post(Caller(SCHOOL), "minors", f"{acts.path}/{opened.matter}/follow-token", {})
    receipts, moments = [opened], [await _moment(callers, acts, police, opened.matter, token, "报告")]
    road: tuple[tuple[str, dict[str, Any]], ...] = (
        ("accept", {"case_track": "administrative"}),
        ("open_admin_case", {}),
        ("give_feedback", {}),
    )
    for key, form in road:
        receipt, _ = await acts.take(police, opened.matter, key, form=form, once=key)
        receipts.append(receipt)
        moments.append(await _moment(callers, acts, police, opened.matter, token, titles[key]))
    label = view["fields"]["child"]["label"]
    asked = {"label": label, "fields": ["name"], "purpose": "case_handling"}
    officer = Caller(police, posts=OFFICER, scope=_SECRETS)
    read = await callers.post(officer, "minors", f"{acts.path}/{opened.matter}/disclosures", asked)
    return Report(opened.matter, police, alert_seconds, tuple(moments), read, tuple(receipts))


async def _alerted(receiver: Receiver, matter: str, units: set[str]) -> None:
    """Return once the endpoints of all these units were told of the matter."""
    deadline = monotonic() + PATIENCE
    while not units <= {
        unit
        for (_, unit), body in list(receiver.verified.items())
        if json.loads(body)["data"]["matter"] == matter
    }:
        if monotonic() > deadline:
            raise ReportError("the alert of a report did not arrive")
        await asyncio.sleep(0.01)


async def _moment(
    callers: Callers, acts: Acts, police: str, matter: str, token: Mapping[str, Any], step: str
) -> Moment:
    view = await acts.read(police, matter)
    progress = await callers.post(Caller(SCHOOL), "minors", "/v1/followed", token)
    awaited = "; ".join(f"{each['what']} ({each['due_at']})" for each in progress["awaited"])
    return Moment(step, view["state"]["title"], progress["state"], awaited or "-")
