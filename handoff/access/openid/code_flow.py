"""How a person signs in at the provider: authorization code with PKCE (RFC 6749, RFC 7636, RFC 9700).

1. `begin` makes three secrets: the *state* ties the answer to this browser, the *nonce* ties the token to this
   sign-in, the *verifier* ties the code to us. The browser keeps all three in a cookie; nothing is written here, so
   nobody unknown can fill the database.
2. The provider asks who it is and sends the browser back with a code.
3. `finish` compares the state, trades code and verifier for an ID token, and believes it like any other token, with
   the client as its audience and the nonce inside. `spent` sees to it that a state signs in once.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from handoff.access.openid.claims import principal_of
from handoff.access.openid.provider import Metadata, Provider
from handoff.access.openid.settings import OpenidSettings
from handoff.access.openid.verify import Verifier
from handoff.access.principal import Principal
from handoff.errors import OpenidDownError, SignInError

_PART = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_CODE = re.compile(r"[\x20-\x7e]{1,2048}", re.ASCII)
_ERROR = re.compile(r"[a-z_]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun."""

    state: str
    nonce: str
    verifier: str
    back_to: str

    @classmethod
    def new(cls, back_to: str) -> "Attempt":
        """Fresh secrets of 256 bits; afterwards the browser goes on at `back_to`."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), back_to)

    def pack(self) -> str:
        """The attempt as a cookie's value."""
        return _base64(json.dumps(asdict(self)).encode())

    @classmethod
    def unpack(cls, cookie: str) -> "Attempt":
        """Read a cookie.

        Raises:
            SignInError: it holds no attempt of ours.
        """
        try:
            attempt = cls(**json.loads(base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))))
            fit = all(_PART.fullmatch(part) for part in (attempt.state, attempt.nonce, attempt.verifier))
        except (ValueError, TypeError, RecursionError) as error:
            raise _broken() from error
        if not fit or not isinstance(attempt.back_to, str):
            raise _broken()
        return attempt


class CodeFlow:
    """Signs people in at one provider, for one client of it."""

    def __init__(self, settings: OpenidSettings, provider: Provider, verifier: Verifier, *, url: str) -> None:
        assert settings.client_id is not None
        self._client_id = settings.client_id
        self._settings = settings
        self._provider = provider
        self._verifier = verifier
        self._redirect_uri = url.rstrip("/") + CALLBACK

    @property
    def provider_name(self) -> str:
        """The provider's host, as a person knows it."""
        return urlsplit(self._settings.issuer).hostname or ""

    def begin(self, attempt: Attempt) -> str:
        """The URL at the provider that the browser goes to.

        Raises:
            OpenidDownError: the provider does not say where that is.
        """
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": _base64(hashlib.sha256(attempt.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        return _extended(self._provider.metadata().authorization_endpoint, asked)

    def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Principal:
        """Who came back with an answer.

        Raises:
            SignInError: the answer is not one to this attempt, or the provider refused.
            UnauthorizedError: the provider's token is not to be believed.
            ForbiddenError: the person has no role here.
            OpenidDownError: the provider does not answer.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise _broken()
        metadata = self._provider.metadata()
        self._require_issuer(metadata, answer)
        if "error" in answer:
            why = answer["error"] if _ERROR.fullmatch(answer["error"]) else "unknown"
            raise SignInError(f"The provider did not sign you in ({why}).", code="sign-in-refused")
        if not _CODE.fullmatch(answer.get("code", "")):
            raise _broken()
        claims = self._verifier.claims(self._id_token(metadata, answer["code"], attempt), self._client_id)
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise SignInError("The provider's token belongs to another sign-in.", code="sign-in-nonce")
        parties = claims["aud"]
        only = isinstance(parties, str) or len(parties) == 1
        if claims.get("azp", self._client_id if only else None) != self._client_id:
            raise SignInError("The provider's token was made for another client.", code="sign-in-client")
        return principal_of(claims, self._settings)

    def leave(self) -> str | None:
        """The URL at which the provider's own session ends; None where it has none."""
        try:
            end = self._provider.metadata().end_session_endpoint
        except OpenidDownError:
            return None
        back = self._redirect_uri.removesuffix(CALLBACK) + "/login"
        return end and _extended(end, {"client_id": self._client_id, "post_logout_redirect_uri": back})

    def _require_issuer(self, metadata: Metadata, answer: Mapping[str, str]) -> None:
        """An answer of another provider would have us send the code to the wrong one (RFC 9207)."""
        said = answer.get("iss")
        missing = said is None and metadata.authorization_response_iss_parameter_supported
        if missing or (said is not None and said != self._settings.issuer):
            raise SignInError("The answer is of another provider.", code="sign-in-issuer")

    def _id_token(self, metadata: Metadata, code: str, attempt: Attempt) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._client_id,
            "code_verifier": attempt.verifier,
        }
        headers: dict[str, str] = {}
        secret = self._secret()
        if secret is not None and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(self._client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif secret is not None:
            form["client_secret"] = secret
        status, answer = self._provider.post(metadata.token_endpoint, form, headers)
        token: Any = answer.get("id_token") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(token, str):
            raise SignInError("The provider did not take its own code back.", code="sign-in-code")
        return token

    def _secret(self) -> str | None:
        """Read at each sign-in, so that a file that was replaced needs no restart."""
        file = self._settings.client_secret_file
        if file is None:
            return None
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = "The openid.client_secret_file cannot be read."
            raise OpenidDownError(message, remedy="Mend its path or its rights.") from error


CALLBACK = "/login/openid/back"


def _broken() -> SignInError:
    return SignInError()


def _extended(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
