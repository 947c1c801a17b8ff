"""Which files a run may read and write: its batch's and what that is made of, and its own result's; nothing else.

A path begins as the store's own do: `batches/`, `packages/`, or `results/` and the key of a handoff.
"""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from handoff.contract.result import RESULT_FILE
from handoff.database.tables import Batch, BatchInstance, Handoff, Instance, ModelVersion, ResultFileRow, Shipment
from handoff.errors import ConflictError, NotFoundError, WithdrawnError
from handoff.handoffs.order import batch_lines
from handoff.handoffs.states import ENDED, State
from handoff.store import Store
from handoff.store.files import Files, OutsideError
from handoff.store.store import batch_path, package_path

RESULTS = "results/"
_LONGEST_NAME = 255
"""What file systems take of a name."""
_AT_WORK = frozenset({State.SUBMITTING, State.SUBMITTED, State.RUNNING})
"""States in which a run may be writing; the first one, because it may begin before its reference is recorded."""


def readable(session: Session, store: Store, handoff: Handoff, path: str) -> tuple[Files, str, str | None]:
    """Where a file is that a run may read, and its SHA-256 where that is on record.

    Raises:
        NotFoundError: it is none that this run needs, whether or not it exists.
        WithdrawnError: the batch, or the shipment, was withdrawn.
    """
    _require_batch(session, handoff)
    if path.startswith(RESULTS):
        key, _, rest = path.removeprefix(RESULTS).partition("/")
        if rest and key == handoff.key:
            return store.result(key), rest, None
        if rest and (other := _other_result(session, handoff, key, rest)) is not None:
            recorded = session.get(ResultFileRow, (other, rest))
            return store.result(key), rest, None if recorded is None else recorded.sha256
    elif path == batch_path(handoff.batch_id):
        return store.files, path, session.get_one(Batch, handoff.batch_id).file_sha256 or None
    elif path == batch_lines(session, handoff):
        return store.files, path, None
    elif (sha256 := _package(session, handoff, path)) is not None:
        return store.files, path, sha256
    raise NotFoundError


def writable(session: Session, store: Store, handoff: Handoff, path: str) -> tuple[Files, str]:
    """Where a file is to be that a run may write.

    Raises:
        NotFoundError: it is none of the run's own result.
        WithdrawnError: the batch was withdrawn.
        ConflictError: the run is over, or its result is published.
    """
    _require_batch(session, handoff)
    own = f"{RESULTS}{handoff.key}/"
    if not path.startswith(own):
        raise NotFoundError
    if handoff.state not in _AT_WORK:
        raise not_at_work()
    files, rest = store.result(handoff.key), path.removeprefix(own)
    if is_published(files):
        raise ConflictError("The result of this run is published.", code="run-published", remedy="It never changes.")
    _require_inside(files, rest)
    return files, rest


def not_at_work() -> ConflictError:
    """The error for a file of a run that has not begun, or has ended."""
    return ConflictError("This run is not at work.", code="run-not-at-work", remedy="Its result is closed.")


def is_left_over(handoff: Handoff) -> bool:
    """Whether a file that is stored by now came too late: its run has ended, and not by its result."""
    return handoff.state in ENDED and handoff.state != State.SUCCEEDED


def is_published(files: Files) -> bool:
    """Whether a result has its last file."""
    try:
        files.size(RESULT_FILE)
    except FileNotFoundError:
        return False
    except OutsideError:
        return True
    return True


def _require_batch(session: Session, handoff: Handoff) -> None:
    if session.get_one(Batch, handoff.batch_id).withdrawn_by is not None:
        raise WithdrawnError


def _other_result(session: Session, handoff: Handoff, key: str, path: str) -> str | None:
    """The handoff to whose result a file belongs that this run may read though it is not its own."""
    if handoff.prepared_by is not None and session.get_one(Handoff, handoff.prepared_by).key == key:
        return handoff.prepared_by
    model = None if handoff.model_id is None else session.get(ModelVersion, handoff.model_id)
    if model is not None and model.path == path and session.get_one(Handoff, model.handoff_id).key == key:
        return model.handoff_id
    return None


def _package(session: Session, handoff: Handoff, path: str) -> str | None:
    """The digest of a package, if an instance of the batch is in it."""
    sha256 = path.rpartition("/")[2].removesuffix(".zip")
    if path != package_path(sha256):
        return None
    found = (
        exists()
        .where(Shipment.sha256 == sha256, Shipment.withdrawn_by.is_(None))
        .where(Instance.shipment_id == Shipment.id)
        .where(BatchInstance.instance_id == Instance.id, BatchInstance.batch_id == handoff.batch_id)
    )
    return sha256 if session.scalar(select(found)) else None


def _require_inside(files: Files, path: str) -> None:
    """Refuse to write by a link that a step may have left in its result's folder, or below a file.

    Raises:
        NotFoundError: the path leads out of the folder, or no file can ever be there.
    """
    root, file = files.local("."), files.local(path)
    if root is None or file is None:
        return
    try:
        inside = file.parent.resolve().is_relative_to(root.resolve()) and not file.is_symlink()
        blocked = file.is_dir() or any(step.exists() and not step.is_dir() for step in file.parents)
        blocked |= any(len(step) > _LONGEST_NAME for step in path.split("/"))
    except (OSError, RuntimeError):  # a link to itself
        raise NotFoundError from None
    if not inside or blocked:
        raise NotFoundError
