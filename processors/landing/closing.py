"""What is written when a delivery is sealed and when an association has ended: ledger rows, evidence, a notification.

The receiver has the ledger's writer do it (`sealing`, `ending`), for many at a time; a start does it for what a crash
has left (`enter_sealed`, `enter_ended`). Each may be repeated after a crash in the middle of it.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from processors.landing.delivery import SealReason
from processors.landing.durable import sync_folder
from processors.landing.errors import UnsealedDeliveriesError
from processors.landing.evidence import AssociationEvidence, compile_evidence, encoded, read_evidence, write_evidence
from processors.landing.filling import Filling, SealedDelivery, new_id
from processors.landing.journal import AssociationFacts, DuplicateInstance
from processors.landing.layout import Layout
from processors.landing.together import WrittenTogether
from processors.ledger import associations, deliveries, evidence, instances
from processors.ledger.associations import Ending
from processors.ledger.refusals import Refusals
from processors.ledger.schema import transaction
from processors.ledger.writer import Work


def sealing(filling: Filling, reason: SealReason, at: float, entered: Callable[[], object]) -> Work:
    """Seal a delivery and enter it, due at once; one that nothing was kept in goes.

    Args:
        filling: Takes no more, and is nobody else's.
        reason: Why it is sealed.
        at: When, Unix seconds.
        entered: Called when its rows are committed.
    """
    sealed: list[SealedDelivery] = []

    def prepare(files: WrittenTogether) -> None:
        sealed.clear()
        if filling.kept:
            sealed.append(filling.seal(reason, at, files))
        else:
            filling.remove()

    def enter(connection: sqlite3.Connection) -> None:
        for one in sealed:
            add_sealed(connection, one)

    def then() -> None:
        filling.let_go()
        entered()

    return Work(enter, prepare, then, rows=len(filling.kept) + 1)


def ending(
    layout: Layout,
    facts: AssociationFacts,
    how: Ending,
    *,
    brought: Sequence[tuple[str, str, int]],
    again: Mapping[str, int],
    refusals: Refusals,
) -> Work:
    """Enter the end of an association, after all its deliveries: evidence, rows, and its parts go.

    If one of them could not be entered, the end is left to the next start too: evidence must tell of them all.

    Args:
        layout: The landing.
        facts: Which association.
        how: It ended.
        brought: Study, delivery and number of instances of each of its deliveries, in order of sealing.
        again: How many of its instances were here already, by study; they have been given to `duplicating`.
        refusals: What was refused.
    """
    body = compile_evidence(facts, how, brought, again)
    kept = sum(count for _, _, count in brought)

    def prepare(files: WrittenTogether) -> None:
        if body.studies:
            files.write(layout.evidence_of(facts.id), encoded(body))

    def enter(connection: sqlite3.Connection) -> None:
        entered = instances.kept_by(connection, facts.id), instances.duplicates_of(connection, facts.id)
        if entered != (kept, sum(again.values())):
            raise UnsealedDeliveriesError
        _add_ended(connection, facts, body, (), refusals)

    def then() -> None:
        _forget_parts(layout, facts, body)

    return Work(enter, prepare, then, rows=refusals.rows + 2)


def duplicating(facts: AssociationFacts, duplicates: Sequence[DuplicateInstance]) -> Work:
    """Enter instances that came over an association and were here already."""

    def enter(connection: sqlite3.Connection) -> None:
        associations.add_open(connection, facts)
        instances.add_duplicates(connection, facts.id, facts.called_ae, duplicates)

    return Work(enter, rows=len(duplicates))


def enter_sealed(connection: sqlite3.Connection, sealed: SealedDelivery) -> bool:
    """Commit a sealed delivery, due at once; False if the ledger has it already."""
    with transaction(connection):
        return add_sealed(connection, sealed)


def add_sealed(connection: sqlite3.Connection, sealed: SealedDelivery) -> bool:
    """The same inside a transaction."""
    delivery = sealed.delivery
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
    refusals: Refusals,
) -> AssociationEvidence:
    """Commit the end of an association whose deliveries are all in the ledger; write its evidence; forget its parts.

    An evidence file that is there already says how the association ended; a crash came before the commit.
    """
    path = layout.evidence_of(facts.id)
    body = read_evidence(path)
    if body is None:
        brought = instances.brought_by(connection, facts.id)
        again = Counter(one.study_instance_uid for one in duplicates)
        body = compile_evidence(facts, ending, brought, again)
        if body.studies:
            write_evidence(path, body)
    with transaction(connection):
        _add_ended(connection, facts, body, duplicates, refusals)
    _forget_parts(layout, facts, body)
    return body


def _add_ended(
    connection: sqlite3.Connection,
    facts: AssociationFacts,
    body: AssociationEvidence,
    duplicates: Sequence[DuplicateInstance],
    refusals: Refusals,
) -> None:
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


def _forget_parts(layout: Layout, facts: AssociationFacts, body: AssociationEvidence) -> None:
    """Remove what an association has left; its journal, if it has one, is kept beside its evidence."""
    folder = f"{layout.incoming}/{facts.id}"
    if not os.path.isdir(folder):  # noqa: PTH112 - most have none
        return
    if body.studies:
        with contextlib.suppress(FileNotFoundError):
            layout.journal_of(facts.id).rename(layout.kept_journal_of(facts.id))
        sync_folder(layout.evidence)  # before its other name goes with the folder
    shutil.rmtree(folder, ignore_errors=True)
