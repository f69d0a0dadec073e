"""A service with procedures on real servers, and units that use it through its public API."""

import base64
import itertools
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from deploy.local.servers import keys_of
from deploy.local.suite import master_key
from services.referral.main import SERVICE as REFERRAL
from services.referral.mechanisms import MECHANISMS
from shared.events import Event
from shared.http.health import Readiness
from shared.matters.assembly import Parts, Service
from shared.matters.bodies import example
from shared.matters.commands import Commands
from shared.matters.keeping import Keeping
from shared.matters.settings import SealedSettings
from shared.matters.timekeeper import Recounter, Timekeeper
from shared.mechanism.grammar import Mechanism, Step
from shared.mechanism.reckoning import Terms
from shared.mongo import Mongo
from tests.shared.issuer import AUDIENCE, Issuer, running

TRANSFER = MECHANISMS["forward_transfer", "2020-08-07"]
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"

ORGAN, POLICE, OTHER_POLICE = "LY-SC-001", "LY-GA-001", "LY-GA-002"
PROCURATORATE, CITY_PROCURATORATE, FAR_PROCURATORATE = "LY-JC-329", "LY-JC-300", "LY-JC-323"
COMMISSION, OTHER_ORGAN = "LY-JW-001", "LY-SC-002"
UNITS = {
    ORGAN: ("administrative_organ", "410329"),
    OTHER_ORGAN: ("administrative_organ", "410329"),
    POLICE: ("public_security", "410329"),
    OTHER_POLICE: ("public_security", "410323"),
    PROCURATORATE: ("procuratorate", "410329"),
    CITY_PROCURATORATE: ("procuratorate", "410300"),
    FAR_PROCURATORATE: ("procuratorate", "410323"),
    COMMISSION: ("supervisory_commission", "410329"),
}
SCOPES = "matters:read matters:write papers:write events:read calendar:write secrets:read accesses:read"
_keys = itertools.count()


def new_key() -> str:
    return f"key-{next(_keys)}"


