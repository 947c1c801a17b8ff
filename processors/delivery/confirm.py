"""Believes the handoff only by a signed receipt for exactly what was sent; anything else confirms nothing.

| answer of the handoff | what it means here |
|---|---|
| 200, 201 with a receipt that holds | confirmed |
| 200, 201 with any other body | `rejected`, a person should look; sent again later |
| 409, 413, 422 | parked: sending it again would not help |
| 410 | closed: withdrawn |
| anything else | `retry` |
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from handoff.contract.canonical import canonical_json
from handoff.contract.receipt import SignedReceipt
from processors.delivery.errors import UnknownDeliveryError
from processors.delivery.flowfile import FlowFile, Outcome, Reference, because
from processors.delivery.retention import after_confirmation
from processors.delivery.workplace import Workplace
from processors.landing.durable import write_whole
from processors.ledger import announcements, evidence, label_documents, shipments
from processors.ledger.schema import record_event, transaction

RECEIPT_BYTES: Final = 4096
"""A receipt is shorter than this."""
_REFUSED: Final = {409: "rejected:conflict", 413: "rejected:too-large", 422: "rejected:invalid"}
_WITHDRAWN: Final = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What InvokeHTTP heard: the status code (0 when none) and the body."""

    status: int
    body: str

    @classmethod
    def of(cls, flowfile: FlowFile) -> Self:
        """Read the answer from the attributes of InvokeHTTP's Original FlowFile."""
        status = flowfile.getAttribute("invokehttp.status.code") or ""
        return cls(int(status) if status.isdecimal() else 0, flowfile.getAttribute("receipt") or "")


class Sent(NamedTuple):
    """What a receipt must be about, as the ledger knows it."""

    kind: str
    id: str
    project: str
    sha256: str | None
    size: int | None


def confirm(place: Workplace, reference: Reference, answer: Answer, public_key: str) -> Outcome:
    """Judge the answer to one PUT."""
    standing = announcements.standing(place.ledger, reference.kind, reference.id, reference.n)
    if standing != "current":
        return because("superseded", standing)
    station = _STATIONS.get(reference.kind, _shipment)
    return station(place, reference, answer, public_key)


def verify(body: str, sent: Sent, public_key: str) -> str:
    """Why a receipt does not hold; empty when it does.

    Args:
        body: The handoff's answer.
        sent: What was sent.
        public_key: 32 raw bytes of the handoff's Ed25519 key, in base64.
    """
    if not body:
        return "receipt-missing"
    if len(body.encode()) >= RECEIPT_BYTES:
        return "receipt-too-large"
    try:
        signed = SignedReceipt.model_validate_json(body)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    except (ValidationError, binascii.Error, ValueError):
        return "receipt-unreadable"
    try:
        key.verify(base64.b64decode(signed.signature), canonical_json(signed.receipt))
    except InvalidSignature:
        return "receipt-forged"
    said = signed.receipt
    about = Sent(said.kind, said.id, said.project, said.sha256, said.size)
    return "" if about == sent else "receipt-mismatch"


def _shipment(place: Workplace, reference: Reference, answer: Answer, public_key: str) -> Outcome:
    shipment = shipments.get(place.ledger, reference.shipment_id)
    if shipment is None or shipment.delivery_id != reference.id:
        raise UnknownDeliveryError
    if shipment.state in shipments.TERMINAL:
        return because("superseded", shipment.state)
    sent = Sent("shipment", shipment.id, shipment.project, shipment.package_sha256, shipment.package_size)
    refusal = _judge(answer, sent, public_key)
    if refusal is None:
        folder = place.delivery_folder(shipment.delivery_id)
        write_whole(folder / f"receipt-{shipment.id}.json", answer.body.encode())
        with transaction(place.ledger) as ledger:
            terminal = shipments.confirm(ledger, shipment, answer.body, place.clock())
        after_confirmation(place, shipment, terminal=terminal)
        return Outcome("success")
    end: Callable[..., bool] = shipments.close if answer.status == _WITHDRAWN else shipments.park
    return _refused(place, reference, refusal, lambda ledger, now: end(ledger, shipment, refusal.reason, now))


def _evidence(place: Workplace, reference: Reference, answer: Answer, public_key: str) -> Outcome:
    message = evidence.message(place.ledger, reference.shipment_id)
    if message is None:
        raise UnknownDeliveryError
    if message.state != "translated":
        return because("superseded", message.state)
    sent = Sent("evidence", message.id, message.project, message.sha256, message.size)
    refusal = _judge(answer, sent, public_key)
    if refusal is None:
        with transaction(place.ledger) as ledger:
            evidence.confirm(ledger, reference.id, message.id, answer.body, place.clock())
        place.layout.evidence_of(message.id).unlink(missing_ok=True)
        return Outcome("success")
    return _refused(
        place,
        reference,
        refusal,
        lambda ledger, now: evidence.park(ledger, reference.id, message.id, refusal.reason, now),
    )


def _labels(place: Workplace, reference: Reference, answer: Answer, public_key: str) -> Outcome:
    document = label_documents.get(place.ledger, reference.shipment_id)
    if document is None or document.id != reference.id:
        raise UnknownDeliveryError
    sent = Sent("labels", document.id, document.project, document.sha256, document.size)
    refusal = _judge(answer, sent, public_key)
    if refusal is None:
        write_whole(place.layout.labels_of(document.id).with_name("receipt.json"), answer.body.encode())
        with transaction(place.ledger) as ledger:
            label_documents.confirm(ledger, document.id, answer.body, place.clock())
        return Outcome("success")
    end: Literal["parked", "closed"] = "closed" if answer.status == _WITHDRAWN else "parked"
    return _refused(
        place,
        reference,
        refusal,
        lambda ledger, now: label_documents.end(ledger, document.id, end, refusal.reason, now),
    )


_STATIONS: Final = {"evidence": _evidence, "labels": _labels}


class _Refusal(NamedTuple):
    """Why an answer confirms nothing, and whether sending again could help."""

    relationship: str
    reason: str
    final: bool


def _judge(answer: Answer, sent: Sent, public_key: str) -> _Refusal | None:
    if answer.status in {200, 201}:
        wrong = verify(answer.body, sent, public_key)
        return _Refusal("rejected", wrong, final=False) if wrong else None
    if answer.status == _WITHDRAWN:
        return _Refusal("rejected", "withdrawn", final=True)
    if answer.status in _REFUSED:
        return _Refusal("rejected", _REFUSED[answer.status], final=True)
    return _Refusal("retry", f"status-{answer.status}", final=False)


def _refused(place: Workplace, reference: Reference, refusal: _Refusal, end: Callable[..., object]) -> Outcome:
    now = place.clock()
    if refusal.final:
        with transaction(place.ledger) as ledger:
            end(ledger, now)
    elif refusal.relationship == "rejected":
        with transaction(place.ledger) as ledger:
            record_event(ledger, now, reference.shipment_id, "receipt-refused", refusal.reason)
        announcements.try_again(place.ledger, reference.kind, reference.id, reference.n, refusal.reason, now)
    return because(refusal.relationship, refusal.reason)
