"""Roads through the procedures that begin with a report, and how they are walked through the public API."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.mechanism.grammar import Step
from tests.services.minors.conftest import REPORTING_OPENERS
from tests.services.referral.desk import Desk

# A step, or a step with the form fields that this road needs.
Stop = str | tuple[str, dict[str, Any]]
Road = tuple[Stop, ...]

POSTS = ("chief", "data_officer", "minors_officer")
# From here on nothing was done for months.
LATER = "later"

# No such person can be: no division has these digits, and the last digit fits no number.
CHILD = {
    "name": "试验儿童甲",
    "id_kind": "resident_id",
    "id_number": "990000201502300000",
    "born_on": "2015-02-28",
    "gender": "female",
    "phone": "000-11112222",
    "home": "试验县试验路零号",
    "school": "试验第零小学",
    "guardians": "试验监护人乙",
}
FACTS = {
    "narrative": "试验经过丙。",
    "place": "试验地点丁",
    "suspect": "试验人员戊",
    "evidence_reference": "试验证据己",
}
REPORTER = {
    "phone": "000-33334444",
    "name": "试验报告人庚",
    "post": "试验职务辛",
    "relation": "试验关系壬",
}
COMPLAINT = {
    "narrative": "试验申诉癸。",
    "complainant": "试验申诉人子",
    "phone": "000-55556666",
    "against": "试验对象丑",
}
SECRETS = {"child": CHILD, "facts": FACTS, "reporter": REPORTER, "complaint": COMPLAINT}
# Words of a list (resident_id, female) stand elsewhere too, and mean nobody.
TOLD_OF_PERSONS = tuple(
    value for told in SECRETS.values() for name, value in told.items() if name not in ("id_kind", "gender")
)

ADMINISTRATIVE: Stop = ("accept", {"case_track": "administrative"})
TO_NOT_FILED: Road = ("accept", "not_file")
TO_SERVED: Road = (*TO_NOT_FILED, "serve_non_filing_notice")
TO_REVIEW: Road = (
    *TO_SERVED, "seek_reconsideration", "uphold", "serve_reconsideration_decision", "seek_review",
)  # fmt: skip
TO_REASONS: Road = (*TO_NOT_FILED, "ask_reasons", "state_reasons")
TO_ORDER: Road = (*TO_REASONS, "order_filing")
TO_PROSECUTION: Road = ("pre_prosecution_notice", "send_for_prosecution")
TO_CHECKED: Road = ("check",)

REPORTS: Mapping[str, Road] = {
    "filed, heard, prosecuted, commended, erased": (
        "supplement", "accept", "give_feedback", "file_criminal", "record_hearing", "notify_guardian",
        *TO_PROSECUTION, "return_for_investigation", *TO_PROSECUTION, "record_outcome", "commend", "erase",
    ),
    "organs called in, review extended, withdrawn": (
        "accept", "file_for_record", "call_in_civil_affairs", "call_in_education_authority",
        "call_in_justice_bureau", "call_in_womens_federation", "call_in_youth_league",
        "extend_filing_to_seven_days", "extend_filing_to_thirty_days", "file_criminal", "withdraw",
    ),
    "an administrative case": (
        ADMINISTRATIVE, "extend_admin_review", "open_admin_case", "give_feedback", "close_admin",
    ),
    "an administrative case that is a crime": (ADMINISTRATIVE, "open_admin_case", "file_criminal"),
    "for another station": ("accept", "find_no_jurisdiction", "send_to_competent", "accept", "file_criminal"),
    "not filed, and nobody complains": ("accept", ("not_file", {"complainant": False}), "close_not_filed"),
    "not filed, and nobody objects in time": (*TO_SERVED, LATER, "close_not_filed"),
    "not filed, reversed": (*TO_SERVED, "seek_reconsideration", "extend_reconsideration", "reverse"),
    "not filed, upheld twice, closed": (*TO_REVIEW, "extend_review", "uphold_review", "close_not_filed"),
    "not filed, upheld twice, new facts": (*TO_REVIEW, "uphold_review", "file_criminal"),
    "not filed, reversed from above": (*TO_REVIEW, "reverse_review"),
    "reasons accepted": (*TO_REASONS, "accept_reasons", "tell_reasons", "close_not_filed"),
    "ordered, filed, urged": (*TO_ORDER, "file_criminal", LATER, "urge_investigation"),
    "ordered in vain": (*TO_ORDER, LATER, "correct_violation", "level_up", "file_criminal"),
    "no reasons in time": (
        *TO_NOT_FILED, "ask_reasons", LATER, "correct_violation", "state_reasons_late", "order_filing",
    ),
    "no decision, no feedback": ("accept", LATER, "ask_feedback", "give_feedback", "ask_reasons", "file_criminal"),
    "a person's report": ("take_down", "supplement", "accept", "give_feedback", "file_criminal"),
}  # fmt: skip
PROTECTIONS: Mapping[str, Road] = {
    "treated, taken in, given back": (
        "arrange_medical", "ask_shelter", "place_in_shelter", "end_shelter", "close",
    ),
    "relief": (
        "start_relief_civil_affairs", "start_relief_education_authority", "start_relief_justice_bureau",
        "start_relief_womens_federation", "start_relief_youth_league", "report_relief",
        "decide_judicial_relief", "close",
    ),
    "a protection order": (
        "call_in_residents_committee", "call_in_relief_body", "apply_protection_order", "accept_application",
        "decide_protection_order", "guardian_admonish", "close",
    ),
}  # fmt: skip
FAILURES: Mapping[str, Road] = {
    "the unit disciplines": (*TO_CHECKED, "ask_unit", "reply", "close"),
    "the unit is silent, the authority answers": (
        *TO_CHECKED, "ask_unit", LATER, "urge_unit", "ask_authority", "reply", "close",
    ),
    "the authority is silent": (*TO_CHECKED, "ask_authority", LATER, "urge_authority", "reply"),
    "an official": (*TO_CHECKED, "send_to_supervision", "report_disposition", "close"),
    "a crime": (*TO_CHECKED, "send_to_police", "report_outcome", "close"),
    "none": (*TO_CHECKED, "close_no_failure"),
    "found by the police": ("find_in_case", *TO_CHECKED, "ask_unit"),
}  # fmt: skip
COMPLAINTS: Mapping[str, Road] = {
    "handed over, erased": ("accept", "supplement", "investigate", "hand_over", "close", "erase"),
    "not substantiated": (
        "accept", "investigate", ("close", {"outcome": "not_substantiated"}),
    ),
    "a person's complaint": ("take_down", "accept", "investigate"),
}  # fmt: skip


async def opened(desk: Desk, road: Road) -> tuple[str, Road]:
    """Open a matter for the road, by the way in with which it begins; its id, and what is still to be walked."""
    ways = REPORTING_OPENERS[desk.mechanism.key]
    first = road[0] if isinstance(road[0], str) and road[0] in ways else None
    step = desk.mechanism.step_by_key[first] if first else desk.mechanism.opening
    path = f"{desk.path}/openings/{first}" if first else desk.path
    changes: dict[str, Any] = {"acted_at": _months_ago(desk)} if LATER in road else {}
    unit = ways[step.key]
    answer = await desk.post(unit, path, await body(desk, unit, step, **changes), posts=POSTS)
    assert answer.status_code == 201, answer.text
    return answer.json()["matter"], road[1:] if first else road


async def walk(desk: Desk, matter: str, road: Road) -> None:
    """Take every step of the road as the first unit that may."""
    late = LATER in road
    for stop in road:
        if stop == LATER:
            late = False
            continue
        key, form = (stop, {}) if isinstance(stop, str) else stop
        step = desk.mechanism.step_by_key[key]
        changes: dict[str, Any] = {"form": form} if form else {}
        if late:
            changes["acted_at"] = _months_ago(desk)
        unit = await _unit_of(desk, matter, step)
        asked = await body(desk, unit, step, **changes)
        answer = await desk.post(unit, f"{desk.path}/{matter}/steps/{key}", asked, posts=POSTS)
        assert answer.status_code == 200, f"{key}: {answer.text}"
        assert step.to in (None, answer.json()["state"])


async def body(desk: Desk, unit: str, step: Step, **changes: Any) -> dict[str, Any]:
    """Return a body that the step accepts, with every secret it can be told in full."""
    told = {name: told for name, told in SECRETS.items() if name in step.form.model_fields}
    form = {**told, **changes.pop("form", {})}
    return await desk.body(unit, step, **({"form": form} if form else {}), **changes)


async def _unit_of(desk: Desk, matter: str, step: Step) -> str:
    document = await desk.store.matters.collection.find_one({"_id": matter}, {"parties": 1})
    assert document is not None
    parties: dict[str, str] = document["parties"]
    keys = [party.recorded_by or party.key for party in step.parties]
    return next(parties[key] for key in keys if key in parties)


def _months_ago(desk: Desk) -> str:
    return (desk.now() - timedelta(days=100)).isoformat()
