"""The keys that a provider signs with: only public ones, only for signatures, each for the algorithms that suit it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from handoff.access.openid.provider import Provider
from handoff.access.openid.remembered import Ages, Remembered
from handoff.access.openid.settings import Algorithm
from handoff.errors import OpenidDownError

_SUITS: dict[tuple[str, str | None], tuple[Algorithm, ...]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""What a key of a type and curve may verify. No symmetric key is here, so none is ever used, whatever a set holds."""
_SHORTEST_RSA_BITS = 2048
_MOST_KEYS = 64


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key."""

    id: str | None
    key: Any
    suits: frozenset[str]


class KeySet:
    """The keys of one moment."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def of(cls, document: Any) -> "KeySet":
        """Read a JSON Web Key Set (RFC 7517); a key that cannot be used is left out.

        Raises:
            OpenidDownError: it is no key set.
        """
        found = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(found, list):
            raise OpenidDownError("The provider's key set cannot be understood.")
        return cls(key for item in found[:_MOST_KEYS] if (key := _key(item)) is not None)

    def find(self, key_id: str | None, algorithm: str) -> Any | None:
        """The key of this id for this algorithm; a token that names none may use the only one that suits."""
        suiting = [key for key in self._keys if algorithm in key.suits]
        named = suiting if key_id is None else [key for key in suiting if key.id == key_id]
        return named[0].key if len(named) == 1 else None


class Keys:
    """The provider's keys, as they are rotated."""

    def __init__(self, provider: Provider, ages: Ages) -> None:
        self._provider = provider
        self._set = Remembered(self._fetch, ages)

    def find(self, key_id: str | None, algorithm: str) -> Any | None:
        """A key; an id that is unknown is looked for once more at the provider, not more often than `ages` says.

        Raises:
            OpenidDownError: there are no keys that may be used, and none to be had.
        """
        found = self._set.get().find(key_id, algorithm)
        return found if found is not None else self._set.again().find(key_id, algorithm)

    def _fetch(self) -> KeySet:
        return KeySet.of(self._provider.get(self._provider.metadata().jwks_uri))


def _key(item: Any) -> SigningKey | None:
    """A key that may verify something; None for every other one."""
    if not isinstance(item, dict) or "d" in item or item.get("use", "sig") != "sig":
        return None
    kind, curve = item.get("kty"), item.get("crv")
    suits = _SUITS.get((str(kind), None if kind == "RSA" else str(curve)), ())
    if "alg" in item:
        suits = tuple(name for name in suits if name == item["alg"])
    operations = item.get("key_ops")
    if not suits or (isinstance(operations, list) and "verify" not in operations):
        return None
    try:
        key = jwt.PyJWK(item, suits[0]).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < _SHORTEST_RSA_BITS:
        return None
    key_id = item.get("kid")
    return SigningKey(key_id if isinstance(key_id, str) else None, key, frozenset(suits))
