"""From a missed decision to verified rectification, across two services, under one correlation."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from deploy.local.acts import Acts, Receipt
from deploy.local.callers import Caller, Callers

PATIENCE = 30.0  # seconds until what one service says has become a matter of the other
POINT = {"basis": "公安机关办理刑事案件程序规定第一百八十条"}
POINTS = [
    {**POINT, "problem": "接受移送案件后逾期未作出决定。", "suggestion": "对本案依法作出是否立案的决定。"},
    {**POINT, "problem": "未建立审查期限的提醒制度。", "suggestion": "建立期限台账并逐案提醒。"},
]


class ChainError(Exception):
    """The chain did not go on; the message says where."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What came of one miss: the matters of each mechanism, by the one correlation they all have."""

    correlation: str
    issuer: str
    matters: Mapping[str, str]
    state: str
    receipts: tuple[Receipt, ...]


async def play_chain(callers: Callers, transfer: str, unit: str) -> Chain:
    """Follow the missed decision of a transfer to its end; `unit` may read it. Raises ChainError, Refusal."""
    cause = await _acts(callers, unit, "referral", "forward_transfer")
    parties = (await cause.read(unit, transfer))["parties"]
    procuratorate, police = parties["procuratorate"], parties["police"]
    drafts = await _acts(callers, procuratorate, "suggestion", "supervision_draft")
    suggestions = await _acts(callers, procuratorate, "suggestion", "procuratorial_suggestion")
    receipts = list[Receipt]()

    async def act(acts: Acts, actor: str, matter: str, key: str, **more: Any) -> str:
        receipt, state = await acts.take(actor, matter, key, once=str(len(receipts)), **more)
        receipts.append(receipt)
        return state

    async def of_the_decision() -> list[Any]:
        # A step that was recorded late can make for another draft: the clock had run out until it was recorded.
        found = await drafts.correlated(procuratorate, transfer)
        read = [await drafts.read(procuratorate, each["id"]) for each in found]
        return [each for each in read if each["fields"]["what"] == "decision"]

    draft = await _the_one("draft", of_the_decision)
    await act(drafts, procuratorate, draft, "change", form={"addressee": police})
    await act(drafts, procuratorate, draft, "approve_suggestion")
    one = await _the_one("suggestion", lambda: suggestions.correlated(procuratorate, transfer))

    async def issuer(key: str, **more: Any) -> str:
        return await act(suggestions, procuratorate, one, key, **more)

    async def addressee(key: str, **more: Any) -> str:
        return await act(suggestions, police, one, key, **more)

    for key in ("investigate", "record_measure", "report_investigation"):
        await issuer(key)
    await issuer("draft", form={"points": POINTS})
    await issuer("approve")
    await issuer("deliver", bound={"addressee": police})
    await addressee("reply")
    for number in (1, 2):
        await addressee("report_point", form={"point": number})
    await issuer("verify_point", form={"point": 1})
    await issuer("reject_point", form={"point": 2})
    await issuer("urge")
    await addressee("report_point", form={"point": 2})
    await issuer("verify_point", form={"point": 2})
    for number in (1, 2):
        await issuer("revisit_point", form={"point": number})
    state = await issuer("close")
    found = {
        "forward_transfer": await cause.correlated(procuratorate, transfer),
        "supervision_draft": await of_the_decision(),
        "procuratorial_suggestion": await suggestions.correlated(procuratorate, transfer),
    }
    if any(len(each) != 1 for each in found.values()):
        raise ChainError(
            f"one of each was to be found by {transfer}: { {k: len(v) for k, v in found.items()} }"
        )
    return Chain(
        transfer, procuratorate, {key: each[0]["id"] for key, each in found.items()}, state, tuple(receipts)
    )


async def _acts(callers: Callers, unit: str, service: str, mechanism: str) -> Acts:
    return Acts(callers, service, await callers.get(Caller(unit), service, f"/v1/mechanisms/{mechanism}"))


async def _the_one(what: str, look: Callable[[], Awaitable[list[Any]]]) -> str:
    deadline = monotonic() + PATIENCE
    while not (found := await look()):
        if monotonic() > deadline:
            raise ChainError(f"no {what} came of it")
        await asyncio.sleep(0.1)
    if len(found) > 1:
        raise ChainError(f"{len(found)} times a {what} came of it")
    matter: str = found[0]["id"]
    return matter
