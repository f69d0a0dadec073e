"""The sandbox issuer behaves like the identity provider it stands in for."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.issuer import Issuer
from deploy.local.server import free_port
from shared.http.problems import Problem
from shared.http.ratelimit import RateLimiter
from shared.identity import Identity


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    issuer = Issuer(tmp_path, free_port(), ["referral", "notifier"])
    with issuer.serve():
        yield issuer


def identity(issuer: Issuer, audience: str = "referral") -> Identity:
    limiter = RateLimiter("1000/second")
    return Identity(jwks_url=issuer.jwks_url, issuer=issuer.url, audience=audience, limiter=limiter)


async def grant(issuer: Issuer, **form: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{issuer.url}/token", data=form)


async def test_a_service_believes_its_tokens(issuer: Issuer):
    answer = await grant(
        issuer,
        grant_type="client_credentials",
        unit="LY-1",
        posts="head clerk",
        scope="matters:read feed:read",
    )
    caller = await identity(issuer).verify(answer.json()["access_token"])
    assert caller.unit == "LY-1"
    assert caller.posts == {"head", "clerk"}
    assert caller.scopes == {"matters:read", "feed:read"}


async def test_a_token_is_good_for_every_service_unless_one_is_asked_for(issuer: Issuer):
    everywhere, only_there = issuer.token("LY-1"), issuer.token("LY-1", audiences=["notifier"])
    assert (await identity(issuer, "notifier").verify(everywhere)).unit == "LY-1"
    with pytest.raises(Problem, match="token-invalid"):
        await identity(issuer, "referral").verify(only_there)


async def test_a_token_of_yesterday_has_expired(issuer: Issuer):
    with pytest.raises(Problem, match="token-expired"):
        await identity(issuer).verify(issuer.token("LY-1", seconds=-3600))


async def test_discovery_names_issuer_and_keys(issuer: Issuer):
    async with httpx.AsyncClient(trust_env=False) as client:
        found = (await client.get(f"{issuer.url}/.well-known/openid-configuration")).json()
        keys = (await client.get(found["jwks_uri"])).json()["keys"]
    assert found["issuer"] == issuer.url
    assert [key["kty"] for key in keys] == ["OKP"]
    assert "d" not in keys[0]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"unit": "LY-1"}, "unsupported_grant_type"),
        ({"grant_type": "password", "unit": "LY-1"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_is_refused(issuer: Issuer, form: dict[str, str], error: str):
    answer = await grant(issuer, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_the_key_is_kept_for_its_owner_alone(tmp_path: Path):
    first, second = (Issuer(tmp_path, 1, [])._key.kid for _ in range(2))
    assert first == second
    assert (tmp_path / "issuer.jwk").stat().st_mode & 0o777 == 0o600
