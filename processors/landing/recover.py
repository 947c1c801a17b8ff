"""Put a landing in order after a crash, before a receiver starts on it. Repeating it is harmless.

Algorithm:
    1. Each slot that says whose its object is gets its name in that delivery's folder; the others go.
    2. Each unsealed delivery: a file without a journal line gets its line back if its mark says that it was whole, and
       goes otherwise, as it was never acknowledged; what the journal then tells of is sealed as `recovered`; a delivery
       without an instance goes.
    3. Each sealed delivery without a ledger row gets its rows, from `delivery.json`.
    4. Each request for storage commitment without a ledger row gets its rows; each performed procedure step is brought
       to where its file says that it stands.
    5. Each association that never ended is ended as `lost`, with the duplicates and refusals of its journal and its
       evidence.

A journal with a line that cannot be read, as a later version or a damaged disk leaves it, may tell of acknowledged
instances. What belongs to it stays as it is, is counted as unreadable, and is named by `sluice ledger reconcile`; its
association stays open, for evidence must tell of all that it brought. So does one whose evidence cannot be read, and is
counted too; so is the file of a step.
"""

import contextlib
import shutil
import sqlite3
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from processors.landing import journal
from processors.landing.adopt import adopted
from processors.landing.closing import enter_ended, enter_sealed
from processors.landing.commitments import requests_beyond
from processors.landing.delivery import is_sealed, read_delivery
from processors.landing.errors import DeliveryUnreadableError, EvidenceUnreadableError
from processors.landing.evidence import read_evidence
from processors.landing.filling import JOURNAL_FILE, Filling, SealedDelivery
from processors.landing.journal import AssociationFacts, AssociationLine, DeliveryLine, KeptInstance, OpenedDelivery
from processors.landing.layout import Layout
from processors.landing.performed_steps import steps_beyond
from processors.landing.restore import let_go, restore
from processors.ledger import associations, commitments, deliveries, performed_steps
from processors.ledger.refusals import Refusals
from processors.ledger.schema import record_event, transaction


@dataclass(slots=True)
class Recovered:
    """What recovery has done."""

    sealed: int = 0
    entered: int = 0
    ended: int = 0
    adopted_files: int = 0
    """Files whose journal line a power cut had taken."""
    dropped_files: int = 0
    missing_files: int = 0
    unreadable: int = 0
    labels: int = 0
    """Label documents that only the landing knew."""
    commitments: int = 0
    performed_steps: int = 0
    results: int = 0
    """Objects of results that only the landing knew."""
    set_aside: str = ""
    """What a damaged ledger is called now."""


def recover(layout: Layout, connection: sqlite3.Connection) -> Recovered:
    """Recover the whole landing; the caller holds the receiver's lock."""
    done = Recovered()
    held: set[str] = set()
    with transaction(connection):  # whoever removes originals is in one, and would have one of them come back
        known = deliveries.known_ids(connection)
        slots, done.unreadable = restore(layout, known, deliveries.removed_ids(connection))
    for folder in layout.delivery_folders():
        if not is_sealed(folder):
            opened, told = _read_journal(folder)
            is_readable = journal.is_readable(folder / JOURNAL_FILE, DeliveryLine)
            if not is_readable or not _seal_left_over(folder, opened, told, connection, done):
                done.unreadable += 1
                held |= {opened.association_id} if opened else set()
                continue
        if folder.name not in known and is_sealed(folder):
            with contextlib.suppress(DeliveryUnreadableError):
                done.entered += enter_sealed(connection, as_sealed(folder))
                continue
            done.unreadable += 1
    _enter_commitments(layout, connection, done)
    _enter_performed_steps(layout, connection, done)
    let_go(layout, slots)
    _end_left_over(layout, connection, done, held)
    return done


def as_sealed(folder: Path) -> SealedDelivery:
    """A sealed delivery, read back from its folder.

    Raises:
        DeliveryUnreadableError: its `delivery.json` is missing or damaged.
    """
    delivery = read_delivery(folder)
    opened_at = datetime.fromisoformat(delivery.opened_at).timestamp()
    return SealedDelivery(
        delivery,
        opened_at,
        datetime.fromisoformat(delivery.sealed_at).timestamp(),
        delivery.received_at or (opened_at,) * len(delivery.instances),
        delivery.peer,
    )


