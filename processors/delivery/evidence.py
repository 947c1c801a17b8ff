"""Translates evidence into messages with nothing of the original in them, for each project that it concerns.

How an association ended becomes one message per study and project, and so does what a modality asked to be kept; what
a PACS counted becomes one per project.
"""

import hashlib
import json
import secrets
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from handoff.contract.canonical import canonical_json
from handoff.contract.commitment import StorageCommitment
from handoff.contract.evidence import AnnouncedShipment, Evidence
from handoff.contract.expected import ExpectedCount
from handoff.contract.performed import PerformedStep
from processors.deid.pseudonyms import pseudonymous_uid
from processors.delivery.commitment import listed
from processors.delivery.errors import UnknownDeliveryError
from processors.delivery.flowfile import Outcome, Reference, because
from processors.delivery.performed import told_of
from processors.delivery.workplace import Workplace
from processors.landing.durable import write_whole
from processors.ledger import commitment_lists, evidence, expectations, performed_lists
from processors.ledger.evidence import Message
from processors.ledger.expectations import Expectation
from processors.ledger.schema import transaction

Ending = Literal["released", "aborted", "lost"]


@dataclass(slots=True)
class _Tally:
    """What one project is told of one study."""

    shipments: list[AnnouncedShipment] = field(default_factory=list)
    held: int = 0
    duplicates: int = 0


def translate(place: Workplace, reference: Reference) -> Outcome:
    """Answer with the messages of an association that are not settled; the same ones whenever asked again."""
    association = evidence.source(place.ledger, reference.id)
    if association is None:
        raise UnknownDeliveryError
    with transaction(place.ledger) as ledger:
        if not evidence.messages(ledger, association):
            evidence.translate(ledger, reference.id, _messages(place, ledger, association), place.clock())
    moving = [each for each in evidence.messages(place.ledger, association) if each.state == "translated"]
    if not moving:
        return because("superseded", "settled")
    return Outcome("success", {}, json.dumps([_entry(place, reference, each) for each in moving]).encode())


def message_path(place: Workplace, message_id: str) -> Path:
    """Where the body of a message lies for FetchFile."""
    return place.layout.evidence_of(message_id)


def _messages(place: Workplace, ledger: sqlite3.Connection, association: str) -> list[Message]:
    counted = expectations.get(ledger, association)
    if counted is not None:
        return [_message(association, each) for each in _counted(place, ledger, counted)]
    asked = commitment_lists.get(ledger, association)
    if asked is not None:
        return [_message(association, each) for each in listed(place, ledger, asked)]
    performed = performed_lists.get(ledger, association)
    if performed is not None:
        return [_message(association, each) for each in told_of(place, ledger, performed)]
    ending = ledger.execute("SELECT ending FROM associations WHERE id = ?", (association,)).fetchone()
    end = cast("Ending", ending["ending"])
    tallies = _tallies(ledger, association)
    said = [
        _evidence(project, pseudonymous_uid(place.keys.project(project, epoch), study), tally, end)
        for (project, study, epoch), tally in tallies.items()
        if study
    ]
    return [_message(association, each) for each in said]


def _tallies(ledger: sqlite3.Connection, association: str) -> dict[tuple[str, str, str], _Tally]:
    """Count by (project, original study, key epoch): a study is another one in each epoch of the project's keys."""
    tallies: dict[tuple[str, str, str], _Tally] = defaultdict(_Tally)
    for row in ledger.execute(_SHIPMENTS, (association,)):
        tally = tallies[row["project"], row["study_uid"], row["key_epoch"]]
        if row["state"] == "parked" and (row["reason"] or "").startswith("held:"):
            tally.held += row["instance_count"]
        else:
            tally.shipments.append(
                AnnouncedShipment(id=row["id"], delivered=row["passed"] or 0, withheld=row["withheld"] or 0)
            )
    for row in ledger.execute(_DUPLICATES, (association,)):
        tallies[row["project"], row["study_uid"], row["key_epoch"]].duplicates = row["duplicates"]
    return tallies


_SHIPMENTS = """
    SELECT s.id, s.project, s.state, s.reason, s.passed, s.withheld, d.study_uid, d.instance_count,
        coalesce(json_extract(s.treatment, '$.key_epoch'), '') AS key_epoch
    FROM deliveries d JOIN shipments s ON s.delivery_id = d.id
    WHERE d.association_id = ? ORDER BY s.id
"""

_DUPLICATES = """
    SELECT s.project, again.study_uid, coalesce(json_extract(s.treatment, '$.key_epoch'), '') AS key_epoch,
        count(DISTINCT again.id) AS duplicates
    FROM instances again JOIN instances first ON first.id = again.duplicate_of
    JOIN shipments s ON s.delivery_id = first.delivery_id
    WHERE again.association_id = ? AND again.disposition = 'duplicate'
    GROUP BY s.project, again.study_uid, key_epoch
"""


def _evidence(project: str, study: str, tally: _Tally, ending: Ending) -> Evidence:
    shipped = sum(shipment.delivered + shipment.withheld for shipment in tally.shipments)
    return Evidence(
        evidence_id=secrets.token_hex(16),
        project=project,
        study_instance_uid=study,
        ending=ending,
        shipments=tuple(tally.shipments),
        held=tally.held,
        duplicates=tally.duplicates,
        total=shipped + tally.held + tally.duplicates,
    )


def _counted(place: Workplace, ledger: sqlite3.Connection, counted: Expectation) -> list[ExpectedCount]:
    return [
        ExpectedCount(
            evidence_id=secrets.token_hex(16),
            project=project,
            study_instance_uid=pseudonymous_uid(place.keys.project(project), counted.study_uid),
            revision=counted.revision,
            expected=counted.expected,
            delivered=fates["delivered"],
            withheld=fates["withheld"],
            held=fates["held"],
            elsewhere=fates["elsewhere"],
        )
        for project, fates in sorted(expectations.counts(ledger, counted.study_uid).items())
    ]


def _message(association: str, said: Evidence | ExpectedCount | StorageCommitment | PerformedStep) -> Message:
    body = canonical_json(said)
    digest = hashlib.sha256(body).hexdigest()
    return Message(said.evidence_id, association, said.project, "translated", body.decode(), digest, len(body))


def _entry(place: Workplace, reference: Reference, message: Message) -> dict[str, str]:
    """One FlowFile's attributes; the body is written (again) for FetchFile to find."""
    path = message_path(place, message.id)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, message.body.encode())
    return {
        "delivery.id": reference.id,
        "delivery.n": str(reference.n),
        "kind": "evidence",
        "destination": "",
        "shipment.id": message.id,
        "package.path": str(path),
        "package.sha256": message.sha256,
        "package.size": str(message.size),
    }
