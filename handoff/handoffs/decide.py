"""Decide on a handoff: check it at the earliest moment, and name it by its content.

1. Batch and pipeline exist, nothing of the batch was withdrawn; kind, pipeline and target fit together.
2. Retrain, evaluate and infer name a model, and no patient may be trained on and judged by in one line of models. The
   model is of the batch's project, or lent to it: whoever may see both may still not carry one to the other.
3. Parameters are inputs of the pipeline and of its types, and every input without a default is given.
4. All but prepare need a batch that a handoff prepared, by the very same preparing spec as the model's. It comes last:
   preparing may take hours, and who is told to do so has nothing else to mend after that.
5. The key is the digest of all of that, and of the pool or target as it was named. One key is one handoff, is one run.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Row, String, bindparam, select
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.contract.result import WITH_MODEL
from handoff.database.tables import Batch, Handoff, ModelVersion
from handoff.errors import RunError
from handoff.handoffs.states import State
from handoff.models.aliases import find_model
from handoff.models.leaks import require_apart
from handoff.pipelines.compiled import fit_parameter
from handoff.pipelines.contract import CONTRACT_INPUTS, MODEL_INPUT
from handoff.pipelines.register import chosen_pipeline
from handoff.schemas.handoffs import HandoffRequest
from handoff.withdrawals.gate import hold_shared

_ID = bindparam("id", type_=String())
_BATCH = select(Batch.id, Batch.project, Batch.formed, Batch.withdrawn_by).where(Batch.id == _ID)
_PREPARED = (
    select(Handoff.id, Handoff.key, Handoff.spec_digest)
    .where(Handoff.batch_id == _ID, Handoff.kind == "prepare", Handoff.state == State.SUCCEEDED.value)
    .order_by(Handoff.ended_at.desc())
    .limit(1)
)
_PREPARED_BY = _PREPARED.where(Handoff.id == bindparam("prepared_by", type_=String()))
"""Made once, and read as rows: of what a decision costs, objects and new statements would be the most."""

Seen = Callable[[str], bool]
"""Whether who decides sees a project."""


Lent = Callable[[ModelVersion, str], bool]
"""Whether a model's project lends it to another one."""


def all_seen(_project: str) -> bool:
    """Of whoever is limited to no projects."""
    return True


