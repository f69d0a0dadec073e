"""Matters by the hundred and by the hundred thousand: worked out by the core, and copied by the server."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pymongo import MongoClient

from shared.clocks.calendar import published_calendar
from shared.matters.document import opening_document
from shared.mechanism import core
from shared.mechanism.core import Act, Change, Whereabouts
from shared.mechanism.reckoning import Terms
from shared.mongo import Document
from tests.shared.matters.trial import ADVICE, ORGAN_UNIT

SEEDS, COPIES = 1000, 200
CITY = "410300"
COUNTIES = ("410329", "410323", "410328", "410327")
BIG_ORGAN = "LY-SC-000"  # half of all matters are with it
RARE = "withdrawn"  # the state of one seed in a hundred
_TERMS = Terms(published_calendar(edition=2), {})
_PATHS = ((), ("suspend",), ("answer",), ("suspend", "resume"))


def due(count: int, now: datetime) -> list[Document]:
    """Make matters whose reply was due eight days ago and of which nothing was told yet."""
    documents = []
    for number in range(count):
        change = _walked(number, ORGAN_UNIT, COUNTIES[0], now - timedelta(days=10), 48, ())
        document = opening_document(change, [])
        del document["send_at"]
        documents.append(document)
    return documents


async def fill(mongo_url: str, database: str, now: datetime) -> None:
    """Put the matters into the collection, which is made anew: it has no index yet."""
    await asyncio.to_thread(_fill, mongo_url, database, list(_seeds(now)))


def _fill(mongo_url: str, database: str, seeds: list[Document]) -> None:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        client[database]["seeds"].insert_many(seeds)
        # Copies differ in their id, whose first character is as random as the seed's, and in their moments.
        earlier = {
            name: {"$dateSubtract": {"startDate": f"${name}", "unit": "minute", "amount": "$copy"}}
            for name in ("opened_at", "updated_at")
        }
        later = {
            name: {
                "$cond": [
                    {"$gt": [f"${name}", None]},
                    {"$dateAdd": {"startDate": f"${name}", "unit": "minute", "amount": "$copy"}},
                    "$$REMOVE",
                ]
            }
            for name in ("attention_at", "owed_by", "counted_until")
        }
        client[database]["seeds"].aggregate(
            [
                {"$set": {"copy": {"$range": [0, COPIES]}}},
                {"$unwind": "$copy"},
                {"$set": {"_id": {"$concat": ["$_id", "-", {"$toString": "$copy"}]}, **earlier, **later}},
                {"$unset": "copy"},
                {"$out": "matters"},
            ]
        )
        client[database]["seeds"].drop()


def _seeds(now: datetime) -> Iterator[Document]:
    for number in range(SEEDS):
        organ = BIG_ORGAN if number % 2 else f"LY-SC-{number % 40:03}"
        county = COUNTIES[number // 2 % len(COUNTIES)]
        steps = ("withdraw",) if number % 100 == 7 else _PATHS[number // 8 % len(_PATHS)]
        change = _walked(number, organ, county, now - timedelta(minutes=number % 900), 1000, steps)
        document = opening_document(change, [])
        del document["send_at"]
        yield document


def _walked(
    number: int, organ: str, county: str, at: datetime, reply_hours: int, steps: Iterable[str]
) -> Change:
    office = f"LY-JC-{county[-3:]}"

    def act(step: str, unit: str, **more: Any) -> Act:
        return Act(
            step=step,
            unit=unit,
            person="P-1",
            posts=frozenset(),
            acted_at=at,
            recorded_at=at,
            key=f"{step}-{number}",
            digest="d",
            **more,
        )

    matter = str(uuid5(NAMESPACE_URL, f"urn:seed:{number}"))
    place = Whereabouts(matter, "office", county, (county, CITY, "410000"), matter)
    opening = act("serve", office, form={"reply_hours": reply_hours}, parties={"organ": organ})
    change = core.open_matter(ADVICE, place, opening, _TERMS)
    for step in steps:
        by = organ if step == "answer" else office
        change = core.take_step(ADVICE, change.matter, act(step, by), _TERMS)
    return change
