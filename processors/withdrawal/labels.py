"""Ends labels of a patient: what has not left is replaced by a document without their rows, what has left is removed.

The handoff deletes the rows that it has. Here no file with a row of theirs stays in the landing. Each step may be
repeated after any kill: the document that replaces another has an id that is made of the other's.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from handoff.contract.canonical import canonical_digest, canonical_json
from handoff.contract.labels import LabelRow, Labels
from processors.delivery.workplace import Workplace
from processors.landing.durable import make_folder, sync_folder, write_whole
from processors.landing.labels import ImportedPart, mark_withdrawn
from processors.landing.lock import hold
from processors.ledger import label_documents
from processors.ledger.label_documents import LabelDocument
from processors.ledger.schema import transaction
from processors.vault.merges import Person
from processors.withdrawal.close import WITHDRAWN
from processors.withdrawal.names import Names


def end_labels(place: Workplace, people: Iterable[Person], studies: Iterable[str], project: str | None) -> int:
    """Remove every label row of a patient from the landing; returns how many there were.

    Args:
        place: the trusted home.
        people: the patient by every identity.
        studies: their Study Instance UIDs.
        project: from which they withdrew; None for all.

    Raises:
        LandingTakenError: somebody imports labels at this moment.
        OSError: a document is there and cannot be read, so that nobody knows whose rows stay in it.
    """
    people, studies, rows = list(people), list(studies), 0
    with hold(place.layout.importer_lock, "importer"):
        names: dict[str, Names] = {}
        for document in label_documents.every(place.ledger):
            if project not in {None, document.project}:
                continue
            if document.project not in names:
                names[document.project] = Names.of(place.keys, document.project, people, studies)
            rows += _end(place, document, names[document.project])
    return rows


def _end(place: Workplace, document: LabelDocument, theirs: Names) -> int:
    file = place.layout.labels_of(document.id)
    try:
        said = Labels.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return 0  # it was removed before, or was damaged: what it is not, the handoff refuses
    kept = [row for row in said.rows if not theirs.has(row.patient, row.study)]
    if len(kept) == len(said.rows):
        return 0
    goes_on = document.state not in {"confirmed", "closed"}
    other = _without(place, document, said, kept) if goes_on and kept else None
    with transaction(place.ledger) as ledger:
        now = place.clock()
        if other is not None:
            label_documents.add(ledger, [other], now)
            if document.state == "parked":
                label_documents.end(ledger, other.id, "parked", document.reason or "rejected", now)
        label_documents.withdraw(ledger, document.id, WITHDRAWN, now)
    mark_withdrawn(file.parent)
    file.unlink(missing_ok=True)
    return len(said.rows) - len(kept)


def _without(place: Workplace, document: LabelDocument, said: Labels, kept: list[LabelRow]) -> LabelDocument:
    """The rows that stay, as a document of the same import that lies in the landing."""
    plain = [row.plain() for row in kept]
    id_ = hashlib.sha256(f"{document.id}\n{canonical_digest(plain)}".encode()).hexdigest()[:32]
    body = canonical_json(said.model_copy(update={"labels_id": id_, "rows": tuple(kept)}))
    row = replace(
        document,
        id=id_,
        content=canonical_digest([document.content, id_]),
        rows=len(kept),
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        state="pending",
        reason=None,
        receipt=None,
    )
    file = place.layout.labels_of(id_)
    if not file.parent.is_dir():
        make_folder(file.parent)
    facts = {name: getattr(row, name) for name in ImportedPart.model_fields if name != "parts"}
    ImportedPart(**facts, parts=(id_,)).write(file.parent)
    write_whole(file, body)
    sync_folder(place.layout.labels)
    return row
