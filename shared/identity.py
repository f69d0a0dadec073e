"""Who is calling: bearer tokens of one issuer, verified against its published keys."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final

import httpx
from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from shared.http.problems import Problem, unavailable
from shared.http.ratelimit import RateLimiter

ALGORITHMS: Final = ("RS256", "ES256", "Ed25519", "EdDSA")
SKEW: Final = 30  # seconds that the issuer's clock and ours may differ
_KEY_TYPES: Final[Mapping[str, type[RSAKey | ECKey | OKPKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_KEYS_PER_SET: Final = 100
_TOKEN_LENGTH: Final = 8192
_REMEMBERED: Final = 10_000
_REMEMBERED_SECONDS: Final = 300.0  # a key the issuer takes back is trusted no longer than this
_FETCH_SECONDS: Final = 3.0
_FETCH_PAUSE: Final = 10.0  # unknown key ids cannot make us call the issuer more often
_FETCH_AGE: Final = 300.0

_log = logging.getLogger(__name__)
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    bearerFormat="JWT",
    description="A token of the city's identity provider with the claims sub, unit, posts and scope.",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or machine of one unit, and what its token lets it do."""

    unit: str
    person: str
    posts: frozenset[str]
    scopes: frozenset[str]


Dependency = Callable[..., Awaitable[Caller]]


class _Registry(jws.JWSRegistry):
    """Takes our algorithms and no other; the library's own warns at each EdDSA, the old name of Ed25519."""

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError("not one of ours")
        return self.algorithms[name]


class _Keys:
    """The issuer's keys by id; fetched when first needed, on an unknown id, and now and then."""

    def __init__(self, url: str, pause: float) -> None:
        self._url = url
        self._pause = pause
        self._keys: dict[str, Key] = {}
        self._tried = self._fetched = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, kid: str) -> Key | None:
        """Give the key; None when the issuer has none of this id; Problem 503 while none at all is known."""
        if kid not in self._keys or time.monotonic() - self._fetched > _FETCH_AGE:
            await self._refresh(kid)
        if not self._keys:
            raise unavailable("keys-unavailable", "The keys that tokens are checked with cannot be read now")
        return self._keys.get(kid)

    async def _refresh(self, kid: str) -> None:
        if kid in self._keys and self._lock.locked():
            return  # somebody is at it, and what we know serves meanwhile
        async with self._lock:
            pause = self._pause if self._keys else min(self._pause, 1.0)
            if time.monotonic() - self._tried < pause:
                return
            self._tried = time.monotonic()
            try:
                async with httpx.AsyncClient(timeout=_FETCH_SECONDS, trust_env=False) as client:
                    answer = await client.get(self._url)
                self._keys = _read_keys(answer.raise_for_status().json())
                self._fetched = time.monotonic()
            except (httpx.HTTPError, ValueError, TypeError, LookupError, AttributeError) as error:
                _log.warning("the issuer's keys could not be read: %s", type(error).__name__)


def _read_keys(document: Any) -> dict[str, Key]:
    """Take the signing keys with an id; symmetric keys and keys for encryption are none of ours."""
    keys: dict[str, Key] = {}
    for each in document["keys"][:_KEYS_PER_SET]:
        kind = _KEY_TYPES.get(each["kty"])
        if kind is not None and isinstance(each.get("kid"), str) and each.get("use", "sig") == "sig":
            with suppress(JoseError, ValueError):  # one odd key takes nothing from the others
                keys[each["kid"]] = kind.import_key(each)
    if not keys:
        raise ValueError("no key in the set can check a token")
    return keys


class Identity:
    """Verifies tokens and hands routes their caller; the rate limit is counted per caller."""

    def __init__(
        self,
        *,
        jwks_url: str,
        issuer: str,
        audience: str,
        limiter: RateLimiter,
        now: Callable[[], float] = time.time,
        fetch_pause: float = _FETCH_PAUSE,
    ) -> None:
        """`now` gives seconds since 1970; `fetch_pause` the least seconds between two calls to the issuer."""
        self._keys = _Keys(jwks_url, fetch_pause)
        self._limiter = limiter
        self._now = now
        self._registry = _Registry(strict_check_header=False)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=SKEW,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._remembered: dict[bytes, tuple[Caller, float]] = {}

    def requires(self, *scopes: str) -> Dependency:
        """Give a dependency that answers with the Caller, or refuses with 401, 403, 429 or 503."""

        async def caller(
            credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer, scopes=scopes)],
        ) -> Caller:
            if credentials is None:
                raise _unauthorized("token-missing", "A bearer token is needed")
            found = await self.verify(credentials.credentials)
            await self._limiter.hit(found.unit, found.person)
            missing = sorted(set(scopes) - found.scopes)
            if missing:
                raise Problem(
                    403,
                    "scope-missing",
                    "The token does not carry the scope",
                    extra={"scopes": missing},
                    headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{missing[0]}"'},
                )
            return found

        return caller

    async def verify(self, token: str) -> Caller:
        """Give the caller a token speaks for; Problem 401 `token-invalid` or `token-expired`."""
        digest = hashlib.sha256(token.encode()).digest()
        if (hit := self._remembered.get(digest)) and self._now() < hit[1]:
            return hit[0]
        try:
            claims = await self._verified_claims(token)
            self._claims.validate(claims)
            caller = _caller(claims)
        except ExpiredTokenError:
            raise _unauthorized("token-expired", "The token has expired") from None
        except (JoseError, ValueError, TypeError):
            raise _unauthorized("token-invalid", "The token is not valid") from None
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        until = min(claims["exp"] + SKEW, self._now() + _REMEMBERED_SECONDS)
        self._remembered[digest] = (caller, until)
        return caller

    async def _verified_claims(self, token: str) -> dict[str, Any]:
        if len(token) > _TOKEN_LENGTH:
            raise ValueError("too long")
        # Before the signature holds, only kid and alg are read; jku, jwk and x5u are never looked at.
        header = jws.extract_compact(token.encode(), registry=self._registry).headers()
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise TypeError("no key is named")
        self._registry.get_alg(header["alg"])
        key = await self._keys.get(kid)
        if key is None:
            raise ValueError("unknown key")
        return jwt.decode(token, key, registry=self._registry).claims


def _caller(claims: Mapping[str, Any]) -> Caller:
    unit, person = claims.get("unit"), claims["sub"]
    posts, scope = claims.get("posts", []), claims.get("scope", "")
    if not (isinstance(unit, str) and unit and isinstance(scope, str)):
        raise ValueError("unit or scope")
    if not (isinstance(posts, list) and all(isinstance(post, str) for post in posts)):
        raise ValueError("posts")
    return Caller(unit, person, frozenset(posts), frozenset(scope.split()))


def _unauthorized(code: str, title: str) -> Problem:
    error = "" if code == "token-missing" else ' error="invalid_token"'
    return Problem(401, code, title, headers={"WWW-Authenticate": f"Bearer{error}"})
