"""Accept a handoff: check it at the earliest moment, name it by its content, write it with its outbox row.

1. Target, batch and pipeline exist; kind, pipeline and target fit together.
2. Train and infer need a batch that a handoff prepared; infer needs a model of the very same preparing spec.
3. Parameters are inputs of the pipeline and of its types, and every input without a default is given.
4. The key is the digest of all of that. One key is one handoff, is one run.
"""

import secrets
import time
from dataclasses import dataclass

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.database.engine import Database
from handoff.database.tables import Batch, Handoff, ModelVersion, OutboxRow, PipelineVersion
from handoff.errors import RunError
from handoff.handoffs.states import State, note
from handoff.pipelines.compiled import fit_parameter
from handoff.pipelines.contract import CONTRACT_INPUTS, MODEL_INPUT
from handoff.pipelines.register import find_pipeline
from handoff.schemas.handoffs import HandoffRequest
from handoff.settings import Settings
from handoff.targets import ServedModelTarget, Target, runs_beside
from handoff.withdrawals.gate import hold_shared


@dataclass(frozen=True, slots=True)
class AcceptedHandoff:
    """The handoff's id, and whether this request made it."""

    id: str
    created: bool


@dataclass(frozen=True, slots=True)
class HandoffAcceptance:
    """What accepting needs; one per process."""

    database: Database
    settings: Settings

    def accept(self, request: HandoffRequest, asked_by: str | None = None) -> AcceptedHandoff:
        """Accept a decision, or return the handoff that it already is.

        Raises:
            RunError: it could never become a run that can be believed.
        """
        try:
            with self.database.write() as session:
                return self.accept_within(session, request, asked_by)
        except IntegrityError:
            # Another replica wrote the same key between our look and our write; now we see it.
            with self.database.write() as session:
                return self.accept_within(session, request, asked_by)

    def accept_within(self, session: Session, request: HandoffRequest, asked_by: str | None = None) -> AcceptedHandoff:
        """The same in the caller's transaction, so that what the caller writes stands or falls with the handoff.

        Raises:
            RunError: it could never become a run that can be believed.
            IntegrityError: another replica accepted the same decision meanwhile; the transaction is over.
        """
        if request.target not in self.settings.targets:
            raise RunError("The target is not among those of handoff.yaml.", code="target-unknown")
        _fit_target(self.settings.targets[request.target], request)
        handoff = _decide(session, request, beside=runs_beside(self.settings.targets[request.target]))
        known = session.scalar(select(Handoff.id).where(Handoff.key == handoff.key))
        if known is None:
            handoff.asked_by = asked_by
            _write(session, handoff)
        return AcceptedHandoff(known or handoff.id, created=known is None)


def _fit_target(target: Target, request: HandoffRequest) -> None:
    """A target that serves one model takes inference by that model, as the model was registered, and nothing else."""
    if not isinstance(target, ServedModelTarget):
        return
    if request.kind != "infer":
        message = "The target serves one model, so it takes handoffs of kind infer alone."
        raise RunError(message, code="target-kind", remedy="Name a target that runs pipelines.")
    if request.model != target.model:
        message = f"The target serves {target.model}, and the handoff names another model."
        raise RunError(message, code="target-model", remedy="Name the target that serves this model.")
    if request.parameters:
        message = "A served model takes no parameters."
        raise RunError(
            message, code="target-parameters", remedy="Leave them out, or name a target that runs pipelines."
        )


def _write(session: Session, handoff: Handoff) -> None:
    session.add(handoff)
    session.flush()
    session.add(OutboxRow(handoff_id=handoff.id, target=handoff.target, due_at=handoff.created_at))
    note(session, handoff, State.ACCEPTED)


