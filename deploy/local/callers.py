"""Units as callers of the suite's public APIs: each with a token of its own from the sandbox issuer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

import httpx

from deploy.local.suite import Suite

TRIES = 6
LONGEST_WAIT = 10.0  # seconds


class Refusal(Exception):
    """A problem document that the suite answered with."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(
            f"{status} {document.get('code')}: {document.get('detail') or document.get('title')}"
        )
        self.status, self.code = status, str(document.get("code"))
        self.detail = str(document.get("detail") or document.get("title"))
        self.errors: list[dict[str, str]] = document.get("errors") or []


class Caller(NamedTuple):
    """Somebody of a unit: a person by id, with the posts that the law knows; `scope` None for what any unit has."""

    unit: str
    person: str | None = None
    posts: tuple[str, ...] = ()
    scope: str | None = None


class Callers:
    """Asks the services at `addresses` (with that of the issuer), as whoever is named, and asks again when told to."""

    def __init__(self, addresses: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self._addresses, self._client = addresses, client
        self._tokens: dict[Caller, str] = {}

    async def get(self, caller: Caller, service: str, path: str, **params: Any) -> Any:
        """The JSON of the answer. Raises Refusal, httpx.HTTPError."""
        return (await self.ask(caller, "GET", service, path, params=params)).json()

    async def pages(self, caller: Caller, service: str, path: str, **params: Any) -> AsyncIterator[Any]:
        """The items of a list, page by page. Raises like `get`."""
        cursor: str | None = ""
        while cursor is not None:
            page = await self.get(
                caller, service, path, limit=200, **params, **({"cursor": cursor} if cursor else {})
            )
            for item in page["items"]:
                yield item
            cursor = page["next"]

    async def numbered(
        self, caller: Caller, service: str, path: str, after: str = "0"
    ) -> AsyncIterator[dict[str, Any]]:
        """The items of a feed from behind `after` to its end. Raises like `get`."""
        while True:
            page = await self.get(caller, service, path, after=after, limit=200)
            for item in page["items"]:
                yield item
            if not page["items"]:
                return
            after = page["after"]

    async def post(self, caller: Caller, service: str, path: str, body: Any, key: str | None = None) -> Any:
        """The JSON of the answer; `key` makes the request safe to repeat. Raises like `get`."""
        headers = {"Idempotency-Key": key} if key else {}
        return (await self.ask(caller, "POST", service, path, json=body, headers=headers)).json()

    async def ask(
        self,
        caller: Caller,
        method: str,
        service: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """The answer; a server that is away or busy is asked again with patience. Raises Refusal, httpx.HTTPError."""
        url = self._addresses[service] + path
        sent = {"Authorization": f"Bearer {await self._token(caller)}", **(headers or {})}
        for left in reversed(range(TRIES)):
            wait = 1.0
            try:
                answer = await self._client.request(method, url, headers=sent, **request)
            except httpx.TransportError:
                if not left:
                    raise
            else:
                if answer.status_code not in {429, 503} or not left:
                    break
                wait = float(answer.headers.get("Retry-After", wait))
            await asyncio.sleep(min(wait, LONGEST_WAIT))
        if answer.is_success:
            return answer
        if answer.headers.get("Content-Type") == "application/problem+json":
            raise Refusal(answer.status_code, answer.json())
        raise Refusal(answer.status_code, {"code": "no-problem-document", "title": answer.reason_phrase})

    async def _token(self, caller: Caller) -> str:
        if caller not in self._tokens:
            form = {"grant_type": "client_credentials", "unit": caller.unit}
            asked = {"person": caller.person, "posts": " ".join(caller.posts), "scope": caller.scope}
            form |= {name: value for name, value in asked.items() if value}
            answer = await self._client.post(f"{self._addresses['issuer']}/token", data=form)
            self._tokens[caller] = answer.raise_for_status().json()["access_token"]
        return self._tokens[caller]


def addresses(suite: Suite) -> dict[str, str]:
    """Where the services of a suite, and its issuer, answer."""
    return {name: service.url for name, service in suite.services.items()} | {"issuer": suite.issuer.url}


@contextlib.asynccontextmanager
async def calling(at: Mapping[str, str]) -> AsyncIterator[Callers]:
    """Callers of the suite that runs at these addresses."""
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(timeout=15, trust_env=False, limits=limits) as client:
        yield Callers(at, client)


async def side_by_side(work: Iterable[Any], at_once: int) -> list[Any]:
    """The results of the awaitables, in their order, `at_once` of them under way."""
    room = asyncio.Semaphore(at_once)

    async def one(each: Any) -> Any:
        async with room:
            return await each

    return await asyncio.gather(*(one(each) for each in work))
