"""A provider of OpenID Connect made by hand: keys, tokens as it would sign them, and what it publishes."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "sluice-api"
CLIENT = "sluice-pages"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
RULES = [{"claim": "groups", "value": "imaging", "role": "ml-engineer", "projects": ["lungs"]}]


def published(key: Any, key_id: str | None = "one", **facts: Any) -> dict[str, Any]:
    """The public half as a JSON Web Key."""
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    kind = next((maker for known, maker in kinds.items() if isinstance(key, known)), OKPAlgorithm)
    named = {} if key_id is None else {"kid": key_id}
    return {**kind.to_jwk(key.public_key(), as_dict=True), **named, **facts}


def claims(issuer: str, **changed: Any) -> dict[str, Any]:
    """What a token of now for us says; None removes a claim."""
    now = int(time.time())
    said = {"iss": issuer, "aud": AUDIENCE, "sub": "u-1", "iat": now, "exp": now + 300, "groups": ["imaging"]}
    return {name: value for name, value in {**said, **changed}.items() if value is not None}


def signed(
    said: dict[str, Any], key: Any = RSA, algorithm: str = "RS256", key_id: str | None = "one", **header: Any
) -> str:
    """A token."""
    return jwt.encode(said, key, algorithm, headers={**({} if key_id is None else {"kid": key_id}), **header})


def assembled(header: bytes, said: bytes, signature: bytes = b"x") -> str:
    """A token from raw parts, as no library would make it."""
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, said, signature))


class FakeProvider:
    """Publishes discovery and keys on loopback, and counts who asks; `down` makes it fail."""

    def __enter__(self) -> Self:
        self.keys: list[Any] = [published(RSA)]
        self.asked: dict[str, int] = {}
        self.down = False
        self.slow_seconds = 0.0
        self.changed: dict[str, Any] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked[self.path] = provider.asked.get(self.path, 0) + 1
                time.sleep(provider.slow_seconds)
                body = json.dumps(provider.answer(self.path)).encode()
                self.send_response(503 if provider.down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/realm"

    def answer(self, path: str) -> Any:
        if path == "/realm/keys":
            return {"keys": self.keys}
        assert path == "/realm/.well-known/openid-configuration", path
        ends = {"jwks_uri": "keys", "authorization_endpoint": "authorize", "token_endpoint": "token"}
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{end}" for name, end in ends.items()}, **self.changed}