def _seal_left_over(
    folder: Path,
    opened: OpenedDelivery | None,
    told: list[KeptInstance],
    connection: sqlite3.Connection,
    done: Recovered,
) -> bool:
    """Seal what its journal and its files tell of; False if a file cannot be read."""
    listed = {line.instance.file for line in told}
    unlisted = [file for file in folder.glob("*.dcm") if file.name not in listed]
    try:
        whole = [one for file in unlisted if (one := adopted(file))]
    except OSError:  # what cannot be read may be an acknowledged one: none goes
        return False
    if opened is None and whole:
        opened = min((one.opened for one in whole), key=lambda first: first.opened_at)
    again = [one.kept for one in whole if opened and _is_of(opened, one.opened)]
    kept = sorted((*told, *again), key=lambda line: line.instance.file)
    present = [line for line in kept if _is_whole(folder, line)]
    saved = {line.instance.file for line in again}
    for file in unlisted:
        if file.name not in saved:
            file.unlink()
            done.dropped_files += 1
    done.adopted_files += len(again)
    if len(present) < len(kept):
        done.missing_files += len(kept) - len(present)
        with transaction(connection):
            record_event(connection, time.time(), folder.name, "files-missing", str(len(kept) - len(present)))
    if opened is None or not present:
        if not kept:
            shutil.rmtree(folder)
        return True
    if len(present) < len(kept):
        journal.rewrite(folder / JOURNAL_FILE, DeliveryLine(opened=opened), *(DeliveryLine(kept=line) for line in kept))
    Filling(folder, opened, present, sum(line.instance.size for line in present)).seal("recovered", time.time())
    if len(present) == len(kept):  # else it stays, to tell of what is missing
        (folder / JOURNAL_FILE).unlink(missing_ok=True)
    done.sealed += 1
    return True


def _is_of(opened: OpenedDelivery, said: OpenedDelivery) -> bool:
    """Whether a file says that it is this delivery's; only the first one came when it was opened."""
    return said.model_copy(update={"opened_at": opened.opened_at}) == opened


def _read_journal(folder: Path) -> tuple[OpenedDelivery | None, list[KeptInstance]]:
    lines = list(journal.read(folder / JOURNAL_FILE, DeliveryLine))
    opened = next((line.opened for line in lines if line.opened), None)
    return opened, [line.kept for line in lines if line.kept]


def _is_whole(folder: Path, line: KeptInstance) -> bool:
    try:
        return (folder / line.instance.file).stat().st_size > line.instance.size
    except FileNotFoundError:
        return False


def _enter_commitments(layout: Layout, connection: sqlite3.Connection, done: Recovered) -> None:
    for request in requests_beyond(layout, commitments.known_ids(connection)):
        with transaction(connection):
            done.commitments += commitments.add(connection, request, time.time())


def _enter_performed_steps(layout: Layout, connection: sqlite3.Connection, done: Recovered) -> None:
    for step in steps_beyond(layout, performed_steps.ended_ids(connection)):
        if step is None:
            done.unreadable += 1
            continue
        with transaction(connection):
            done.performed_steps += performed_steps.enter(connection, step, time.time())


def _end_left_over(layout: Layout, connection: sqlite3.Connection, done: Recovered, held: set[str]) -> None:
    """End each association that is open in the ledger, or that only its journal knows of, but for those of `held`."""
    known = associations.known_ids(connection)
    left_over = {facts.id: facts for facts in associations.open_associations(connection)}
    folders = layout.open_association_ids()
    forgotten = {file.stem for file in layout.evidence.iterdir() if file.suffix in {".json", ".jsonl"}} - known
    for association_id in sorted((folders | forgotten | left_over.keys()) - held):
        if not journal.is_readable(layout.journal_of(association_id), AssociationLine):
            done.unreadable += 1
            continue
        lines = _journal_lines(layout, association_id)
        facts = (
            next((line.association for line in lines if line.association), None)
            or _said_by_evidence(layout, association_id)
            or left_over.get(association_id)
        )
        if facts is None:  # a crash before anything was stored
            shutil.rmtree(layout.incoming / association_id, ignore_errors=True)
            continue
        duplicates = [line.duplicate for line in lines if line.duplicate]
        refusals = Refusals(line.refusal for line in lines if line.refusal)
        try:
            enter_ended(connection, layout, facts, "lost", duplicates=duplicates, refusals=refusals)
        except EvidenceUnreadableError:
            done.unreadable += 1
            continue
        done.ended += 1


def _journal_lines(layout: Layout, association_id: str) -> list[AssociationLine]:
    for path in (layout.journal_of(association_id), layout.kept_journal_of(association_id)):
        if lines := list(journal.read(path, AssociationLine)):
            return lines
    return []


def _said_by_evidence(layout: Layout, association_id: str) -> AssociationFacts | None:
    """Who sent, as the evidence has it; None if there is none, or if the file is a message to a project."""
    try:
        said = read_evidence(layout.evidence_of(association_id))
    except EvidenceUnreadableError:
        return None
    return said.association if said else None
