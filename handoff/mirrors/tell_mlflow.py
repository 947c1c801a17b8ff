"""Tell MLflow: of a handoff that was submitted or ended, of a model version, of an alias that was moved.

What somebody moved there is taken back when it was refused here: its registry shows what holds, and ours is the truth.
"""

from handoff.database.engine import Database
from handoff.database.tables import LineageEvent
from handoff.lineage.log import subject_of
from handoff.mirrors.facts import alias_facts, handoff_facts, model_facts
from handoff.mirrors.interface import Change
from handoff.mirrors.mlflow import Mlflow
from handoff.mirrors.mlflow_api import MlflowApi
from handoff.mirrors.settings import MlflowMirror

SETTLE_SECONDS = 3.0
"""A create may be slower than the next search."""
_KINDS = {
    "handoff-submitted": "handoff",
    "handoff-ended": "handoff",
    "model-registered": "model",
    "model-evaluated": "model",
    "promotion-approved": "promotion",
    "promotion-refused": "promotion",
}


class MlflowTeller:
    """One tracking server. It is told what things are now, so their order does not matter."""

    name = "mlflow"
    ordered = False
    history = True
    settle_seconds = SETTLE_SECONDS

    def __init__(self, settings: MlflowMirror) -> None:
        self.keeps_days = settings.keeps_days
        self._api = MlflowApi(settings)
        self._mlflow = Mlflow(settings, self._api)

    def wants(self, event: LineageEvent) -> tuple[str, str] | None:
        """A row for each handoff, model version and promotion."""
        kind = _KINDS.get(event.event)
        return (kind, subject_of(event)) if kind else None

    def tell(self, database: Database, change: Change) -> str:
        """Bring MLflow to what the thing is now."""
        with database.read() as session:
            match change.kind:
                case "model":
                    model = model_facts(session, change.subject)
                case "promotion":
                    alias = alias_facts(session, change.subject)
                case _:
                    handoff = handoff_facts(session, change.subject)
        match change.kind:
            case "model":
                return self._mlflow.tell_model(model)
            case "promotion" if not alias.refused:
                return self._mlflow.tell_alias(alias)
            case "promotion":
                return self._mlflow.put_back(alias)
            case _:
                return self._mlflow.tell_handoff(handoff)

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()
