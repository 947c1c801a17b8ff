"""What a subscriber of the handoff is told, and how it knows that it was the handoff who said so.

The signature is that of Standard Webhooks, so any library of it verifies. `verify` here is all that a receiver in
Python needs: it looks at the signature, at the time of sending, and leaves it to the caller to refuse an id twice.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, ReasonCode
from handoff.contract.result import RunKind

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
TOLERANCE_SECONDS = 300
"""How old, or how far ahead, a message may be; ids must be remembered for at least as long."""
_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


class RunNotice(Document):
    """A handoff that ended."""

    handoff: RandomId
    key: Digest
    kind: RunKind
    state: Literal["SUCCEEDED", "FAILED", "CANCELED", "LOST", "REJECTED"]
    reason: ReasonCode | None
    batch: Digest
    model: str | None = Field(description="The model version that it used.")
    made_model: str | None = Field(description="The model version that it made.")
    spec_digest: Digest | None
    metrics: dict[str, float]


class PromotionNotice(Document):
    """An alias that was moved."""

    promotion: RandomId
    model: ProjectName
    alias: ProjectName
    version: str = Field(description="The model version that the alias stands for now.")
    before: str | None = Field(description="The one that it stood for before.")


class WebhookMessage(Document):
    """One message; the same bytes each time that it is sent. When it was sent stands in the header alone."""

    schema_: Literal["sluice.webhook/1"] = Field("sluice.webhook/1", alias="schema")
    type: Literal["result", "failure", "promotion"]
    sequence: int = Field(ge=1, description="Rises with each event of the handoff; messages come in this order.")
    project: ProjectName
    run: RunNotice | None = None
    promotion: PromotionNotice | None = None

    @model_validator(mode="after")
    def _tells_of_one_thing(self) -> Self:
        if (self.type == "promotion") != (self.promotion is not None) or (self.run is None) == (self.promotion is None):
            message = "a promotion tells of an alias, any other message of a run"
            raise ValueError(message)
        return self


class SignatureError(Exception):
    """The message is not proven to be the handoff's, or not to be of now; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_secret(text: str) -> bytes:
    """The key that a line of a secret's file stands for.

    Raises:
        ValueError: it is no `whsec_` and base64 of 24 to 64 bytes.
    """
    key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    if not text.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        message = "a secret is whsec_ and the base64 of 24 to 64 bytes"
        raise ValueError(message)
    return key


def sign(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the signature's header: one signature a key, so that a receiver may change its key at leisure."""
    return " ".join(f"v1,{_signature(key, message_id, timestamp, body)}" for key in keys)


def verify(headers: Mapping[str, str], body: bytes, keys: Iterable[bytes], now: float) -> str:
    """Believe a message, or say why not.

    Args:
        headers: of the request; names in lower case.
        body: as it came, before anything reads it.
        keys: that the receiver takes, see `read_secret`.
        now: UTC seconds since 1970.

    Returns:
        The message's id. Who saw it before has the same message again, and must not act on it twice.

    Raises:
        SignatureError: `unsigned`, `too-old`, `ahead-of-time` or `signature-wrong`.
    """
    try:
        message_id, given = headers[ID_HEADER], headers[SIGNATURE_HEADER]
        timestamp = int(headers[TIMESTAMP_HEADER])
    except (KeyError, ValueError) as error:
        raise SignatureError("unsigned") from error
    if timestamp < now - TOLERANCE_SECONDS:
        raise SignatureError("too-old")
    if timestamp > now + TOLERANCE_SECONDS:
        raise SignatureError("ahead-of-time")
    offered = [one.removeprefix("v1,").encode() for one in given.split() if one.startswith("v1,")]
    expected = [_signature(key, message_id, timestamp, body).encode() for key in keys]
    # Every pair is compared, so that the time tells nothing of where they part.
    equal = [hmac.compare_digest(one, other) for one in offered for other in expected]
    if True not in equal:
        raise SignatureError("signature-wrong")
    return message_id


def _signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
