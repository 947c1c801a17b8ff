"""Sends label documents: what an import wrote leaves byte by byte as it is, again and again until it is settled."""

import json

from processors.delivery.errors import LabelsGoneError, UnknownDeliveryError
from processors.delivery.flowfile import Outcome, Reference, because
from processors.delivery.workplace import Workplace
from processors.ledger import label_documents


def announce(place: Workplace, reference: Reference) -> Outcome:
    """Answer with the one FlowFile of a document that is not settled; the same one whenever asked again."""
    document = label_documents.get(place.ledger, reference.id)
    if document is None:
        raise UnknownDeliveryError
    if document.state in label_documents.TERMINAL:
        return because("superseded", document.state)
    path = place.layout.labels_of(document.id)
    if not path.is_file():
        raise LabelsGoneError
    entry = {
        "delivery.id": reference.id,
        "delivery.n": str(reference.n),
        "kind": "labels",
        "destination": document.destination,
        "shipment.id": document.id,
        "package.path": str(path),
        "package.sha256": document.sha256,
        "package.size": str(document.size),
    }
    return Outcome("success", {}, json.dumps([entry]).encode())
