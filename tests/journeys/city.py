"""Services as processes on real servers, the city's units that call them, and what reaches those units."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from deploy.local.issuer import UNIT_SCOPES
from deploy.local.servers import Servers, keys_of
from deploy.local.suite import Suite, running_suite
from shared.mongo import Mongo, connect
from tests.journeys import canary
from tests.journeys.spy import Spied, spying
from tests.services.notifier.receiver import Receiver, receiving

ORGAN, POLICE, OTHER_POLICE = "LY-SC-329", "LY-GA-329", "LY-GA-323"
PROCURATORATE, COMMISSION, KEEPER = "LY-JC-329", "LY-JW-329", "LY-ZF-300"
ROSTER = f"""\
单位代码,单位名称,单位类别,行政区划代码,上级单位代码,联系方式
{POLICE},伊川县公安局,公安机关,410329,LY-GA-300,duty_desk:phone:{canary.PHONE}
LY-GA-300,洛阳市公安局,公安机关,410300,,
{OTHER_POLICE},新安县公安局,公安机关,410323,LY-GA-300,
{ORGAN},伊川县市场监督管理局,行政执法机关,410329,,liaison:email:{canary.ID_NUMBER}@mail.example
{PROCURATORATE},伊川县人民检察院,人民检察院,410329,LY-JC-300,
LY-JC-300,洛阳市人民检察院,人民检察院,410300,,
{COMMISSION},伊川县监察委员会,监察机关,410329,,
{KEEPER},洛阳市人民政府,人民政府,410300,,
"""


def units_of(roster: str) -> list[str]:
    return [line.partition(",")[0] for line in roster.splitlines()[1:]]


UNITS = units_of(ROSTER)
NAMED = {"police": POLICE, "commission": COMMISSION}
MATTERS = "/v1/forward-transfers"
SETTINGS = {
    **{
        f"{service}_RATE_LIMIT": "1000000/minute"
        for service in ("REFERRAL", "SUGGESTION", "MINORS", "NOTIFIER")
    },
    "NOTIFIER_DELIVERY_SCHEDULE": ",".join(["0.5"] * 60),
    "NOTIFIER_DELIVERY_TIMEOUT": "1",
    "NOTIFIER_DELIVERY_LEASE": "6",
}
T = TypeVar("T")
_keys = itertools.count(1)


def new_key() -> str:
    return f"act-{next(_keys)}"


async def until(check: Callable[[], Awaitable[T]], seconds: float = 15, pause: float = 0.1) -> T:
    """What `check` gives, once that is true."""
    async with asyncio.timeout(seconds):
        while not (found := await check()):  # noqa: ASYNC110  what is waited for happens in other processes
            await asyncio.sleep(pause)
    return found


@dataclass
class City:
    """The running suite, as its units see it: nothing but its public APIs, the receiver and the exchange."""

    suite: Suite
    folder: Path
    receiver: Receiver
    databases: Mapping[str, Mongo]
    client: httpx.AsyncClient
    spied: list[Spied]
    broker: Sequence[str] = ()
    cases: str = "referral"  # the service whose procedures run
    roster: str = ROSTER
    refusals: list[str] = field(default_factory=list)  # every problem document that was answered
    receipts: dict[tuple[str, int], str] = field(default_factory=dict)  # accepted steps by matter and version
    secrets: dict[str, str] = field(default_factory=dict)  # of webhooks, by unit

    def __post_init__(self) -> None:
        self._papers: dict[str, str] = {}
        self._tokens: dict[tuple[str, ...], str] = {}
        self._steps: dict[str, dict[str, Any]] = {}
        self._examples: dict[str, dict[str, Any]] = {}

    def token(self, unit: str, *scopes: str) -> str:
        key = (unit, *scopes)
        if key not in self._tokens:
            person = f"{unit}-{canary.ID_NUMBER}"
            self._tokens[key] = self.suite.issuer.token(
                unit, person=person, posts=["chief"], scopes=[*UNIT_SCOPES, *scopes]
            )
        return self._tokens[key]

    async def call(
        self, unit: str, method: str, path: str, *scopes: str, service: str | None = None, **more: Any
    ) -> httpx.Response:
        """Call a service as somebody of the unit; headers given replace ours."""
        headers = {"Authorization": f"Bearer {self.token(unit, *scopes)}", **more.pop("headers", {})}
        answer = await self.client.request(
            method, self.suite.services[service or self.cases].url + path, headers=headers, **more
        )
        if answer.status_code >= 400:
            self.refusals.append(f"{answer.headers} {answer.text}")
        return answer

    async def read(
        self, unit: str, path: str, *scopes: str, service: str | None = None, **params: Any
    ) -> Any:
        answer = await self.call(unit, "GET", path, *scopes, service=service, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def learn(self) -> None:
        """Read what a client is built from: the declaration of the mechanism, and the examples in the OpenAPI."""
        declared = await self.read(ORGAN, "/v1/mechanisms/forward_transfer")
        self._steps = {step["key"]: step for step in (declared["opening"], *declared["steps"])}
        document = (await self.client.get(f"{self.suite.services['referral'].url}/openapi.json")).json()
        for key in self._steps:
            path = MATTERS if key == "register" else f"{MATTERS}/{{matter}}/steps/{key}"
            schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
            found = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            self._examples[key] = found["examples"][0]

    async def paper(self, unit: str) -> str:
        """Hand in a paper of the unit, once; its id."""
        if unit not in self._papers:
            answer = await self.call(
                unit, "POST", "/v1/papers", content=canary.PAPER, headers={"Content-Type": "application/pdf"}
            )
            assert answer.status_code == 201, answer.text
            self._papers[unit] = answer.json()["id"]
        return self._papers[unit]

    async def body(self, unit: str, step: str, **changes: Any) -> dict[str, Any]:
        """The served example of the step with the unit's own paper, and the canary in every free text."""
        body = dict(self._examples[step])
        if "form" in body:
            body["form"] = canary.planted(body["form"], self._steps[step]["form"]) | changes.pop("form", {})
        if "papers" in body:
            body["papers"] = {key: [await self.paper(unit)] for key in body["papers"]}
        if "parties" in body:
            body["parties"] = {party: NAMED[party] for party in body["parties"]}
        return body | changes

    async def act(self, unit: str, step: str, matter: str | None = None, **changes: Any) -> httpx.Response:
        """Open a matter, or take a step of one; what was accepted stands in `receipts`."""
        path = f"{MATTERS}/{matter}/steps/{step}" if matter else MATTERS
        headers = {"Idempotency-Key": changes.pop("key", None) or new_key()}
        body = await self.body(unit, step, **changes)
        answer = await self.call(unit, "POST", path, json=body, headers=headers)
        if answer.is_success:
            receipt = answer.json()
            self.receipts[receipt["matter"], receipt["version"]] = receipt["step"]
        return answer

    async def walk(self, *steps: str, **changes: Any) -> str:
        """Open a matter and take these steps, each as the party that may; the matter's id."""
        answer = await self.act(ORGAN, "register", **changes)
        assert answer.status_code == 201, answer.text
        matter: str = answer.json()["matter"]
        await self.go_on(matter, *steps, **changes)
        return matter

    async def go_on(self, matter: str, *steps: str, **changes: Any) -> None:
        for step in steps:
            answer = await self.act(self.taker(step), step, matter, **changes)
            assert answer.status_code == 200, f"{step}: {answer.text}"

    def taker(self, step: str) -> str:
        return {"organ": ORGAN, "police": POLICE, "procuratorate": PROCURATORATE}[self._steps[step]["by"][0]]

    async def add_webhook(self, unit: str) -> None:
        """Have the unit told at the receiver, under a path of its own."""
        url = f"{self.receiver.url}/{unit}?token={canary.PHONE}"
        answer = await self.call(unit, "POST", "/v1/webhooks", service="notifier", json={"url": url})
        assert answer.status_code == 201, answer.text
        self.secrets[unit] = answer.json()["secret"]

    async def import_roster(self, roster: str | None = None) -> Any:
        """Give the directory a roster as who keeps it; the report."""
        answer = await self.call(
            KEEPER,
            "POST",
            "/v1/units/import",
            "directory:write",
            service="notifier",
            content=(roster or self.roster).encode(),
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def known(self) -> bool:
        """Whether the services with procedures know every unit of the roster."""
        units = units_of(self.roster)
        known = [
            await mongo.database["units"].count_documents({"_id": {"$in": units}})
            for name, mongo in self.databases.items()
            if name != "notifier"
        ]
        return set(known) == {len(units)}

    async def said(self) -> list[dict[str, Any]]:
        """Everything the service with procedures has said, in order."""
        return await self._pages("/v1/events", KEEPER, "events:read-all", service=self.cases)

    async def feed(self, unit: str) -> list[dict[str, Any]]:
        """Every notice of the unit, as it fetches them."""
        return await self._pages("/v1/feed", unit, service="notifier")

    async def _pages(self, path: str, unit: str, *scopes: str, service: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        after = "0"
        while True:
            page = await self.read(unit, path, *scopes, service=service, after=after, limit=200)
            if not page["items"]:
                return items
            items += page["items"]
            after = page["after"]

    def delivered(self, unit: str) -> list[dict[str, Any]]:
        """The messages that reached the unit's webhook, each with a signature that holds, as they came."""
        return [each.verified(self.secrets[unit]) for each in self.receiver.at(f"/{unit}")]

    async def owed(self) -> dict[str, set[str]]:
        """What was accepted and is not yet said, what was said and has not reached whom it concerns."""
        said = await self.said()
        spoken = {(each["subject"], each["version"]) for each in said}
        owed = {"events": {f"{matter} {version}" for matter, version in self.receipts.keys() - spoken}}
        for unit in {unit for each in said for unit in each["data"].get("tell", ())}:
            due = {each["id"] for each in said if unit in each["data"].get("tell", ())}
            owed[f"feed of {unit}"] = due - {each["event"] for each in await self.feed(unit)}
            if unit in self.secrets:
                owed[f"webhook of {unit}"] = due - {each["data"]["event"] for each in self.delivered(unit)}
        return {who: what for who, what in owed.items() if what}

    async def settle(self, seconds: float = 30) -> None:
        """Return once nothing is owed to anybody."""

        async def nothing() -> bool:
            return not await self.owed()

        try:
            await until(nothing, seconds, pause=0.3)
        except TimeoutError:
            unsent = [
                await mongo.database[name].count_documents({"send_at": {"$exists": True}})
                for mongo, name in (
                    (self.databases[self.cases], "matters"),
                    (self.databases["notifier"], "units"),
                )
            ]
            raise AssertionError(f"in outboxes {unsent}, owed {await self.owed()}") from None

    async def started(self) -> None:
        """Start what does not run and wait until everything is ready."""
        await asyncio.gather(*(process.start() for process in self.suite.processes))
        await self.suite.ready()

    def now(self) -> datetime:
        return self.databases[self.cases].clock.now()

    def ago(self, **time: float) -> str:
        return (self.now() - timedelta(**time)).isoformat()


@asynccontextmanager
async def city_on(
    servers: Servers,
    folder: Path,
    *,
    names: Sequence[str] = ("referral", "notifier"),
    cases: str = "referral",
    roster: str = ROSTER,
    **settings: str,
) -> AsyncIterator[City]:
    """Run these services, with the directory imported."""
    async with servers.database() as name, servers.vhost() as urls, receiving() as receiver:
        prefix = f"{name}_"
        databases = {each: await connect(servers.mongo_url, prefix + each) for each in names}
        try:
            async with (
                spying(urls) as spied,
                running_suite(
                    folder, servers.mongo_url, urls, prefix=prefix, settings=SETTINGS | settings,
                    names=names,
                ) as suite,
                httpx.AsyncClient(timeout=20, trust_env=False, limits=httpx.Limits(max_connections=200)) as client,
            ):  # fmt: skip
                city = City(suite, folder, receiver, databases, client, spied, urls, cases, roster)
                await city.import_roster()
                await until(city.known)
                if cases == "referral":
                    await city.learn()
                yield city
        finally:
            for mongo in databases.values():
                await mongo.close()
                await servers.mongo.drop(mongo.database.name)
                await servers.mongo.drop(keys_of(mongo.database.name))