@dataclass
class Desk:
    """The service, and its API as any unit sees it."""

    client: httpx.AsyncClient
    issuer: Issuer
    service: Service
    parts: Parts
    mechanism: Mechanism
    opener: str
    named: Mapping[str, str]

    def __post_init__(self) -> None:
        self._tokens: dict[tuple[str, tuple[str, ...]], str] = {}
        self._papers: dict[str, str] = {}
        matters, commands = self.store.matters, self.commands
        mechanisms = self.service.mechanisms
        leases = partial(self.store.lease, holder="desk", seconds=10)
        self.timekeeper = Timekeeper(commands, matters, mechanisms, leases)
        self.recounter = Recounter(commands, matters, mechanisms, self.store.calendars, leases("recounter"))

    @property
    def path(self) -> str:
        return f"/v1/{self.mechanism.path}"

    @property
    def mongo(self) -> Mongo:
        return self.parts.mongo

    @property
    def store(self) -> Keeping:
        return self.parts.keeping

    @property
    def commands(self) -> Commands:
        return self.parts.commands

    @property
    def terms(self) -> Callable[[], Terms]:
        return self.parts.terms

    def headers(self, unit: str, posts: tuple[str, ...] = ()) -> dict[str, str]:
        token = self._tokens.get((unit, posts))
        if token is None:
            claims: dict[str, Any] = {"unit": unit, "posts": list(posts), "scope": SCOPES, "sub": f"P-{unit}"}
            token = self._tokens[unit, posts] = self.issuer.token(**claims)
        return {"Authorization": f"Bearer {token}"}

    async def get(self, unit: str, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params, headers=self.headers(unit))

    async def post(
        self,
        unit: str,
        path: str,
        body: Any,
        *,
        key: str | None = None,
        posts: tuple[str, ...] = ("chief", "policy", "department_head"),
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        everything = {"Idempotency-Key": key or new_key(), **self.headers(unit, posts), **(headers or {})}
        return await self.client.post(path, json=body, headers=everything)

    async def paper(self, unit: str) -> str:
        """Send in a paper for the unit, once, and return its id."""
        if unit not in self._papers:
            headers = {**self.headers(unit), "Content-Type": "application/pdf"}
            answer = await self.client.post("/v1/papers", content=PDF, headers=headers)
            assert answer.status_code == 201, answer.text
            self._papers[unit] = answer.json()["id"]
        return self._papers[unit]

    async def body(self, unit: str, step: Step, **changes: Any) -> dict[str, Any]:
        """Return a body that the step accepts, made of its examples and the unit's own paper."""
        body: dict[str, Any] = {}
        if step.form.model_fields:
            body["form"] = example(step.form) | changes.pop("form", {})
        papers = {paper.key: [await self.paper(unit)] for paper in step.papers if paper.required}
        if papers:
            body["papers"] = papers
        if step.binds:
            body["parties"] = {party.key: self.named[party.key] for party in step.binds}
            if step.key == "redirect":
                body["parties"] = {"police": OTHER_POLICE}
        return body | changes

    async def open(self, **changes: Any) -> str:
        """Open a matter and return its id."""
        body = await self.body(self.opener, self.mechanism.opening, **changes)
        answer = await self.post(self.opener, self.path, body)
        assert answer.status_code == 201, answer.text
        matter: str = answer.json()["matter"]
        return matter

    async def take(self, matter: str, *steps: str, **changes: Any) -> dict[str, Any]:
        """Take steps one after another, each as the unit that fills its party; return the last receipt."""
        receipt: dict[str, Any] = {}
        for key in steps:
            step = self.mechanism.step_by_key[key]
            unit = await self.unit_of(matter, step)
            body = await self.body(unit, step, **changes)
            answer = await self.post(unit, f"{self.path}/{matter}/steps/{key}", body)
            assert answer.status_code == 200, f"{key}: {answer.text}"
            receipt = answer.json()
        return receipt

    async def unit_of(self, matter: str, step: Step) -> str:
        view = await self.read(matter)
        party = step.parties[0]
        unit: str = view["parties"][party.recorded_by or party.key]
        return unit

    async def read(self, matter: str, unit: str | None = None, part: str = "") -> Any:
        answer = await self.get(unit or self.opener, f"{self.path}/{matter}{part}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def clock(self, matter: str, key: str) -> dict[str, Any]:
        """Return the latest run of a clock."""
        runs = [run for run in await self.read(matter, part="/clocks") if run["key"] == key]
        assert runs, f"{key} never ran"
        latest: dict[str, Any] = runs[-1]
        return latest

    async def said(self, matter: str) -> list[dict[str, Any]]:
        """Return what stands in the matter's outbox."""
        document = await self.store.matters.collection.find_one({"_id": matter})
        assert document is not None
        return list(document["outbox"])

    def now(self) -> datetime:
        return self.mongo.clock.now()


NAMED = {"police": POLICE, "commission": COMMISSION}


def unit_event(code: str, kind: str, division: str, version: int = 1) -> Event:
    data = {
        "code": code,
        "kind": kind,
        "division": division,
        "superior": None,
        "active": True,
        "version": version,
    }
    return Event(
        id=f"unit-{code}-{version}",
        source="/notifier",
        type="notifier.unit.changed",
        subject=code,
        time=datetime.now(UTC),
        data=data,
        version=version,
        correlation=code,
    )


@asynccontextmanager
async def desk_on(
    mongo_url: str,
    database: str,
    *,
    service: Service = REFERRAL,
    mechanism: Mechanism = TRANSFER,
    opener: str = ORGAN,
    named: Mapping[str, str] = NAMED,
    units: Mapping[str, tuple[str, str]] = UNITS,
    **more: Any,
) -> AsyncIterator[Desk]:
    """Run the service's parts on a database of its own, with the units given in its directory.

    `more`: further settings.
    """
    with running() as issuer, tempfile.TemporaryDirectory() as folder:
        settings = service.settings(
            mongo_url=mongo_url,
            mongo_database=database,
            rabbit_urls=("amqp://nobody",),
            jwks_url=issuer.jwks_url,
            issuer=issuer.url,
            audience=AUDIENCE,
            rate_limit="1000000/minute",
            body_limit=256 * 1024,
            paper_limit=1024 * 1024,
            lengths={"forward_transfer.receipt": "4 hours"},
            **{**_sealing(service, database, Path(folder)), **more},
        )
        async with service.parts(settings) as parts:
            await parts.keeping.migrate()
            await parts.keeping.calendars.refresh()
            for code, (kind, division) in units.items():
                await parts.keeping.directory.hear(unit_event(code, kind, division))
            app = service.app(parts, Readiness({}))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{service.name}") as client:
                yield Desk(client, issuer, service, parts, mechanism, opener, named)


def _sealing(service: Service, database: str, folder: Path) -> dict[str, Any]:
    """Return what a service that keeps secrets is told further."""
    if not issubclass(service.settings, SealedSettings):
        return {}
    named = {name.lower(): value for name, value in master_key(folder).items()}
    hash_key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {**named, "key_database": keys_of(database), "hash_key": hash_key}


def text_of(answer: httpx.Response) -> str:
    """Return status, headers and body as one text, to compare two answers byte by byte."""
    return json.dumps([answer.status_code, sorted(answer.headers.items()), answer.text])
