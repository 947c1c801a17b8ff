"""Follow one run to its end. The engine's word ends a handoff, but only a verified result makes it SUCCEEDED."""

import time
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.backends.interface import Backend, BackendError, RunPhase
from handoff.batches.prepared import write_prepared
from handoff.database.engine import Database
from handoff.database.tables import Batch, BatchInstance, Handoff, Instance, PipelineVersion, Shipment, Study
from handoff.handoffs.states import State, note, transition
from handoff.results.record import record_result
from handoff.results.verify import Expectation, ResultError, verify_result
from handoff.store import Store
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.gate import hold_shared, is_withdrawn
from handoff.withdrawals.kinds import prepared_uri

ENGINE_SILENT = "engine-silent"
"""The event of a run that the engine says nothing of at the moment."""
ENGINE_ODD = "engine-odd"
"""The event of a run of which the engine says something unknown."""
WITHDRAWN = "batch-withdrawn"
"""Why a run is not believed on whose batch something was withdrawn meanwhile."""
_LIVE = frozenset({RunPhase.WAITING, RunPhase.RUNNING})


@dataclass(frozen=True, slots=True)
class Watch:
    """What watching needs; one per worker."""

    database: Database
    store: Store
    backend: Backend

    def look(self, handoff_id: str) -> None:
        """Take one look at a run that the engine has."""
        with self.database.read() as session:
            handoff = session.get_one(Handoff, handoff_id)
        reference = handoff.reference or handoff.key
        try:
            if handoff.cancel_asked:
                self.backend.cancel(reference)
            status = self.backend.status(reference)
        except BackendError as error:
            self._say(handoff, ENGINE_SILENT, error.code)
            return
        self._say(handoff, ENGINE_ODD, status.reason if status.phase in _LIVE else None)
        match status.phase:
            case RunPhase.WAITING:
                pass
            case RunPhase.RUNNING:
                if handoff.state == State.SUBMITTED:
                    self._move(handoff_id, State.RUNNING, status.reason)
            case RunPhase.COMPLETED:
                self._believe(handoff)
            case RunPhase.FAILED | RunPhase.CANCELED if handoff.cancel_asked:
                self._move(handoff_id, State.CANCELED, "asked")
            case RunPhase.FAILED:
                self._move(handoff_id, State.FAILED, status.reason)
            case RunPhase.CANCELED:
                self._move(handoff_id, State.CANCELED, status.reason)
            case RunPhase.GONE:
                # An engine may show a run later than it answers for it.
                if time.time() >= (handoff.sent_at or 0.0) + self.backend.settle_seconds:
                    self._move(handoff_id, State.LOST, status.reason)
            case _ as unreachable:
                assert_never(unreachable)

    def _say(self, handoff: Handoff, event: str, code: str | None) -> None:
        """Note what keeps a run from being followed, once for each change; the state stays what it was."""
        if handoff.reason == code:
            return
        with self.database.write() as session:
            row = session.get_one(Handoff, handoff.id, with_for_update=True)
            if row.state == handoff.state:
                row.reason = code
                if code is not None:
                    note(session, row, event, code)

    def _move(self, handoff_id: str, state: State, reason: str | None = None) -> None:
        with self.database.write() as session:
            transition(session, session.get_one(Handoff, handoff_id, with_for_update=True), state, reason)

    def _believe(self, handoff: Handoff) -> None:
        """Re-read every digest, then record the result and the success in one transaction."""
        with self.database.read() as session:
            batch = session.get_one(Batch, handoff.batch_id)
            expected = _expectation(session, handoff, batch)
        if batch.withdrawn_by is not None:
            self._move(handoff.id, State.CANCELED, WITHDRAWN)
            return
        try:
            result = verify_result(self.store.result(handoff.key), expected)
        except ResultError as error:
            self._move(handoff.id, State.FAILED, error.code)
            return
        if result.volumes:
            with self.database.write() as session:
                lines = prepared_uri(batch.id, handoff.key)
                note_copy(session, "prepared", lines, batch=batch.id, handoff=handoff.id)
            write_prepared(self.store, batch, handoff.key, result.spec_digest, result.volumes)
        with self.database.write() as session:
            hold_shared(session)
            row = session.get_one(Handoff, handoff.id, with_for_update=True)
            if is_withdrawn(session, batch.id):  # while the digests were read
                transition(session, row, State.CANCELED, WITHDRAWN)
                return
            record_result(session, row, result)
            transition(session, row, State.SUCCEEDED)


def _expectation(session: Session, handoff: Handoff, batch: Batch) -> Expectation:
    """Key, kind, code and spec of the handoff; the series only for a preparing run, which alone may name them."""
    code = session.get_one(PipelineVersion, handoff.pipeline_id).code_digest
    if handoff.prepared_by is not None:
        prepare = session.get_one(Handoff, handoff.prepared_by)
        return Expectation(handoff.key, handoff.kind, prepare.spec_digest, frozenset(), code)
    chosen = (
        select(Shipment.patient, Study.study_uid, Shipment.series_uid)
        .join(Instance, Instance.shipment_id == Shipment.id)
        .join(BatchInstance, BatchInstance.instance_id == Instance.id)
        .join(Study, Study.id == Shipment.study_id)
        .where(BatchInstance.batch_id == batch.id)
        .distinct()
    )
    series = frozenset((patient, study, series) for patient, study, series in session.execute(chosen))
    return Expectation(handoff.key, handoff.kind, batch.spec_digest, series, code)
