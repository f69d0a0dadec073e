"""Roads through the mechanisms of the suggestion service, and how they are walked through the public API."""

import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.services.referral.desk import Desk

# A step, or a step with the form fields that this road needs.
Stop = str | tuple[str, dict[str, Any]]
Road = tuple[Stop, ...]

TO_DRAFT: Road = ("investigate", "record_measure", "report_investigation", "draft")
TO_APPROVED: Road = (*TO_DRAFT, "review_policy", "approve")
TO_SERVED: Road = (*TO_APPROVED, "deliver")
VERIFIED: Road = ("report_point", "verify_point")
# From here on nothing was done for months.
LATER = "later"

ROADS: Mapping[str, Road] = {
    "verified, visited again, closed": (
        *TO_SERVED, "file_up", "plan_point", "reply", *VERIFIED, "revisit_point", "close",
    ),
    "not verified, urged, put right, closed, relapsed, put right again": (
        *TO_SERVED, "reply", "report_point", "reject_point", "continue_following", "urge", *VERIFIED,
        "resume_following", "close", "reopen_point", *VERIFIED, "close",
    ),
    "nothing found": ("investigate", "report_investigation", "close_no_issue"),
    "grouped, consulted and revised": (
        "group_cases", *TO_DRAFT, "review_policy", "consult", "give_views", "revise", "approve", "deliver",
        ("copy_out", {"copies": ["LY-ZF-329"]}), "follow_up",
    ),
    "not approved": (*TO_DRAFT, "review_policy", "reject"),
    "for another procuratorate": (*TO_DRAFT, "route"),
    "objected to in vain": (*TO_SERVED, "object", "overrule_objection", "reply"),
    "objected to and changed": (*TO_SERVED, "object", "amend", "deliver_amended", "reply", *VERIFIED, "close"),
    "ordered to be withdrawn": (*TO_SERVED, "file_up", "order_correction", "withdraw"),
    "no reply, urged, escalated, answered after all": (
        *TO_SERVED, LATER, "urge_reply", ("escalate", {"copies": ["LY-ZF-329"]}), "reply", *VERIFIED, "close",
    ),
}  # fmt: skip
PUBLIC_INTEREST: Road = (
    *TO_DRAFT, "approve", "deliver", LATER, "urge_reply", ("escalate", {"copies": ["LY-ZF-329"]}), "turn_to_suit",
)  # fmt: skip

_numbers = itertools.count()


def breach() -> str:
    """Return a kind of breach that no other matter of the tests has."""
    return f"违法情形 {next(_numbers)}"


async def opened(desk: Desk, road: Road, **form: Any) -> str:
    """Open a matter for the road."""
    changes: dict[str, Any] = {}
    if LATER in road:
        changes["acted_at"] = _months_ago(desk)
    if "breach" in desk.mechanism.opening.form.model_fields:
        form = {"breach": breach(), **form}
    return await desk.open(**changes, form=form)


async def walk(desk: Desk, matter: str, road: Road) -> dict[str, Any]:
    """Take every step of the road as the unit that fills its party; the last receipt."""
    late, receipt = LATER in road, dict[str, Any]()
    for stop in road:
        if stop == LATER:
            late = False
            continue
        key, form = (stop, {}) if isinstance(stop, str) else stop
        changes: dict[str, Any] = {"form": form} if form else {}
        if late:
            changes["acted_at"] = _months_ago(desk)
        receipt = await desk.take(matter, key, **changes)
        expected = desk.mechanism.step_by_key[key].to
        assert expected in (None, receipt["state"])
    return receipt


def _months_ago(desk: Desk) -> str:
    return (desk.now() - timedelta(days=100)).isoformat()
