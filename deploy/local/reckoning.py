"""What a played suite really did, counted in its databases, feeds, broker and receivers."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from deploy.local.acts import Receipt
from deploy.local.callers import Caller, Callers
from deploy.local.receiver import Receiver
from shared.bus import Bus
from shared.mongo import Collection, Mongo, connect

AUDITOR = Caller("AUDITOR", scope="events:read-all events:read")
PROCEDURES = ("minors", "referral", "suggestion")
QUEUES = tuple(f"{service}.events" for service in (*PROCEDURES, "notifier"))
_UNSENT = {"send_at": {"$exists": True}}

Told = tuple[str, str]  # an event by its id, and the unit that is to hear of it


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The count. The last five are what is lost; `missing` was acknowledged and is not there, `unsaid` in no feed.

    `drafts` were proposed to procuratorates.
    """

    matters: int
    steps: int
    events: int
    delivered: int
    pulled: int
    overdue: int
    drafts: int
    undelivered: frozenset[Told]
    unsent: int
    parked: int
    missing: frozenset[Receipt]
    unsaid: frozenset[tuple[str, int]]

    @property
    def losses(self) -> dict[str, int]:
        """How much of what was acknowledged or said is not where it should be, by what became of it."""
        return {
            "told, and not delivered": len(self.undelivered),
            "said, and not sent": self.unsent,
            "parked": self.parked,
            "acknowledged, and not in the database": len(self.missing),
            "acknowledged, and not in the feed": len(self.unsaid),
        }

    @property
    def lost(self) -> int:
        """All losses together."""
        return sum(self.losses.values())

    def line(self, followed: Mapping[str, float], seconds: float) -> str:
        """The result as one JSON object; `followed`: chains, from a miss to verified rectification, and reports."""
        return json.dumps(
            {
                "matters": self.matters,
                "steps": self.steps,
                "events": self.events,
                "delivered": self.delivered,
                "overdue": self.overdue,
                "drafts": self.drafts,
                **followed,
                "lost": self.lost,
                "seconds": round(seconds, 1),
            }
        )


class Books:
    """Looks things up where they are kept. Units with a secret at the receiver have an endpoint, the others pull."""

    def __init__(
        self, procedures: Mapping[str, Mongo], notifier: Mongo, bus: Bus, callers: Callers, receiver: Receiver
    ) -> None:
        self._procedures, self._notifier, self._bus = procedures, notifier, bus
        self._callers, self._receiver = callers, receiver
        self.said: list[dict[str, Any]] = []  # the feeds of the services with procedures, as read so far
        self._read = dict.fromkeys(procedures, "0")
        self.pulled: dict[Told, dict[str, Any]] = {}

    @property
    def told(self) -> set[Told]:
        """Who is to hear of what, by what the services have said."""
        return {(event["id"], unit) for event in self.said for unit in event["data"].get("tell", ())}

    async def undelivered(self) -> frozenset[Told]:
        """What should have reached a unit and has not. Reads on in the feeds."""
        for service, after in self._read.items():
            feed = self._callers.numbered(AUDITOR, service, "/v1/events", after)
            if more := [each async for each in feed]:
                self._read[service] = str(more[-1]["number"])
                self.said += more
        waiting = self.told - self._receiver.verified.keys() - self.pulled.keys()
        for unit in sorted({unit for _, unit in waiting} - self._receiver.secrets.keys()):
            feed = self._callers.numbered(Caller(unit), "notifier", "/v1/feed")
            self.pulled |= {(each["event"], unit): each async for each in feed}
        return frozenset(waiting - self.pulled.keys())

    async def settle(self, seconds: float) -> bool:
        """Wait until every clock that is due was told and everything said has arrived; False when time runs out."""
        deadline = monotonic() + seconds
        # In the order in which things move on, so that nothing slips by between two looks.
        while await self._due() or await self._unsent() or await self.undelivered():
            if monotonic() > deadline:
                return False
            await asyncio.sleep(0.2)
        return True

    async def reckon(self, acknowledged: Iterable[Receipt]) -> Reckoning:
        """Count everything now; `acknowledged` is what callers were given receipts for."""
        promised, kept, steps = frozenset(acknowledged), set[Receipt](), 0
        for matters in self._matters:
            async for matter in matters.find({}, {"history": 1}):
                for entry in matter["history"]:
                    kept.add(Receipt(matter["_id"], entry["version"], entry["hash"]))
                    steps += entry["kind"] == "step"
        undelivered = await self.undelivered()
        directory = [each async for each in self._callers.numbered(AUDITOR, "notifier", "/v1/events")]
        return Reckoning(
            matters=await self._count({}),
            steps=steps,
            events=len(self.said) + len(directory),
            delivered=len(self._receiver.verified),
            pulled=len(self.pulled),
            overdue=await self._count({"clocks.state": "overdue"}),
            drafts=await self._count({"mechanism": "supervision_draft"}),
            undelivered=undelivered,
            unsent=await self._unsent(),
            parked=sum([await self._bus.parked(queue) for queue in QUEUES]),
            missing=promised - kept,
            unsaid=frozenset((each.matter, each.version) for each in promised)
            - {(event["subject"], event["version"]) for event in self.said},
        )

    @property
    def _matters(self) -> list[Collection]:
        return [mongo.database["matters"] for mongo in self._procedures.values()]

    async def _count(self, wanted: Mapping[str, Any]) -> int:
        return sum([await matters.count_documents(wanted) for matters in self._matters])

    async def _due(self) -> int:
        now = self._notifier.clock.now()
        return await self._count({"attention_at": {"$type": "date", "$lte": now}})

    async def _unsent(self) -> int:
        asking = [mongo.database["requests"] for mongo in self._procedures.values()]
        speaking = (*self._matters, *asking, self._notifier.database["units"])
        outboxes = [each["outbox"] for one in speaking async for each in one.find(_UNSENT, {"outbox": 1})]
        return sum(map(len, outboxes))


@asynccontextmanager
async def books(
    mongo_url: str, rabbit_urls: Sequence[str], prefix: str, callers: Callers, receiver: Receiver
) -> AsyncIterator[Books]:
    """The books of a running suite whose databases are named with `prefix`."""
    procedures = {service: await connect(mongo_url, prefix + service) for service in PROCEDURES}
    notifier = await connect(mongo_url, prefix + "notifier")
    bus = Bus(rabbit_urls, "reckoning")
    try:
        yield Books(procedures, notifier, bus, callers, receiver)
    finally:
        await bus.close()
        await notifier.close()
        for mongo in procedures.values():
            await mongo.close()


def found_in(folders: Iterable[Path], texts: Mapping[str, Iterable[str]], values: Iterable[str]) -> list[str]:
    """Where one of the values stands, as it is or as JSON escapes it: files in the folders, `texts` by name."""
    needles = [form for value in values for form in (value, json.dumps(value)[1:-1])]

    def holds(content: str) -> bool:
        return any(needle in content for needle in needles)

    files = (file for folder in folders for file in sorted(folder.iterdir()))
    places = [str(file) for file in files if holds(file.read_text(encoding="utf-8", errors="replace"))]
    return places + [name for name, contents in texts.items() if any(map(holds, contents))]
