"""Whether each instance of a request is kept, and if not, why not (PS3.4 J.3.3, PS3.3 C.14.1.1).

An instance is committed to only if all of this holds:
    1. Its sender is a peer for which IT has switched storage commitment on, with the days that we answer for.
    2. It is in the ledger with its file, under the SOP class that is named, in the version that this peer sent last.
    3. The date until which its originals stay is promised in the ledger; what deletes obeys that.
    4. After the promise, its file was read and has the digest that it was received with.
Everything else fails, with the reason that a person at the modality can do most with.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from processors.dicom.part10 import data_set_offset
from processors.dicom.sop_class import is_storage
from processors.landing.layout import Layout
from processors.landing.retention import DAY_SECONDS
from processors.ledger import commitments
from processors.ledger.commitments import Commitment, CommittedInstance
from processors.ledger.promises import promise
from processors.ledger.schema import transaction
from processors.senders import Sender

PROCESSING_FAILURE: Final = 0x0110
NO_SUCH_OBJECT: Final = 0x0112
CLASS_INSTANCE_CONFLICT: Final = 0x0119
CLASS_NOT_SUPPORTED: Final = 0x0122
DUPLICATE_TRANSACTION: Final = 0x0131
REASONS: Final[dict[int, str]] = {
    PROCESSING_FAILURE: "it is here, but we do not answer for it",
    NO_SUCH_OBJECT: "it is not here",
    CLASS_INSTANCE_CONFLICT: "it is here under another SOP class",
    CLASS_NOT_SUPPORTED: "its SOP class is none that is stored",
    DUPLICATE_TRANSACTION: "the Transaction UID was used before, for other instances",
}
"""Failure Reasons (0008,1197) that we report, and what each means here."""

_BLOCK_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 144

_COPIES: Final = """
    SELECT i.sop_class_uid, i.digest, i.size, i.file, i.delivery_id, a.calling_ae
    FROM instances i JOIN associations a ON a.id = i.association_id
    WHERE i.sop_instance_uid = ? ORDER BY i.received_at DESC, i.id DESC
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """One file that holds an instance."""

    delivery_id: str
    file: str
    digest: str
    size: int


@dataclass(slots=True)
class Verdict:
    """What the requester is told."""

    failures: dict[int, int] = field(default_factory=dict)
    """Failure Reason by number in the request."""
    kept_until: float | None = None
    """Until when the others are kept, Unix seconds."""
    damaged: list[str] = field(default_factory=list)
    """Deliveries in which a file is not what was received."""


def judge(
    layout: Layout,
    connection: sqlite3.Connection,
    asked: Commitment,
    *,
    sender: Sender | None,
    is_on_its_way: Callable[[str], bool],
    now: float,
) -> Verdict | None:
    """Judge a request, and promise what is committed to; None while instances of it are on their way into the ledger.

    Args:
        layout: The landing.
        connection: The ledger.
        asked: The request.
        sender: Its peer as the peers file has it now; None if it is not in there.
        is_on_its_way: Whether an instance of this UID is durable, and not entered yet.
        now: Unix seconds.
    """
    named = commitments.instances(connection, asked.id)
    if _is_taken(connection, asked):
        return Verdict({one.number: DUPLICATE_TRANSACTION for one in named})
    if any(is_on_its_way(one.sop_instance_uid) for one in named):
        return None
    verdict = Verdict()
    titles = {asked.calling_ae, *(sender.ae_titles if sender is not None else ())}
    copies: dict[int, Copy] = {}
    for one in named:
        found = _copy_of(connection, one, titles)
        if isinstance(found, int):
            verdict.failures[one.number] = found
        else:
            copies[one.number] = found
    terms = sender.sends.storage_commitment if sender is not None else None
    if terms is None:
        verdict.failures.update(dict.fromkeys(copies, PROCESSING_FAILURE))
        return verdict
    if copies:
        verdict.kept_until = now + terms.keep_days * DAY_SECONDS
        with transaction(connection):
            for delivery_id in sorted({copy.delivery_id for copy in copies.values()}):
                promise(connection, delivery_id, verdict.kept_until, now)
    for number, copy in copies.items():
        failure = _examine(layout.delivery(copy.delivery_id) / copy.file, copy)
        if failure is not None:
            verdict.failures[number] = failure
            if failure == PROCESSING_FAILURE:
                verdict.damaged.append(copy.delivery_id)
    if len(verdict.failures) == len(named):
        verdict.kept_until = None
    return verdict


def _is_taken(connection: sqlite3.Connection, asked: Commitment) -> bool:
    """Whether the caller has used this Transaction UID before; asking the very same again is no second request."""
    earlier = commitments.of_transaction(connection, asked.calling_ae, asked.transaction_uid)
    return earlier[0].id != asked.id


def _copy_of(connection: sqlite3.Connection, one: CommittedInstance, titles: set[str]) -> Copy | int:
    """The file that holds what this peer sent last under the UID, or why there is none."""
    rows = connection.execute(_COPIES, (one.sop_instance_uid,)).fetchall()
    if not rows:
        return NO_SUCH_OBJECT if is_storage(one.sop_class_uid) else CLASS_NOT_SUPPORTED
    digests = [row["digest"] for row in rows if row["calling_ae"] in titles]
    if not digests and len({row["digest"] for row in rows}) > 1:
        return PROCESSING_FAILURE  # others have sent several versions: who knows which one is meant
    wanted = digests[0] if digests else rows[0]["digest"]
    same = [row for row in rows if row["digest"] == wanted and row["sop_class_uid"] == one.sop_class_uid]
    if not same:
        return CLASS_INSTANCE_CONFLICT
    kept = [row for row in same if row["delivery_id"] is not None and row["file"] is not None]
    if not kept:
        return NO_SUCH_OBJECT
    return Copy(kept[0]["delivery_id"], kept[0]["file"], wanted, kept[0]["size"])


def _examine(path: Path, copy: Copy) -> int | None:
    """Read the file whole: why it is not what was received; None if it is."""
    try:
        size, digest = _digest(path)
    except FileNotFoundError:
        return NO_SUCH_OBJECT
    except OSError:
        return PROCESSING_FAILURE
    return None if (size, digest) == (copy.size, copy.digest) else PROCESSING_FAILURE


def _digest(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of the data set of a file of ours.

    Raises:
        OSError: it cannot be read.
    """
    sha256, size = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        head = file.read(_HEAD_BYTES)
        if len(head) < _HEAD_BYTES:
            return 0, ""
        file.seek(data_set_offset(head))
        buffer = memoryview(bytearray(_BLOCK_BYTES))
        while count := file.readinto(buffer):
            sha256.update(buffer[:count])
            size += count
    return size, sha256.hexdigest()


def failures_in_words(failures: Sequence[int]) -> str:
    """Reasons with how often each is there, as the doctor says them."""
    return ", ".join(f"{reason:04X} x {failures.count(reason)}" for reason in sorted(set(failures)))
