"""A minors service on real servers, with its sealed settings, and posts that are walked through the public API."""

import base64
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
from pydantic import Field

from deploy.local.servers import Servers
from services.minors.domain.register import day_of
from services.minors.domain.years import last_day, year_of
from services.minors.main import SERVICE
from services.minors.settings import Settings
from services.minors.store.keeping import MinorsKeeping
from shared.events import Event
from shared.matters.bodies import example
from shared.mechanism.grammar import Step
from tests.services.referral.desk import Desk, desk_on, unit_event

MECHANISM = SERVICE.mechanisms["vice_principal", "2022-05-01"]
AUTHORITY, CITY_AUTHORITY, FAR_AUTHORITY = "LY-JY-329", "LY-JY-300", "LY-JY-323"
ORGAN, POLICE = "LY-JC-329", "LY-GA-329"
CITY_PROCURATORATE, FAR_PROCURATORATE = "LY-JC-300", "LY-JC-323"
SCHOOL, SECOND_SCHOOL, THIRD_SCHOOL, FAR_SCHOOL = "LY-XX-001", "LY-XX-002", "LY-XX-003", "LY-XX-323"
STRANGER = "LY-XX-009"
UNITS = {
    AUTHORITY: ("education_authority", "410329"),
    CITY_AUTHORITY: ("education_authority", "410300"),
    FAR_AUTHORITY: ("education_authority", "410323"),
    ORGAN: ("procuratorate", "410329"),
    POLICE: ("public_security", "410329"),
    CITY_PROCURATORATE: ("procuratorate", "410300"),
    FAR_PROCURATORATE: ("procuratorate", "410323"),
    SCHOOL: ("school", "410329"),
    SECOND_SCHOOL: ("school", "410329"),
    THIRD_SCHOOL: ("school", "410329"),
    STRANGER: ("school", "410329"),
    FAR_SCHOOL: ("school", "410323"),
    "LY-YY-001": ("hospital", "410329"),
}
NAMED = {"school": SCHOOL, "dispatching_organ": ORGAN}
PERSON = {"name": "示例甲", "post": "检察官", "phone": "0379-00000001"}
TO_TRAINED = ("recommend", "pool", "train")
TO_SERVING = (*TO_TRAINED, "appoint")


@dataclass
class Story:
    """What one post's forms say, where the examples will not do."""

    person_id: str = field(default_factory=lambda: str(uuid4()))
    began: int = 200  # days ago
    ends_on: date | None = None
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    school: str = SCHOOL


