"""What is written when a delivery is sealed and when an association has ended: ledger rows, evidence, a notification.

Runs in the ledger's writer thread and at start-up. Each function may be repeated after a crash in the middle of it.
"""

import shutil
import sqlite3
import time
from collections.abc import Sequence

from processors.landing import journal
from processors.landing.durable import sync_folder
from processors.landing.evidence import AssociationEvidence, compile_evidence, read_evidence, write_evidence
from processors.landing.filling import SealedDelivery, new_id
from processors.landing.journal import AssociationFacts, AssociationLine, DuplicateInstance, RefusedObject
from processors.landing.layout import Layout
from processors.ledger import associations, deliveries, evidence, instances
from processors.ledger.associations import Ending
from processors.ledger.schema import transaction


def enter_sealed(connection: sqlite3.Connection, sealed: SealedDelivery) -> bool:
    """Commit a sealed delivery, due at once; False if the ledger has it already."""
    delivery = sealed.delivery
    with transaction(connection):
        associations.add_open(
            connection,
            # The association's own row is better (it has the peer); this one stands in if a crash has eaten it.
            AssociationFacts(
                id=delivery.association_id,
                opened_at=sealed.opened_at,
                calling_ae=delivery.calling_ae,
                called_ae=delivery.called_ae,
                peer=sealed.peer,
            ),
        )
        return deliveries.add_sealed(
            connection,
            delivery,
            opened_at=sealed.opened_at,
            sealed_at=sealed.sealed_at,
            received_at=sealed.received_at,
        )


def enter_ended(
    connection: sqlite3.Connection,
    layout: Layout,
    facts: AssociationFacts,
    ending: Ending,
    *,
    duplicates: Sequence[DuplicateInstance],
    refusals: Sequence[RefusedObject],
) -> AssociationEvidence:
    """Commit the end of an association whose deliveries are all in the ledger; write its evidence; forget its parts.

    An evidence file that is there already says how the association ended; a crash came before the commit.
    """
    path = layout.evidence_of(facts.id)
    found = read_evidence(path)
    brought = instances.brought_by(connection, facts.id)
    body = found or compile_evidence(facts.id, ending, brought, duplicates)
    if body.studies and found is None:
        write_evidence(path, body)
    with transaction(connection):
        associations.add_open(connection, facts)
        if associations.is_open(connection, facts.id):
            associations.close(
                connection,
                facts,
                ending=body.ending,
                closed_at=time.time(),
                duplicates=duplicates,
                refusals=refusals,
            )
            if body.studies:
                associations.add_evidence(connection, new_id(), facts.id)
                evidence.ready(connection, facts.id)
    if body.studies:
        _keep_journal(layout, facts)
    shutil.rmtree(layout.incoming / facts.id, ignore_errors=True)
    return body


def _keep_journal(layout: Layout, facts: AssociationFacts) -> None:
    """Keep the association's journal beside its evidence; one that it had no need for says who sent."""
    kept = layout.kept_journal_of(facts.id)
    try:
        layout.journal_of(facts.id).rename(kept)
    except FileNotFoundError:
        if not kept.exists():
            journal.append(kept, AssociationLine(association=facts), durable=False)
    else:
        sync_folder(layout.evidence)  # before its other name goes with the folder
