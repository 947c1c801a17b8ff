"""Decide on a handoff: check it at the earliest moment, and name it by its content.

1. Batch and pipeline exist, nothing of the batch was withdrawn; kind, pipeline and target fit together.
2. Train and infer need a batch that a handoff prepared; infer needs a model of the very same preparing spec.
3. Parameters are inputs of the pipeline and of its types, and every input without a default is given.
4. The key is the digest of all of that, and of the pool or target as it was named. One key is one handoff, is one run.
"""

import secrets
import time

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.database.tables import Batch, Handoff, ModelVersion, PipelineVersion
from handoff.errors import RunError
from handoff.handoffs.states import State
from handoff.models.aliases import find_model
from handoff.pipelines.compiled import fit_parameter
from handoff.pipelines.contract import CONTRACT_INPUTS, MODEL_INPUT
from handoff.pipelines.register import find_pipeline
from handoff.schemas.handoffs import HandoffRequest
from handoff.withdrawals.gate import hold_shared


def decide(session: Session, request: HandoffRequest, *, beside: bool, prepared_by: str | None = None) -> Handoff:
    """The handoff that a request asks for, not written yet.

    Args:
        session: where it will be written.
        request: what is asked for.
        beside: whether its runs happen on the machine of the target's worker.
        prepared_by: the handoff whose volumes it uses; None for the newest that prepared the batch.

    Raises:
        RunError: it could never become a run that can be believed.
    """
    batch = require_batch(session, request.batch)
    pipeline = find_pipeline(session, request.pipeline, beside=beside)  # (1)
    if pipeline is None:
        raise RunError("There is no such pipeline that the target may run.", code="pipeline-unknown")
    if beside and not pipeline.local_too:
        remedy = "Let an admin register it, or name a target that runs it elsewhere."
        raise RunError("The target runs only what an admin registered.", code="pipeline-not-local", remedy=remedy)
    prepared = None if request.kind == "prepare" else _prepared(session, batch, prepared_by)  # (2)
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


def require_batch(session: Session, batch_id: str) -> Batch:
    """A batch that is formed and of which nothing was withdrawn, nor will be before this transaction ends.

    Raises:
        RunError: there is none.
    """
    hold_shared(session)
    batch = session.get(Batch, batch_id)
    if batch is None or not batch.formed:
        raise RunError("There is no such batch.", code="batch-unknown")
    if batch.withdrawn_by is not None:
        raise RunError(
            "Something of the batch was withdrawn, so nothing may run on it any more.",
            code="batch-withdrawn",
            remedy="Form a new batch; it will hold what was not withdrawn.",
        )
    return batch


def _prepared(session: Session, batch: Batch, prepared_by: str | None) -> Handoff:
    """The handoff that prepared the batch: the named one, else the newest."""
    chosen = select(Handoff).where(
        Handoff.batch_id == batch.id, Handoff.kind == "prepare", Handoff.state == State.SUCCEEDED.value
    )
    if prepared_by is not None:
        chosen = chosen.where(Handoff.id == prepared_by)
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
    model = find_model(session, request.model)
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
