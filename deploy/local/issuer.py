"""A sandbox identity provider: makes tokens for any unit and publishes the key they are checked with.

It asks for no password and belongs on loopback; production names any OIDC provider by its URL instead.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import OKPKey

UNIT_SCOPES = (
    "matters:read",
    "matters:write",
    "papers:write",
    "directory:read",
    "webhooks:manage",
    "feed:read",
    "events:read",
)
ALGORITHM: Final = "Ed25519"
_BODY_LIMIT = 64 * 1024


class Issuer:
    """Signs tokens with a key kept in `folder`; `url` is its name in them and where it is asked."""

    def __init__(self, folder: Path, port: int, audiences: Iterable[str]) -> None:
        """`audiences`: the services a token is good for."""
        self.url = f"http://127.0.0.1:{port}"
        self._port, self._audiences, self._key = port, list(audiences), _kept_key(folder / "issuer.jwk")

    @property
    def jwks_url(self) -> str:
        """Where the services read the public key."""
        return f"{self.url}/jwks.json"

    def token(
        self,
        unit: str,
        *,
        person: str | None = None,
        posts: Iterable[str] = (),
        scopes: Iterable[str] = UNIT_SCOPES,
        audiences: Iterable[str] | None = None,
        seconds: int = 3600,
    ) -> str:
        """A bearer token for somebody of the unit, valid from now on for so many seconds."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": person or f"sandbox-{unit}",
            "aud": self._audiences if audiences is None else list(audiences),
            "unit": unit,
            "posts": list(posts),
            "scope": " ".join(scopes),
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
        }
        header = {"alg": ALGORITHM, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    @contextlib.contextmanager
    def serve(self) -> Iterator[None]:
        """Answer on loopback from a thread of its own until the block ends."""
        issuer = self

        class Handler(_Handler):
            documents = {  # noqa: RUF012  read only
                "/.well-known/openid-configuration": issuer._configuration(),
                "/jwks.json": {"keys": [issuer._key.as_dict(private=False)]},
            }

            def grant(self, form: dict[str, str]) -> dict[str, Any]:
                """Answer like a token endpoint."""
                given: dict[str, Any] = {
                    key: form[name].split()
                    for key, name in {"posts": "posts", "scopes": "scope", "audiences": "audience"}.items()
                    if name in form
                }
                token = issuer.token(form["unit"], person=form.get("person"), **given)
                return {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

        server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": self.jwks_url,
            "token_endpoint": f"{self.url}/token",
            "grant_types_supported": ["client_credentials"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }


class _Handler(BaseHTTPRequestHandler):
    documents: dict[str, dict[str, Any]]

    def grant(self, form: dict[str, str]) -> dict[str, Any]:
        raise NotImplementedError

    def do_GET(self) -> None:
        document = self.documents.get(self.path)
        self._answer(200 if document else 404, document or {"error": "not_found"})

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length", 0)), _BODY_LIMIT)
        form = {name: values[-1] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        if self.path != "/token":
            self._answer(404, {"error": "not_found"})
        elif form.get("grant_type") != "client_credentials":
            self._answer(400, {"error": "unsupported_grant_type"})
        elif "unit" not in form:
            self._answer(400, {"error": "invalid_request", "error_description": "unit is missing"})
        else:
            self._answer(200, self.grant(form))

    def log_message(self, *_: Any) -> None:
        """Say nothing on stderr."""

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _kept_key(file: Path) -> OKPKey:
    if not file.exists():
        key = OKPKey.generate_key(ALGORITHM, {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            json.dump(key.as_dict(private=True), new)
    return OKPKey.import_key(json.loads(file.read_text()))
