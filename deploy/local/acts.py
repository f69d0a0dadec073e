"""Steps taken through a service's public API alone: what a step asks for is read from the served declaration."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from deploy.local.callers import Caller, Callers


class Receipt(NamedTuple):
    """What a service acknowledged: this version of the matter, with this hash."""

    matter: str
    version: int
    hash: str


class Acts:
    """One mechanism of a service, as its units use it."""

    def __init__(self, callers: Callers, service: str, declaration: Mapping[str, Any]) -> None:
        self._callers, self._service = callers, service
        self.path: str = declaration["path"]
        self.steps: dict[str, Any] = {step["key"]: step for step in declaration["steps"]}

    async def read(self, unit: str, matter: str, part: str = "") -> Any:
        """A matter, or a part of it, as the unit is shown it. Raises Refusal, httpx.HTTPError."""
        return await self._callers.get(Caller(unit), self._service, f"{self.path}/{matter}{part}")

    async def correlated(self, unit: str, correlation: str) -> list[Any]:
        """The matters that have this first cause, as far as the unit may see them."""
        pages = self._callers.pages(Caller(unit), self._service, self.path, correlation=correlation)
        return [each async for each in pages]

    async def open(
        self, unit: str, opening: Mapping[str, Any], *, form: Mapping[str, Any], once: str
    ) -> Receipt:
        """Open a matter by a declared opening; `once` makes it safe to repeat. Raises Refusal, httpx.HTTPError."""
        body = await self._body(opening, unit, form)
        receipt = await self._callers.post(Caller(unit), self._service, self.path, body, f"{unit}-{once}")
        return Receipt(receipt["matter"], receipt["version"], receipt["hash"])

    async def take(
        self,
        unit: str,
        matter: str,
        key: str,
        *,
        form: Mapping[str, Any] | None = None,
        bound: Mapping[str, str] | None = None,
        acted_at: str | None = None,
        once: str,
    ) -> tuple[Receipt, str]:
        """Take a step with the declaration's own examples where `form` says nothing; the receipt and the state.

        `once` makes it safe to repeat. Raises Refusal, httpx.HTTPError.
        """
        step = self.steps[key]
        body = await self._body(step, unit, form or {})
        if bound:
            body["parties"] = dict(bound)
        if acted_at:
            body["acted_at"] = acted_at
        caller = Caller(
            unit, f"{unit}-{'01' if step['post'] else '07'}", (step["post"],) * bool(step["post"])
        )
        path = f"{self.path}/{matter}/steps/{key}"
        receipt = await self._callers.post(caller, self._service, path, body, f"{matter}-{once}")
        return Receipt(matter, receipt["version"], receipt["hash"]), receipt["state"]

    async def _body(self, step: Mapping[str, Any], unit: str, form: Mapping[str, Any]) -> dict[str, Any]:
        asked, body = step["form"], dict[str, Any]()
        given = {name: asked["properties"][name]["examples"][0] for name in asked.get("required", ())}
        if given or form:
            body["form"] = {**given, **form}
        if wanted := [paper["key"] for paper in step["papers"] if paper["required"]]:
            body["papers"] = {key: [await self._paper(unit, key)] for key in wanted}
        return body

    async def _paper(self, unit: str, key: str) -> str:
        content = b"%%PDF-1.7\n%% %s\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%%%EOF\n" % key.encode()
        answer = await self._callers.ask(
            Caller(unit),
            "POST",
            self._service,
            "/v1/papers",
            content=content,
            headers={"Content-Type": "application/pdf"},
        )
        paper: str = answer.json()["id"]
        return paper
