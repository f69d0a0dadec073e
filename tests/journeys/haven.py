"""The minors service and the notifier as processes, and the desks of their units: what these tell is planted."""

import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import httpx

from deploy.local.servers import Servers, keys_of
from deploy.local.suite import master_key
from services.minors.main import SERVICE
from services.minors.settings import Settings
from shared.matters.assembly import Parts
from shared.mechanism.grammar import Step
from tests.journeys import planted
from tests.journeys.city import KEEPER, City, city_on
from tests.journeys.places import Places, places_of
from tests.services.minors.conftest import (
    POLICE,
    REPORTING_MECHANISMS,
    REPORTING_NAMED,
    REPORTING_OPENERS,
    REPORTING_UNITS,
)
from tests.services.minors.register import office
from tests.services.referral.desk import SCOPES, Desk

CITY_OFFICES = {"public_security": "LY-GA-300", "procuratorate": "LY-JC-300"}
UNITS: Mapping[str, tuple[str, str]] = {**REPORTING_UNITS, **office.UNITS, KEEPER: ("government", "410300")}
COUNTRY = ("410329", "410323")
SETTINGS = {"MINORS_BODY_LIMIT": str(64 * 1024), "MINORS_PAPER_LIMIT": str(3 * 1024 * 1024)}
_numbers = itertools.count(1)


def roster() -> str:
    """The directory of these units: the police and the procuratorate of a county stand below those of the city."""
    lines = ["code,name,kind,division,superior"]
    for code, (kind, division) in UNITS.items():
        superior = CITY_OFFICES.get(kind, "") if division in COUNTRY else ""
        lines.append(f"{code},单位{code},{kind},{division},{superior}")
    return "\n".join(lines) + "\n"


def planted_key() -> str:
    """A key of a request that says of whom it is."""
    return f"{planted.LATIN}-{next(_numbers)}"


@dataclass
class Haven(Desk):
    """A desk whose service runs elsewhere, as processes; its callers are real ones, and their words are planted."""

    city: City

    def headers(self, unit: str, posts: tuple[str, ...] = ()) -> dict[str, str]:
        token = self._tokens.get((unit, posts))
        if token is None:
            token = self._tokens[unit, posts] = self.city.suite.issuer.token(
                unit, person=f"P-{unit}", posts=posts, scopes=SCOPES.split()
            )
        return {"Authorization": f"Bearer {token}"}

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
        return await super().post(unit, path, body, key=key or planted_key(), posts=posts, headers=headers)

    async def paper(self, unit: str) -> str:
        """Send in a new paper for the unit, and return its id."""
        headers = {**self.headers(unit), "Content-Type": "application/pdf"}
        answer = await self.client.post("/v1/papers", content=planted.PAPER, headers=headers)
        assert answer.status_code == 201, answer.text
        paper: str = answer.json()["id"]
        return paper

    async def body(self, unit: str, step: Step, **changes: Any) -> dict[str, Any]:
        """Return a body that the step accepts: what is secret is planted, and there is every paper that may be."""
        if "form" in changes:
            changes["form"] = told(changes["form"])
        body = await super().body(unit, step, **changes)
        if step.papers and "papers" not in changes:
            body["papers"] = {paper.key: [await self.paper(unit)] for paper in step.papers}
        return body


def told(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form with the planted words in place of those that its secrets have."""
    return {**form, **{name: dict(words) for name, words in planted.SECRETS.items() if form.get(name)}}


@dataclass
class Chancery(Haven, office.Office):
    """The same for the posts of vice-principals."""

    def form(self, step: str, story: office.Story) -> dict[str, Any]:
        form = super().form(step, story)
        if "remark" in self.mechanism.step_by_key[step].form.model_fields:
            form["remark"] = planted.SECRETS["remark"]
        return told(form)


@dataclass
class House:
    """The running suite with its places, and the desk of each mechanism."""

    city: City
    places: Places
    client: httpx.AsyncClient
    parts: Parts
    tokens: list[str] = field(default_factory=list)  # by which reports are followed
    taken: list[str] = field(default_factory=list)  # fields that are not sealed and took a word

    def desk(self, key: str) -> Haven:
        """The desk of a mechanism that begins with a report."""
        mechanism, openers = REPORTING_MECHANISMS[key], REPORTING_OPENERS[key]
        named = {**REPORTING_NAMED, **({"police": POLICE} if key == "failure_to_report" else {})}
        opener = openers[mechanism.opening.key]
        return Haven(self.client, self._nobody, SERVICE, self.parts, mechanism, opener, named, self.city)

    @cached_property
    def chancery(self) -> Chancery:
        return Chancery(
            self.client, self._nobody, SERVICE, self.parts,
            office.MECHANISM, office.AUTHORITY, office.NAMED, self.city,
        )  # fmt: skip

    @property
    def _nobody(self) -> Any:
        """In place of the issuer of tests in one process: here the suite's own signs."""
        return None

    async def kill_worker(self) -> None:
        """End the worker of the service as a power cut would, and start it again."""
        worker = self.city.suite.services["minors"].worker
        await worker.kill()
        await worker.start()


@asynccontextmanager
async def house_on(
    servers: Servers, folder: Path, *, hooked: Sequence[str] = (), **settings: str
) -> AsyncIterator[House]:
    """Run the suite for matters of minors; these units have a webhook."""
    names = ("minors", "notifier")
    async with (
        city_on(
            servers, folder, names=names, cases="minors", roster=roster(), **SETTINGS, **settings
        ) as city,
        places_of(servers, city) as places,
        httpx.AsyncClient(
            base_url=city.suite.services["minors"].url,
            timeout=20,
            trust_env=False,
            event_hooks={"response": [places.hear]},
        ) as client,
        SERVICE.parts(_settings(servers, city, folder)) as parts,
    ):
        for unit in hooked:
            await city.add_webhook(unit)
        yield House(city, places, client, parts)


def _settings(servers: Servers, city: City, folder: Path) -> Settings:
    """What the service was told, to look at what it keeps."""
    database = city.databases["minors"].database.name
    kept = cast("dict[str, str]", json.loads((folder / "secrets.json").read_text()))
    given: dict[str, Any] = {name.lower(): value for name, value in master_key(folder).items()}
    return Settings(
        mongo_url=servers.mongo_url,
        mongo_database=database,
        rabbit_urls=tuple(city.broker),
        jwks_url=city.suite.issuer.jwks_url,
        issuer=city.suite.issuer.url,
        audience="minors",
        key_database=keys_of(database),
        hash_key=kept["MINORS_HASH_KEY"],
        **given,
    )
