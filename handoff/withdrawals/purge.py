"""End the runs of a withdrawal and remove its copies. Every step may be repeated, so a kill anywhere costs nothing.

0. What its request did not get to, as it was killed or there was much, is done first.
1. Runs on its batches are canceled. A copy that a run may still write to waits until its handoff has ended.
2. A copy is marked before it is removed and after it: `purging`, then `purged`.
3. A package is removed by a transaction that no delivery can overlap, and only if no shipment that was not withdrawn
   has the same bytes. A delivery of such bytes that comes meanwhile sees the mark, and looks whether they are there.
4. The folder of a run is removed by whoever has it: the service or the worker of that home.
5. What cannot be removed is tried again; what still cannot is recorded as remaining, with its reason.
"""

import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Batch, Copy, Handoff, ModelVersion, Shipment, Withdrawal
from handoff.errors import ConflictError, StoreDownError
from handoff.handoffs.cancel import cancel
from handoff.handoffs.states import ENDED, State
from handoff.home import ResearchHome
from handoff.store import Store, fsync_folder
from handoff.store.files import Files, held
from handoff.withdrawals.copies import PRESENT, PURGED, PURGING, REMAINS
from handoff.withdrawals.gate import hold_alone
from handoff.withdrawals.kinds import KINDS, RESULTS, STORE, digest_of_package
from handoff.withdrawals.labels import drop_labels, labelled
from handoff.withdrawals.mark import mark_shipments, shrink_studies
from handoff.withdrawals.scope import batches_of, copies_of, patients_of, running_of, shared_packages

log = structlog.get_logger("handoff.withdrawals")
MOST_TRIES = 3
FORMING_SECONDS = 900.0
"""After this a batch that is not formed is what a killed service left, and nobody writes its lines any more."""
_PATIENTS_AT_ONCE = 10
"""Patients whose labels one transaction looks at, which keeps it short."""
DROPPED_LABELS = "label_rows"
ENDED_RUNS = "handoffs_ended"
"""What a withdrawal has done so far, beside what its copies say."""


