"""New UIDs for what goes back: the same whenever an object is treated again, and no way from them to anything else."""

import hmac
import uuid

from processors.deid.keys import KeyFile


def minted(keys: KeyFile, result_id: str, purpose: str) -> str:
    """A UID under 2.25 (PS3.5 B.2) for one purpose within one object."""
    digest = hmac.digest(keys.derive("results/uids"), f"{result_id}\n{purpose}".encode(), "sha256")
    number = bytearray(digest[:16])
    number[6] = number[6] & 0x0F | 0x80
    number[8] = number[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(number)).int}"
