"""What the flow fetched: a file that is one line of JSON, the claim, and then the object's bytes.

The file's name is an id, set by NiFi from the address that was asked, never by a header of the answer.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from handoff.contract.returned import CLAIM_BYTES, Claim, object_id
from processors.results.errors import ClaimInvalidError
from processors.results.reasons import Reason

OBJECT_BYTES = 512 << 20
"""An object is not larger than this."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A fetched object. `wrong` says why it cannot be what the claim says; then `content` is empty."""

    claim: Claim
    content: bytes
    wrong: Reason | None = None


def read(inbox: Path, result_id: str) -> Arrived | None:
    """The object that lies in the inbox under an id; None when it is not there (yet).

    Raises:
        ClaimInvalidError: the claim is none, or one of another object.
    """
    try:
        stream = (inbox / result_id).open("rb")
    except FileNotFoundError:
        return None
    with stream:
        line = stream.readline(CLAIM_BYTES + 1)
        try:
            claim = Claim.model_validate_json(line)
        except ValidationError:
            raise ClaimInvalidError from None  # the cause quotes what the other side wrote
        if claim.id != result_id or object_id(claim.handoff, claim.path) != result_id:
            raise ClaimInvalidError
        content = stream.read(OBJECT_BYTES + 1)
    if len(content) > OBJECT_BYTES or claim.size > OBJECT_BYTES:
        return Arrived(claim, b"", Reason.TOO_LARGE)
    if len(content) != claim.size or hashlib.sha256(content).hexdigest() != claim.sha256:
        return Arrived(claim, b"", Reason.DIGEST_MISMATCH)
    return Arrived(claim, content)


def forget(inbox: Path, result_id: str) -> None:
    """Remove what was fetched; it is kept elsewhere, or fetched again."""
    (inbox / result_id).unlink(missing_ok=True)