def _decide(session: Session, request: HandoffRequest, *, beside: bool) -> Handoff:
    hold_shared(session)
    batch = session.get(Batch, request.batch)
    if batch is None or not batch.formed:
        raise RunError("There is no such batch.", code="batch-unknown")
    if batch.withdrawn_by is not None:
        raise RunError(
            "Something of the batch was withdrawn, so nothing may run on it any more.",
            code="batch-withdrawn",
            remedy="Form a new batch; it will hold what was not withdrawn.",
        )
    pipeline = find_pipeline(session, request.pipeline, beside=beside)  # (1)
    if pipeline is None:
        raise RunError("There is no such pipeline that the target may run.", code="pipeline-unknown")
    if beside and not pipeline.local_too:
        remedy = "Let an admin register it, or name a target that runs it elsewhere."
        raise RunError("The target runs only what an admin registered.", code="pipeline-not-local", remedy=remedy)
    prepared = None if request.kind == "prepare" else _prepared(session, batch)  # (2)
    model = _model(session, request, prepared)
    parameters = _parameters(request, pipeline)  # (3)
    key = canonical_digest(  # (4)
        {
            "schema": "sluice.handoff/1",
            "kind": request.kind,
            "batch": batch.id,
            "prepared": prepared.key if prepared else None,
            "target": request.target,
            "pipeline": pipeline.id,
            "parameters": parameters,
            "model": model.id if model else None,
        }
    )
    return Handoff(
        id=secrets.token_hex(16),
        key=key,
        kind=request.kind,
        project=batch.project,
        batch_id=batch.id,
        prepared_by=prepared.id if prepared else None,
        model_id=model.id if model else None,
        target=request.target,
        pipeline_id=pipeline.id,
        parameters=parameters,
        state=State.ACCEPTED.value,
        created_at=time.time(),
    )


def _prepared(session: Session, batch: Batch) -> Handoff:
    """The newest handoff that prepared the batch."""
    chosen = select(Handoff).where(
        Handoff.batch_id == batch.id, Handoff.kind == "prepare", Handoff.state == State.SUCCEEDED.value
    )
    prepared = session.scalar(chosen.order_by(Handoff.ended_at.desc()).limit(1))
    if prepared is None:
        raise RunError(
            "The batch is not prepared.",
            code="batch-not-prepared",
            remedy="POST a handoff of kind prepare and wait until it SUCCEEDED.",
        )
    return prepared


def _model(session: Session, request: HandoffRequest, prepared: Handoff | None) -> ModelVersion | None:
    if (request.kind == "infer") != (request.model is not None):
        raise RunError("A handoff of kind infer names a model, any other none.", code="model-unfit")
    if request.model is None or prepared is None:
        return None
    model = session.get(ModelVersion, request.model)
    if model is None:
        raise RunError("There is no such model.", code="model-unknown")
    if model.spec_digest != prepared.spec_digest:
        raise RunError(
            "The model was trained on volumes of another preparing spec than this batch's.",
            code="spec-mismatch",
            remedy="Prepare the batch with the model's spec, or train a model on this one.",
        )
    return model


def _parameters(request: HandoffRequest, pipeline: PipelineVersion) -> dict[str, JsonValue]:
    ours = {*CONTRACT_INPUTS, *([MODEL_INPUT] if request.kind == "infer" else [])}
    if request.kind == "infer" and MODEL_INPUT not in pipeline.inputs:
        raise RunError("The pipeline takes no model_uri, so it cannot infer.", code="pipeline-unfit")
    if ours & request.parameters.keys() or request.parameters.keys() - pipeline.inputs.keys():
        raise RunError("A parameter is no input of the pipeline that may be set.", code="parameter-unknown")
    needed = {name for name, facts in pipeline.inputs.items() if not facts.get("optional")}
    missing = sorted(needed - ours - request.parameters.keys())
    if missing:
        message = f"The pipeline needs the parameters {', '.join(missing)}."
        raise RunError(message, code="parameter-missing")
    return {name: fit_parameter(pipeline.inputs[name]["type"], value) for name, value in request.parameters.items()}
