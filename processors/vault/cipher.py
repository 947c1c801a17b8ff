"""How columns are sealed and found again: AES-256-GCM for values, HMAC-SHA-256 for lookups."""

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from processors.deid.keys import KeyFile
from processors.vault.errors import VaultKeyMismatchError

NONCE_BYTES = 12


class Cipher:
    """Seals values to their table, column and row, so that none can be moved to another place."""

    def __init__(self, key_file: KeyFile) -> None:
        self._seal = AESGCM(key_file.derive("vault/columns"))
        self._lookup = key_file.derive("vault/lookups")

    def lookup(self, *parts: str) -> bytes:
        """What a row is found by; tells nothing of its parts without the key."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.digest(self._lookup, message, "sha256")

    def seal(self, place: str, row: bytes, value: str) -> bytes:
        """A value encrypted for `place` (table.column) in `row`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, value.encode(), place.encode() + b"/" + row)

    def unseal(self, place: str, row: bytes, sealed: bytes) -> str:
        """The value of `seal`.

        Raises:
            VaultKeyMismatchError: sealed with another key, or for another place or row.
        """
        try:
            plain = self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode() + b"/" + row)
        except InvalidTag as error:
            raise VaultKeyMismatchError("The vault does not open with this key file.") from error
        return plain.decode()
