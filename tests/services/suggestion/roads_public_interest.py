"""Roads through public-interest litigation, from the step after the opening."""

from typing import Any

from tests.services.suggestion.roads import LATER

Road = tuple[str | tuple[str, dict[str, Any]], ...]

TO_FILED: Road = ("assess", "file")
TO_SERVED: Road = (*TO_FILED, "serve_filing")
TO_CONSULTED: Road = (*TO_SERVED, "consult", "give_views", "record_consultation")
TO_INVESTIGATING: Road = (*TO_SERVED, "investigate", "collect_evidence")
TO_SUGGESTED: Road = (*TO_INVESTIGATING, "decide_suggestion", "serve_suggestion")
TO_FOLLOW_UP: Road = (*TO_SUGGESTED, "reply", "start_follow_up")
TO_FOLLOWED_UP: Road = (*TO_FOLLOW_UP, "record_follow_up")
TO_SUIT: Road = (*TO_FOLLOWED_UP, "sue")
TO_JUDGED: Road = (*TO_SUIT, "record_judgment")

ROADS: dict[str, Road] = {
    "a lead for another procuratorate": ("transfer_lead",),
    "a lead for another organ": ("hand_over_lead",),
    "a grave lead, no case": (
        ("assess", {"gravity": "grave"}), "report_grave_lead", "decline_filing",
    ),
    "filed before the agency was known, found and served": (
        "assess", ("file", {"agency_known": "unknown"}), "collect_evidence", "identify_agency", "serve_filing",
    ),
    "filed before the agency was known, never found": (
        "assess", ("file", {"agency_known": "unknown"}), "terminate_unidentified",
    ),
    "consulted and put right": (*TO_CONSULTED, "terminate", "serve_termination"),
    "consulted, investigated, heard, no ground": (
        *TO_CONSULTED, "investigate", "hold_hearing", ("terminate", {"ending_ground": "no_failure"}),
    ),
    "consulted and suggested": (*TO_CONSULTED, "decide_suggestion", "serve_suggestion", "file_suggestion"),
    "investigated elsewhere too, obstructed, a lead of a crime": (
        *TO_INVESTIGATING, "entrust_investigation", "report_findings",
        ("report_obstruction", {"copies": ["LY-ZF-329"]}), "refer_lead",
    ),
    "replied, followed up, put right": (
        *TO_SUGGESTED, "file_suggestion", "reply", "start_follow_up", "record_follow_up", "end_review",
        "serve_termination",
    ),
    "harm growing, replied after the follow-up began": (
        *TO_INVESTIGATING,
        ("decide_suggestion", {"urgency": "harm_growing", "urgency_reason": "汛期将至，损害继续扩大。"}),
        "serve_suggestion", "start_follow_up", "reply_late", "record_follow_up", "end_review",
    ),
    "suspended, resumed, appraised": (
        *TO_FOLLOW_UP, "suspend", "resume", "start_appraisal", "end_appraisal", "record_follow_up", "end_review",
    ),
    "extended twice, designated above": (
        *TO_FOLLOWED_UP, "extend_examination", "request_more_time", "approve_more_time", "designate_for_suit",
        "receive_for_suit",
    ),
    "for another procuratorate to sue": (
        *TO_FOLLOWED_UP, "transfer_for_suit", "receive_for_suit", "report_outcome",
    ),
    "no reply in time, sued for": (
        *TO_SUGGESTED, LATER, "start_follow_up",
        ("record_follow_up", {"performance": "not_performed"}),
        ("sue", {"not_performed": "no_reply_no_measures"}),
    ),
    "all claims met, withdrawn": (
        *TO_SUIT, "file_complaint", "decide_withdrawal", "submit_decision", "record_withdrawal_ruling",
    ),
    "withdrawal not allowed, claim changed, judged": (
        *TO_SUIT, "record_hearing_notice", "appoint_representatives", "decide_withdrawal", "submit_decision",
        "record_withdrawal_refusal", "decide_claim_change", "submit_decision",
        ("record_judgment", {"verdict": "confirmed_unlawful"}), "file_judgment", "report_performance",
    ),
    "judged, nobody appealed": (*TO_JUDGED, "file_judgment", LATER, "report_performance", "close"),
    "appealed by both, judged again": (
        *TO_JUDGED, "appeal", "appeal_by_agency", "record_appeal_copy",
        "report_agency_appeal", "instruct_appeal", "withdraw_appeal", "record_final_judgment", "close",
    ),
    "appealed by the agency and sent back": (
        *TO_JUDGED, "appeal_by_agency", "record_appeal_copy", "record_remand", "record_judgment",
    ),
    "recusals": (
        *TO_SERVED, "recuse", "ask_recusal", "decide_recusal", "ask_recusal_again", "decide_recusal_again",
    ),
}  # fmt: skip
