"""Signing receipts: Ed25519 over the canonical JSON, so that a repeated delivery gets the very same receipt."""

import base64
import hashlib
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from handoff.contract.receipt import Receipt, SignedReceipt
from handoff.errors import StartError
from handoff.home import write_secret


class ReceiptSigner:
    """Holds the private key of the receipts."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = base64.b64encode(raw).decode()
        self.key_id = hashlib.sha256(raw).hexdigest()[:16]

    @classmethod
    def load(cls, file: Path) -> "ReceiptSigner":
        """Read the key file (32 raw bytes), or make it on the first start.

        Raises:
            StartError: the file is no key, or others may read it.
        """
        if not file.exists():
            key = Ed25519PrivateKey.generate()
            write_secret(file, key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
        if file.stat().st_mode & 0o077:
            message = f"{file} may be read by others."
            raise StartError(message, code="receipt-key", remedy="Set its mode to 0600.")
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(file.read_bytes()))
        except ValueError as error:
            message = f"{file} is no Ed25519 key of 32 bytes."
            raise StartError(message, code="receipt-key", remedy="Restore it from a backup.") from error

    def sign(
        self, kind: Literal["shipment", "evidence", "labels"], identifier: str, sha256: str, size: int, project: str
    ) -> SignedReceipt:
        """State that these bytes are held under this id."""
        receipt = Receipt(kind=kind, id=identifier, sha256=sha256, size=size, project=project, key_id=self.key_id)
        return SignedReceipt(receipt=receipt, signature=self.signature(receipt.signed_bytes()))

    def signature(self, content: bytes) -> str:
        """The signature of any content, base64."""
        return base64.b64encode(self._key.sign(content)).decode()
