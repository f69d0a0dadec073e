"""A token is believed only when every rule holds."""

import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.http.problems import Problem
from shared.http.ratelimit import RateLimiter
from shared.identity import Caller, Identity
from tests.shared.issuer import AUDIENCE, Issuer, running


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running() as started:
        yield started


def _identity(issuer: Issuer, **changes: Any) -> Identity:
    settings: dict[str, Any] = {
        "jwks_url": issuer.jwks_url,
        "issuer": issuer.url,
        "audience": AUDIENCE,
        "limiter": RateLimiter("1000/second"),
        "fetch_pause": 0.0,
    }
    return Identity(**(settings | changes))


@pytest.fixture
def identity(issuer: Issuer) -> Identity:
    return _identity(issuer)


async def _refusal(identity: Identity, token: str) -> str:
    with pytest.raises(Problem) as refused:
        await identity.verify(token)
    assert refused.value.status == 401
    return refused.value.code


def _segment(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("kind", "alg"), [("RSA", "RS256"), ("EC", "ES256"), ("OKP", "Ed25519"), ("OKP", "EdDSA")]
)
async def test_a_good_token_names_its_caller(issuer: Issuer, identity: Identity, kind: str, alg: str):
    key = issuer.add("two", kind)
    # The library warns whoever signs with the older name; verifying must not.
    token = _signed_eddsa(issuer, key) if alg == "EdDSA" else issuer.token(kid="two", alg=alg)
    assert await identity.verify(token) == Caller(
        unit="U1",
        person="person-1",
        posts=frozenset({"clerk"}),
        scopes=frozenset({"matters:read", "matters:write", "papers:write"}),
    )


def _signed_eddsa(issuer: Issuer, key: Any) -> str:
    signed = f"{_segment({'alg': 'EdDSA', 'kid': 'two'})}.{_segment(issuer.claims())}"
    signature = key.get_op_key("sign").sign(signed.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def test_an_audience_among_several_is_enough(issuer: Issuer, identity: Identity):
    assert (await identity.verify(issuer.token(aud=["other", AUDIENCE]))).unit == "U1"


async def test_a_token_without_signature_is_refused(issuer: Issuer, identity: Identity):
    header = _segment({"alg": "none", "kid": "one"})
    assert await _refusal(identity, f"{header}.{_segment(issuer.claims())}.") == "token-invalid"


async def test_a_public_key_does_not_serve_as_a_shared_secret(issuer: Issuer, identity: Identity):
    key = issuer.add("two", "RSA")
    assert isinstance(key, RSAKey)
    secret = OctKey.import_key(key.as_pem(private=False).hex())
    token = jwt.encode({"alg": "HS256", "kid": "two"}, issuer.claims(), secret, ["HS256"])
    assert await _refusal(identity, token) == "token-invalid"


async def test_a_symmetric_key_in_the_set_is_no_key_of_ours(issuer: Issuer, identity: Identity):
    secret = OctKey.generate_key(256, {"kid": "oct"})
    issuer.keys["oct"] = OctKey.import_key(secret.as_dict(private=True))
    token = jwt.encode({"alg": "HS256", "kid": "oct"}, issuer.claims(), secret, ["HS256"])
    assert await _refusal(identity, token) == "token-invalid"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"aud": [AUDIENCE + "-test"]},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"iss": None},
        {"aud": None},
        {"exp": None},
        {"sub": None},
        {"unit": None},
        {"sub": ""},
        {"unit": ""},
        {"unit": 7},
        {"posts": "clerk"},
        {"posts": [1]},
        {"scope": ["matters:read"]},
        {"exp": "tomorrow"},
    ],
    ids=str,
)
async def test_a_wrong_or_missing_claim_is_refused(
    issuer: Issuer, identity: Identity, claims: dict[str, Any]
):
    assert await _refusal(identity, issuer.token(**claims)) == "token-invalid"


async def test_the_issuer_with_a_trailing_slash_is_another(issuer: Issuer, identity: Identity):
    assert await _refusal(identity, issuer.token(iss=issuer.url + "/")) == "token-invalid"


async def test_an_expired_token_is_refused_beyond_the_skew(issuer: Issuer, identity: Identity):
    now = int(time.time())
    assert (await identity.verify(issuer.token(exp=now - 20))).unit == "U1"
    assert await _refusal(identity, issuer.token(exp=now - 40)) == "token-expired"


async def test_a_remembered_token_still_expires(issuer: Issuer):
    moment = time.time()
    identity = _identity(issuer, now=lambda: moment)
    token = issuer.token(exp=int(moment) + 10)
    await identity.verify(token)
    moment += 41
    assert await _refusal(identity, token) == "token-expired"