@dataclass
class Office(Desk):
    """The desk, with the register beside it."""

    @property
    def kept(self) -> MinorsKeeping:
        return cast("MinorsKeeping", self.store)

    @property
    def today(self) -> date:
        return day_of(self.now())

    @property
    def year(self) -> int:
        return year_of(self.kept.register.kind, self.today)

    def form(self, step: str, story: Story) -> dict[str, Any]:
        """Return a form that the step accepts today."""
        declared = self.mechanism.step_by_key[step].form
        form: dict[str, Any] = example(declared) if declared.model_fields else {}
        letter = f"洛教聘〔2026〕{secrets.randbelow(10**6) + 1}号"
        starts_on = self.today - timedelta(days=story.began)
        own: dict[str, Any] = {
            "person_id": story.person_id,
            "letter_number": letter,
            "starts_on": starts_on.isoformat(),
            "completed_on": (starts_on - timedelta(days=10)).isoformat(),
            "done_on": self.today.isoformat(),
            "effective_on": self.today.isoformat(),
            "year": self.year,
            "last_day": last_day(self.kept.register.kind, self.year).isoformat(),
        }
        if story.ends_on is not None:
            own["ends_on"] = story.ends_on.isoformat()
        if step == "renew":
            own["starts_on"] = self.today.isoformat()
            own["ends_on"] = (self.today + timedelta(days=4 * 365)).isoformat()
        form |= {name: value for name, value in own.items() if name in declared.model_fields}
        return form | dict(story.forms.get(step, {}))

    async def act(self, unit: str, path: str, step: Step, story: Story, **changes: Any) -> httpx.Response:
        body: dict[str, Any] = {}
        form = changes.pop("form", {})
        if step.form.model_fields:
            body["form"] = self.form(step.key, story) | form
        if step.binds:
            body["parties"] = {"school": story.school, "dispatching_organ": ORGAN} | changes.pop(
                "parties", {}
            )
        key = changes.pop("key", None)
        return await self.post(unit, path, body | changes, key=key)

    async def plan(self, story: Story) -> str:
        answer = await self.act(AUTHORITY, self.path, self.mechanism.opening, story)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["matter"])

    async def take_over(self, story: Story, unit: str = AUTHORITY, **changes: Any) -> httpx.Response:
        step = self.mechanism.step_by_key["take_over"]
        return await self.act(unit, f"{self.path}/openings/take_over", step, story, **changes)

    async def taken_over(self, story: Story | None = None, **changes: Any) -> str:
        answer = await self.take_over(story or Story(), **changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["matter"])

    async def attempt(
        self, matter: str, step: str, story: Story, unit: str | None = None, **changes: Any
    ) -> httpx.Response:
        declared = self.mechanism.step_by_key[step]
        unit = unit or await self.unit_of(matter, declared)
        return await self.act(unit, f"{self.path}/{matter}/steps/{step}", declared, story, **changes)

    async def walked(self, matter: str, story: Story, *steps: str, **changes: Any) -> dict[str, Any]:
        """Take steps one after another; return the last receipt."""
        receipt: dict[str, Any] = {}
        for step in steps:
            answer = await self.attempt(matter, step, story, **changes)
            assert answer.status_code == 200, f"{step}: {answer.text}"
            receipt = answer.json()
        return receipt

    async def serving(self, story: Story | None = None) -> str:
        """Return a post with somebody in office, by the whole road."""
        story = story or Story()
        matter = await self.plan(story)
        await self.walked(matter, story, *TO_SERVING)
        return matter

    async def hear(self, *matters: str) -> None:
        """Do what the worker does with everything that these matters have said."""
        heard = SERVICE.heard(self.parts)
        for matter in matters:
            for document in await self.said(matter):
                event = Event.from_document(document)
                if event.type in heard:
                    await heard[event.type](event)

    async def shown(self, unit: str, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return the items of every page."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self.get(unit, path, **{**params, **cursor})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}


@asynccontextmanager
async def office_on(
    servers: Servers, folder: Path, *, units: Mapping[str, tuple[str, str]] = UNITS, **settings: Any
) -> AsyncIterator[Office]:
    """Run the service on databases of its own: one for what it keeps, one for the keys of what it seals."""
    (folder / "trial.key").write_text(base64.b64encode(secrets.token_bytes(96)).decode())
    async with servers.database() as database, servers.database() as keys:

        class Here(Settings):
            key_database: str = keys
            key_provider: Any = "local"
            key_name: str = "trial"
            hash_key: bytes = Field(default=base64.b64encode(bytes(range(32))), validate_default=True)
            local_keys: Path | None = folder
            vice_principal_year: Any = settings.get("vice_principal_year", "calendar")
            vice_principal_years: int = settings.get("vice_principal_years", 3)

        service = replace(SERVICE, settings=Here)
        async with desk_on(
            servers.mongo_url,
            database,
            service=service,
            mechanism=MECHANISM,
            opener=AUTHORITY,
            named=NAMED,
            units=units,
        ) as desk:
            office = Office(
                desk.client, desk.issuer, desk.service, desk.parts, desk.mechanism, desk.opener, desk.named
            )
            for code, (kind, division) in units.items():
                await office.kept.coverage.hear(unit_event(code, kind, division))
            yield office