def nothing_lent(_model: ModelVersion, _project: str) -> bool:
    """Of projects that lend no model."""
    return False


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided: a row that is not written yet, and what it says by ids alone.

    Attributes:
        handoff: The row.
        pipeline: The pipeline's name.
        pipeline_digest: The SHA-256 of its YAML.
        prepare_key: The key of the handoff whose volumes it uses.
    """

    handoff: Handoff
    pipeline: str
    pipeline_digest: str
    prepare_key: str | None


def decide(
    session: Session,
    request: HandoffRequest,
    *,
    beside: bool,
    prepared_by: str | None = None,
    sees: Seen = all_seen,
    lent: Lent = nothing_lent,
) -> Decision:
    """The handoff that a request asks for, not written yet.

    Args:
        session: where it will be written.
        request: what is asked for.
        beside: whether its runs happen on the machine of the target's worker.
        prepared_by: the handoff whose volumes it uses; None for the newest that prepared the batch.
        sees: a batch or a model of a project that is not seen is none that there is.
        lent: which models of other projects may be used.

    Raises:
        RunError: it could never become a run that can be believed.
    """
    batch = require_batch(session, request.batch, sees)
    chosen = chosen_pipeline(request.pipeline, beside=beside)  # (1)
    pipeline = session.connection().execute(chosen, {"called": request.pipeline}).first()
    if pipeline is None:
        raise RunError("There is no such pipeline that the target may run.", code="pipeline-unknown")
    if beside and not pipeline.local_too:
        remedy = "Let an admin register it, or name a target that runs it elsewhere."
        raise RunError("The target runs only what an admin registered.", code="pipeline-not-local", remedy=remedy)
    model = _model(session, request)  # (2)
    if model is not None:
        _require_lent(model, batch.project, sees, lent)
        require_apart(session, request.kind, batch.id, model)
    parameters = _parameters(request, pipeline)  # (3)
    prepared = None if request.kind == "prepare" else _prepared(session, batch.id, prepared_by)  # (4)
    if model is not None and prepared is not None:
        _require_same_spec(model, prepared)
    key = canonical_digest(  # (5)
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
    handoff = Handoff(
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
        attempts=0,
        cancel_asked=False,
        metrics={},
        created_at=time.time(),
    )
    return Decision(handoff, pipeline.name, pipeline.yaml_digest, prepared.key if prepared else None)


def require_batch(session: Session, batch_id: str, sees: Seen = all_seen) -> Row[str, str, bool, str | None]:
    """A batch that is formed and of which nothing was withdrawn, nor will be before this transaction ends.

    Args:
        session: where it is used.
        batch_id: its digest.
        sees: one of a project that is not seen is none.

    Raises:
        RunError: there is none.
    """
    session.flush()
    hold_shared(session)
    batch = session.connection().execute(_BATCH, {"id": batch_id}).first()
    if batch is None or not batch.formed or not sees(batch.project):
        raise RunError("There is no such batch.", code="batch-unknown")
    if batch.withdrawn_by is not None:
        raise RunError(
            "Something of the batch was withdrawn, so nothing may run on it any more.",
            code="batch-withdrawn",
            remedy="Form a new batch; it will hold what was not withdrawn.",
        )
    return batch


def _prepared(session: Session, batch_id: str, prepared_by: str | None) -> Row[str, str, str | None]:
    """The handoff that prepared the batch: the named one, else the newest."""
    chosen, named = (_PREPARED, {}) if prepared_by is None else (_PREPARED_BY, {"prepared_by": prepared_by})
    prepared = session.connection().execute(chosen, {"id": batch_id, **named}).first()
    if prepared is None:
        raise RunError(
            "The batch is not prepared.",
            code="batch-not-prepared",
            remedy="POST a handoff of kind prepare and wait until it SUCCEEDED.",
        )
    return prepared


def _model(session: Session, request: HandoffRequest) -> ModelVersion | None:
    if (request.kind in WITH_MODEL) != (request.model is not None):
        kinds = ", ".join(sorted(WITH_MODEL))
        raise RunError(f"A handoff of the kinds {kinds} names a model, any other none.", code="model-unfit")
    if request.model is None:
        return None
    model = find_model(session, request.model)
    if model is None:
        raise _unknown_model()
    return model


def _require_lent(model: ModelVersion, project: str, sees: Seen, lent: Lent) -> None:
    if model.project != project and not lent(model, project):
        if not sees(model.project):
            raise _unknown_model()
        raise RunError(
            "The model is of another project, which does not lend it to this one.",
            code="model-of-another-project",
            remedy="Name the model and this project in `lends` of its own project in handoff.yaml, or train one here.",
        )


def _require_same_spec(model: ModelVersion, prepared: Row[str, str, str | None]) -> None:
    if model.spec_digest != prepared.spec_digest:
        raise RunError(
            "The model was trained on volumes of another preparing spec than this batch's.",
            code="spec-mismatch",
            remedy="Prepare the batch with the model's spec, or train a model on this one.",
        )


def _unknown_model() -> RunError:
    remedy = "Name one as name:version or name@alias; `sluice models list` has them."
    return RunError("There is no such model.", code="model-unknown", remedy=remedy)


def _parameters(request: HandoffRequest, pipeline: Row[Any]) -> dict[str, JsonValue]:
    ours = {*CONTRACT_INPUTS, *([MODEL_INPUT] if request.kind in WITH_MODEL else [])}
    if request.kind in WITH_MODEL and MODEL_INPUT not in pipeline.inputs:
        raise RunError(f"The pipeline takes no model_uri, so it cannot {request.kind}.", code="pipeline-unfit")
    if ours & request.parameters.keys() or request.parameters.keys() - pipeline.inputs.keys():
        raise RunError("A parameter is no input of the pipeline that may be set.", code="parameter-unknown")
    needed = {name for name, facts in pipeline.inputs.items() if not facts.get("optional")}
    missing = sorted(needed - ours - request.parameters.keys())
    if missing:
        message = f"The pipeline needs the parameters {', '.join(missing)}."
        raise RunError(message, code="parameter-missing")
    return {name: fit_parameter(pipeline.inputs[name]["type"], value) for name, value in request.parameters.items()}