async def test_an_unknown_key_id_is_refused(issuer: Issuer, identity: Identity):
    stranger = ECKey.generate_key("P-256")
    for header in ({"kid": "none-such"}, {}, {"kid": 7}, {"kid": "one"}):
        token = (
            jwt.encode({"alg": "ES256", **header}, issuer.claims(), stranger, ["ES256"])
            if header != {"kid": 7}
            else f"{_segment({'alg': 'ES256', 'kid': 7})}.{_segment(issuer.claims())}.AAAA"
        )
        assert await _refusal(identity, token) == "token-invalid"


async def test_a_key_named_or_carried_by_the_token_is_not_looked_at(issuer: Issuer, identity: Identity):
    with running() as attacker:
        foreign = attacker.add("evil")
        for header in (
            {"jku": attacker.jwks_url},
            {"jwk": foreign.as_dict(private=False)},
            {"x5u": attacker.url + "/cert"},
        ):
            for kid in ("evil", "one"):
                token = jwt.encode(
                    {"alg": "ES256", "kid": kid, **header}, issuer.claims(), foreign, ["ES256"]
                )
                assert await _refusal(identity, token) == "token-invalid"
        assert attacker.calls == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(
    token=st.text()
    | st.tuples(*[st.binary(max_size=60)] * 3).map(
        lambda parts: ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    )
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ", "x"]), inner)
        ),
        max_leaves=5,
    ).map(lambda header: f"{_segment(header)}.e30.AAAA")
)
async def test_garbage_is_refused(identity: Identity, token: str):
    assert await _refusal(identity, token) == "token-invalid"


async def test_a_new_key_is_picked_up(issuer: Issuer, identity: Identity):
    await identity.verify(issuer.token())
    issuer.add("two")
    assert (await identity.verify(issuer.token(kid="two"))).unit == "U1"


async def test_unknown_key_ids_do_not_make_us_hammer_the_issuer(issuer: Issuer):
    identity = _identity(issuer, fetch_pause=60.0)
    await identity.verify(issuer.token())
    stranger = ECKey.generate_key("P-256")
    for number in range(20):
        token = jwt.encode({"alg": "ES256", "kid": f"k{number}"}, issuer.claims(), stranger, ["ES256"])
        assert await _refusal(identity, token) == "token-invalid"
    assert issuer.calls == 1


async def test_without_any_key_the_caller_is_asked_to_come_back(issuer: Issuer, identity: Identity):
    issuer.fails = True
    with pytest.raises(Problem) as refused:
        await identity.verify(issuer.token())
    assert (refused.value.status, refused.value.code) == (503, "keys-unavailable")
    assert refused.value.headers is not None
    assert int(refused.value.headers["Retry-After"]) > 0
    issuer.fails = False
    assert (await identity.verify(issuer.token())).unit == "U1"


async def test_known_keys_go_on_while_the_issuer_is_down(issuer: Issuer, identity: Identity):
    await identity.verify(issuer.token())
    issuer.close()
    assert (await identity.verify(issuer.token(sub="person-2"))).person == "person-2"
    token = jwt.encode({"alg": "ES256", "kid": "new"}, issuer.claims(), issuer.add("new"), ["ES256"])
    assert await _refusal(identity, token) == "token-invalid"


@pytest.fixture
async def client(issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    identity = _identity(issuer, limiter=RateLimiter("3/minute"))
    router = APIRouter()

    @router.get("/v1/me")
    async def me(caller: Annotated[Caller, Depends(identity.requires("matters:read"))]) -> dict[str, str]:
        return {"unit": caller.unit}

    app = create_app(
        title="t", description="d", version="1", routers=[router], readiness=Readiness({}), body_limit=1000
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as opened:
        yield opened


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Basic dTpw"}, {"Authorization": "Bearer"}], ids=str
)
async def test_a_request_without_a_token_is_told_to_bring_one(
    client: httpx.AsyncClient, header: dict[str, str]
):
    answer = await client.get("/v1/me", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_bad_token_is_a_problem_that_does_not_quote_it(client: httpx.AsyncClient):
    answer = await client.get("/v1/me", headers={"Authorization": "Bearer canary-token"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert "canary" not in answer.text


async def test_a_token_without_the_scope_is_refused(client: httpx.AsyncClient, issuer: Issuer):
    answer = await client.get("/v1/me", headers=issuer.bearer(scope="matters:write"))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
    assert answer.json()["scopes"] == ["matters:read"]


async def test_each_caller_has_its_own_rate(client: httpx.AsyncClient, issuer: Issuer):
    for _ in range(3):
        assert (await client.get("/v1/me", headers=issuer.bearer())).status_code == 200
    answer = await client.get("/v1/me", headers=issuer.bearer())
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert (await client.get("/v1/me", headers=issuer.bearer(sub="person-2"))).status_code == 200
    assert (await client.get("/v1/me", headers=issuer.bearer(unit="U2"))).status_code == 200
