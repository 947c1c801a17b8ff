"""A person says which version of an instance counts; if it is not the highest, it is delivered once more.

In the research zone the highest revision of an instance counts, and nothing that it has is changed from here. So a
version that counts though a later one came is received again, byte by byte, under the next revision: over an
association of our own, so that ledger, evidence and rules treat it like anything that a modality sends.
"""

import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from processors.delivery.errors import NoSuchVersionError, OriginalGoneError
from processors.delivery.workplace import Workplace
from processors.dicom.part10 import HEAD_BYTES, data_set_offset, file_head
from processors.landing.association import ArrivedInstance, OpenAssociation
from processors.landing.closing import enter_ended, enter_sealed
from processors.landing.delivery import Delivery, ReceivedInstance, SealReason, read_delivery
from processors.landing.durable import sync_folder
from processors.landing.filling import Filling, new_id
from processors.landing.journal import AssociationFacts, DuplicateInstance
from processors.landing.known import Claim, KnownInstances
from processors.landing.layout import Layout
from processors.landing.notify import Notifier
from processors.landing.slots import Slots
from processors.ledger import variants
from processors.ledger.associations import Ending
from processors.ledger.refusals import Refusals
from processors.ledger.schema import transaction
from processors.ledger.variants import Decision, Variant, Version

OURSELVES: Final = "a person's word"
"""Stands for the address of the association that brings the version again."""


def pick(place: Workplace, sop_instance_uid: str, revision: int, reason: str, by: str) -> Decision:
    """Record that a revision counts; deliver it again if a higher one came. Returns what was recorded.

    Raises:
        NoSuchVersionError: the instance has no such revision, or no more than one.
        OriginalGoneError: it must be delivered again, and its original has left the landing.
        DeliveryUnreadableError: its `delivery.json` cannot be read.
        OSError: the disk does not take it.
    """
    found = variants.of_uid(place.ledger, sop_instance_uid)
    chosen = next((each for each in found.versions if each.revision == revision), None) if found else None
    if found is None or chosen is None:
        raise NoSuchVersionError
    counts = revision
    if revision != found.highest:
        counts = _deliver_again(place, found, chosen)
    decision = Decision(counts, max(counts, found.highest), by, reason, place.clock())
    with transaction(place.ledger) as ledger:
        variants.decide(ledger, found, decision)
    return decision


def _deliver_again(place: Workplace, found: Variant, chosen: Version) -> int:
    delivery = read_delivery(place.delivery_folder(chosen.delivery_id))
    instance = next(each for each in delivery.instances if each.file == chosen.file)
    return receive_again(place, delivery, instance, found.highest + 1)


def receive_again(
    place: Workplace,
    delivery: Delivery,
    instance: ReceivedInstance,
    revision: int,
    beside: Callable[[Path, str], None] = lambda _folder, _id: None,
) -> int:
    """Receive an instance of a delivery once more, byte by byte; returns its revision.

    Args:
        place: the trusted home.
        delivery: in which it came.
        instance: which one.
        revision: the one that it gets, above all that it has had.
        beside: told folder and id of the new delivery when it begins, to put there what stations find.

    Raises:
        OriginalGoneError: its original has left the landing.
        OSError: the disk does not take it.
    """
    receive_all_again(place, delivery, [instance], {instance.sop_instance_uid: revision}, beside)
    return revision


def receive_all_again(
    place: Workplace,
    delivery: Delivery,
    instances: Sequence[ReceivedInstance],
    revisions: Mapping[str, int],
    beside: Callable[[Path, str], None],
) -> None:
    """Receive instances of a delivery once more, over one association.

    Args:
        place: the trusted home.
        delivery: in which they came.
        instances: which ones.
        revisions: by SOP Instance UID, each above all that it has had.
        beside: as for `receive_again`.

    Raises:
        OriginalGoneError: an original has left the landing; then none is received.
        OSError: the disk does not take it.
    """
    folder = place.delivery_folder(delivery.id)
    if not all((folder / each.file).is_file() for each in instances):
        raise OriginalGoneError
    books = _Books(place.ledger, place.layout)
    slots = Slots(place.layout.slots, new_id, at_once=1)
    facts = _facts(place, delivery)
    association = OpenAssociation(
        place.layout, facts, _Next(revisions), books, slots, clock=place.clock, began=partial(_began, beside)
    )
    try:
        for each in instances:
            _receive(association, folder / each.file, delivery, each)
    except BaseException:
        association.end("aborted")
        raise
    association.end("released")
    notifier = Notifier(place.layout.notify)
    notifier.notify()
    notifier.close()


def _began(beside: Callable[[Path, str], None], filling: Filling) -> None:
    """Before its first instance: what a crash leaves of a delivery must go where the whole would, and nowhere else."""
    beside(filling.folder, filling.opened.id)
    sync_folder(filling.folder.parent)


def _receive(association: OpenAssociation, original: Path, delivery: Delivery, instance: ReceivedInstance) -> None:
    part = Path(association.new_part())
    try:
        with original.open("rb") as file, part.open("r+b") as copy:
            file.seek(data_set_offset(file.read(HEAD_BYTES)))
            copy.write(_head(instance, association.who_sent))
            shutil.copyfileobj(file, copy)
        association.store(_arrived(part, delivery, instance))
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _head(instance: ReceivedInstance, who_sent: bytes) -> bytes:
    uids = instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax_uid
    return file_head(*uids, who_sent)


def _facts(place: Workplace, delivery: Delivery) -> AssociationFacts:
    """Who sent it first: the rules decide as they did then."""
    return AssociationFacts(
        id=new_id(),
        opened_at=place.clock(),
        calling_ae=delivery.calling_ae,
        called_ae=delivery.called_ae,
        peer=OURSELVES,
        sender=delivery.sender,
        project_hint=delivery.project_hint,
    )


def _arrived(part: Path, delivery: Delivery, instance: ReceivedInstance) -> ArrivedInstance:
    return ArrivedInstance(
        part=part,
        sop_instance_uid=instance.sop_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        study_instance_uid=delivery.study_instance_uid,
        series_instance_uid=delivery.series_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        digest=instance.digest,
        size=instance.size,
        header=instance.header,
    )


class _Next(KnownInstances):
    """Gives each instance of this association its revision: known bytes, which are no duplicate this time."""

    def __init__(self, revisions: Mapping[str, int]) -> None:
        super().__init__(lambda _: ())
        self._revisions = revisions

    def claim(self, sop_instance_uid: str, digest: str, called_ae: str) -> Claim:
        """The next revision, whatever the bytes had before."""
        return Claim(sop_instance_uid, digest, called_ae, self._revisions[sop_instance_uid])


class _Books:
    """Enters at once; nobody waits for an answer over a network here."""

    def __init__(self, ledger: sqlite3.Connection, layout: Layout) -> None:
        self._ledger, self._layout = ledger, layout

    def seal(self, filling: Filling, reason: SealReason, at: float, claims: list[Claim]) -> None:
        """Seal and enter; what came to nothing goes."""
        if filling.kept:
            enter_sealed(self._ledger, filling.seal(reason, at))
            filling.let_go()
        else:
            filling.remove()

    def came_again(self, facts: AssociationFacts, duplicates: list[DuplicateInstance]) -> None:
        """Nothing is one here."""
        raise AssertionError

    def ended(self, association: OpenAssociation, ending: Ending) -> None:
        """Enter the end and its evidence."""
        enter_ended(self._ledger, self._layout, association.facts, ending, duplicates=[], refusals=Refusals())