@dataclass(slots=True)
class Purge:
    """What purging needs; one per process.

    Attributes:
        place: what names this home's folder of runs.
    """

    database: Database
    home: ResearchHome
    store: Store
    place: str
    _failed: Counter[int] = field(default_factory=Counter)

    def work(self, withdrawal_id: str) -> None:
        """Do what can be done now.

        Raises:
            StoreDownError: the store does not answer; nothing is lost by coming again.
        """
        mark_shipments(self.database, withdrawal_id)  # (0)
        shrink_studies(self.database, withdrawal_id)
        self._end_runs(withdrawal_id)  # (1)
        self._drop_labels(withdrawal_id)
        with self.database.read() as session:
            due = [copy for copy in copies_of(session, withdrawal_id) if self._mine(copy) and is_free(session, copy)]
            shared = shared_packages(session, due)
        for copy in due:
            if copy.id not in shared:
                self._remove(copy)

    def _mine(self, copy: Copy) -> bool:
        """Whether it is to be removed here."""
        elsewhere = copy.kind == "run" and copy.holder != self.place  # (4)
        return KINDS[copy.kind].stays is None and copy.state in {PRESENT, PURGING} and not elsewhere  # type: ignore[index]

    def _end_runs(self, withdrawal_id: str) -> None:
        with self.database.read() as session:
            running = [row.id for row in running_of(session, batches_of(session, withdrawal_id))]
        for handoff_id in running:
            try:
                cancel(self.database, handoff_id)
            except ConflictError:
                continue  # it ended meanwhile
        if running:
            self._note(withdrawal_id, ENDED_RUNS, sorted(running))

    def _drop_labels(self, withdrawal_id: str) -> None:
        with self.database.read() as session:
            project = session.get_one(Withdrawal, withdrawal_id).project
            patients = labelled(session, project, patients_of(session, withdrawal_id))
        for start in range(0, len(patients), _PATIENTS_AT_ONCE):
            with self.database.write() as session:
                row = session.get_one(Withdrawal, withdrawal_id, with_for_update=True)
                dropped = drop_labels(session, project, patients[start : start + _PATIENTS_AT_ONCE])
                if dropped:
                    before = int(row.certificate.get(DROPPED_LABELS, 0))
                    row.certificate = {**row.certificate, DROPPED_LABELS: before + dropped}

    def _note(self, withdrawal_id: str, what: str, ids: list[str]) -> None:
        """Add ids to what the withdrawal has done, once each."""
        with self.database.write() as session:
            row = session.get_one(Withdrawal, withdrawal_id, with_for_update=True)
            known = set(row.certificate.get(what, ()))
            if not known.issuperset(ids):
                row.certificate = {**row.certificate, what: sorted(known.union(ids))}

    def _remove(self, copy: Copy) -> None:
        self._mark(copy, PURGING)  # (2)
        try:
            if copy.kind == "package":
                self._remove_package(copy)
                return
            self._remove_file(copy)
        except StoreDownError:
            raise
        except OSError as error:  # (5)
            self._failed[copy.id] += 1
            log.warning("copy-not-purged", kind=copy.kind, copy=copy.id, cause=type(error).__name__)
            if self._failed[copy.id] >= MOST_TRIES:
                del self._failed[copy.id]
                self._mark(copy, REMAINS, "not-permitted" if isinstance(error, PermissionError) else "not-removable")
            return
        self._mark(copy, PURGED)

    def _remove_package(self, copy: Copy) -> None:
        """Step (3)."""
        path = copy.uri.removeprefix(STORE)
        with held(self.store.files, path), self.database.write() as session:
            hold_alone(session)
            row = session.get_one(Copy, copy.id, with_for_update=True)
            mine = Shipment.sha256 == digest_of_package(copy.uri)
            live = select(Shipment.id).where(mine, Shipment.withdrawn_by.is_(None))
            other = session.scalar(live.limit(1))
            if other is not None:
                row.state, row.shipment_id = PRESENT, other
                return
            _unlink(self.store.files, path)
            row.state, row.reason, row.ended_at = PURGED, None, time.time()

    def _remove_file(self, copy: Copy) -> None:
        """The lines of a batch, what a run left, or the folder where it was."""
        if copy.uri.startswith(STORE):
            _unlink(self.store.files, copy.uri.removeprefix(STORE))
        elif copy.uri.startswith(RESULTS):
            key = copy.uri.removeprefix(RESULTS)
            empty(self.store.result(key), kept=self._models(copy))
        else:
            key = copy.uri.rpartition("/")[2]
            for folder in (self.home.runs / key, *self.home.runs.glob(f".{key}.*")):
                _remove_tree(folder)

    def _models(self, copy: Copy) -> frozenset[str]:
        """Files of a result that are a model, which a person decides on."""
        with self.database.read() as session:
            chosen = select(ModelVersion.path).where(ModelVersion.handoff_id == copy.handoff_id)
            return frozenset(session.scalars(chosen))

    def _mark(self, copy: Copy, state: str, reason: str | None = None) -> None:
        with self.database.write() as session:
            row = session.get_one(Copy, copy.id, with_for_update=True)
            row.state, row.reason = state, reason
            row.ended_at = time.time() if state in {PURGED, REMAINS} else None


def is_free(session: Session, copy: Copy) -> bool:
    """Whether nobody may write to a copy any more: neither a run, nor who forms the batch at this moment."""
    if copy.kind == "batch" and copy.batch_id is not None:
        batch = session.get(Batch, copy.batch_id)
        return batch is None or batch.formed or batch.created_at < time.time() - FORMING_SECONDS
    if copy.handoff_id is None or not KINDS[copy.kind].waits:  # type: ignore[index]
        return True
    state = session.scalar(select(Handoff.state).where(Handoff.id == copy.handoff_id))
    return state is None or State(state) in ENDED


def empty(files: Files, kept: frozenset[str] = frozenset()) -> None:
    """Remove everything of a place but some files; harmless when it is gone."""
    root = files.local(".")
    if root is not None and not kept:
        _remove_tree(root)
        return
    for path in list(files.paths()):
        if path not in kept:
            _unlink(files, path)
    if root is not None:
        for link in [item for item in root.rglob("*") if item.is_symlink()]:
            link.unlink(missing_ok=True)


def _unlink(files: Files, path: str) -> None:
    try:
        files.remove(path)
    except FileNotFoundError:
        return
    file = files.local(path)
    if file is not None and file.parent.is_dir():
        fsync_folder(file.parent)


def _remove_tree(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    shutil.rmtree(folder)
    fsync_folder(folder.parent)
