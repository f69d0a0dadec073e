"""An identity provider for tests: real keys, a real JWKS endpoint on loopback, tokens right and wrong."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeyParameters, OKPKey, RSAKey

AUDIENCE = "liandong"


class Issuer:
    """Publishes the keys in `keys`; `calls` counts who asked for them."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {"one": ECKey.generate_key("P-256", {"kid": "one"})}
        self.calls = 0
        self.fails = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.calls += 1
                keys = [key.as_dict(private=False) for key in issuer.keys.values()]
                self.send_response(500 if issuer.fails else 200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": keys}).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.jwks_url = self.url + "/jwks"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def add(self, kid: str, kind: str = "EC") -> Key:
        """Publish one more key."""
        parameters: KeyParameters = {"kid": kid}
        key: Key
        match kind:
            case "RSA":
                key = RSAKey.generate_key(2048, parameters)
            case "OKP":
                key = OKPKey.generate_key("Ed25519", parameters)
            case _:
                key = ECKey.generate_key("P-256", parameters)
        self.keys[kid] = key
        return key

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Give good claims, changed; None takes a claim away."""
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "person-1",
            "unit": "U1",
            "posts": ["clerk"],
            "scope": "matters:read matters:write papers:write",
            "exp": int(time.time()) + 600,
        }
        return {key: value for key, value in (good | changes).items() if value is not None}

    def token(
        self, *, kid: str = "one", alg: str = "ES256", header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """Sign claims with a published key."""
        return jwt.encode(
            {"alg": alg, "kid": kid, **(header or {})}, self.claims(**changes), self.keys[kid], [alg]
        )

    def bearer(self, **changes: Any) -> dict[str, str]:
        """Give the Authorization header of a good token, its claims changed."""
        return {"Authorization": f"Bearer {self.token(**changes)}"}


@contextmanager
def running() -> Iterator[Issuer]:
    """Run an issuer for the length of the block."""
    issuer = Issuer()
    try:
        yield issuer
    finally:
        issuer.close()
