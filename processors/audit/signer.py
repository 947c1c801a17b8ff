"""Who vouches for the record: an Ed25519 key (RFC 8032) that is derived from the site's key file.

There is no second secret to make, keep or lose. Whoever can read the key file can sign; the public key of an epoch,
kept elsewhere, lets anybody verify without being able to sign.
"""

import base64
from dataclasses import replace
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from processors.audit.errors import PublicKeyError
from processors.audit.lines import Record, signed_part
from processors.deid.keys import KeyFile

PURPOSE = "audit"


class Signer:
    """Signs heads with the key of one epoch."""

    def __init__(self, keys: KeyFile) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(keys.derive(PURPOSE))
        self.key = f"{keys.id}/{keys.epoch}"
        self.public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, head: Record) -> Record:
        """The head with its key and signature."""
        named = {**head, "key": self.key, "public": self.public}
        return {**named, "signature": base64.b64encode(self._private.sign(signed_part(named))).decode()}


class Trusted:
    """The public keys by which a head is believed."""

    def __init__(self, public: dict[str, Ed25519PublicKey]) -> None:
        self._public = public

    @classmethod
    def of_site(cls, keys: KeyFile) -> Self:
        """Those of every epoch of a key file until now."""
        signers = [Signer(replace(keys, epoch=epoch)) for epoch in range(1, keys.epoch + 1)]
        return cls.of_hex([signer.public for signer in signers])

    @classmethod
    def of_hex(cls, keys: list[str]) -> Self:
        """Those that somebody kept elsewhere.

        Raises:
            PublicKeyError: one is no Ed25519 public key of 32 bytes in hexadecimal digits.
        """
        try:
            return cls({key: Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in keys})
        except ValueError as error:
            raise PublicKeyError("A public key has 64 hexadecimal digits.") from error

    def vouch(self, head: Record) -> bool:
        """Whether a trusted key signed this head."""
        public = self._public.get(str(head.get("public")))
        if public is None:
            return False
        try:
            public.verify(base64.b64decode(str(head.get("signature")), validate=True), signed_part(head))
        except (InvalidSignature, ValueError):
            return False
        return True
