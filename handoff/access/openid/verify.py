"""Whether a token is the provider's, for us, and of now (RFC 7519, RFC 8725)."""

import re
from collections.abc import Mapping
from typing import Any

import jwt

from handoff.access.openid.keys import Keys
from handoff.access.openid.settings import OpenidSettings
from handoff.errors import UnauthorizedError

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", re.ASCII)
_LONGEST = 16 << 10
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""What says who somebody is; a logout token, say, is signed by the same key and says something else."""
_UNFIT = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""All that a token can make the parser say; the last one for a token of nothing but brackets."""
_REFUSALS: tuple[tuple[type[Exception], str, str], ...] = (
    (jwt.ExpiredSignatureError, "token-expired", "The token has expired."),
    (jwt.ImmatureSignatureError, "token-not-yet", "The token is not valid yet."),
    (jwt.InvalidAudienceError, "token-audience", "The token is for somebody else."),
    (jwt.InvalidIssuerError, "token-issuer", "The token is of another issuer."),
    (jwt.MissingRequiredClaimError, "token-claims", "The token lacks a claim."),
    (jwt.InvalidSignatureError, "token-signature", "The token's signature does not fit."),
)
_REMEDY = "Get a new token of the provider, for the audience of openid.audience."


def looks_signed(token: str) -> bool:
    """Whether a bearer token could be a signed one of a provider; tokens made here hold no dots."""
    return _SHAPE.fullmatch(token) is not None


class Verifier:
    """Believes tokens of one provider."""

    def __init__(self, settings: OpenidSettings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys

    def claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """The claims of a token for an audience.

        Raises:
            UnauthorizedError: the token is not to be believed; its code says why.
            OpenidDownError: the provider's keys cannot be had.
        """
        header = self._header(token)
        algorithm = header["alg"]
        key_id = header.get("kid")
        key = self._keys.find(key_id if isinstance(key_id, str) else None, algorithm)
        if key is None:
            raise _refused("token-key", "The token is signed by a key that the provider does not name.")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_seconds,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
            life = float(claims["exp"]) - float(claims["iat"])
        except _UNFIT as error:
            raise _refusal(error) from error
        if life > self._settings.longest_token_seconds:
            raise _refused("token-life", "The token lives longer than openid.longest_token_seconds.")
        if "events" in claims:  # a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4)
            raise _refused("token-kind", "The token says nothing of who somebody is.")
        return claims

    def _header(self, token: str) -> Mapping[str, Any]:
        """The header, looked at before any key is: what it asks for must be allowed."""
        if len(token) > _LONGEST or not looks_signed(token):
            raise _refused("token-form", "The token is none of OpenID Connect.")
        try:
            header = jwt.get_unverified_header(token)
        except _UNFIT as error:
            raise _refused("token-form", "The token is none of OpenID Connect.") from error
        if header.get("alg") not in self._settings.algorithms:
            raise _refused("token-algorithm", "The token is signed in a way that is not allowed here.")
        if str(header.get("typ", "")).lower() not in _TYPES or "crit" in header:
            raise _refused("token-kind", "The token is of a kind that says nothing of who somebody is.")
        return header


def _refusal(error: Exception) -> UnauthorizedError:
    for kind, code, message in _REFUSALS:
        if isinstance(error, kind):
            return _refused(code, message)
    return _refused("token-form", "The token cannot be understood.")


def _refused(code: str, message: str) -> UnauthorizedError:
    return UnauthorizedError(message, code=code, remedy=_REMEDY)
