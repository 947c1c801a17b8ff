"""What a worker does for a handoff that ended: it removes the token of its run, which holds no more, and tells of it.

That is one log line with all that matters, and its spans.
"""

import structlog

from handoff.access.run_tokens import forget_token
from handoff.database.engine import Database
from handoff.database.tables import Handoff
from handoff.handoffs.states import ENDED, State
from handoff.telemetry.runs import spans_of_run
from handoff.telemetry.spans import Spans

log = structlog.get_logger("handoff.runs")


class Endings:
    """Tells of ends; what cannot be told costs nothing else."""

    def __init__(self, database: Database, spans: Spans) -> None:
        self._database = database
        self._spans = spans

    def tell(self, handoff_id: str) -> None:
        """Tell of a handoff if it has ended."""
        with self._database.read() as session:
            handoff = session.get_one(Handoff, handoff_id)
            if State(handoff.state) not in ENDED:
                return
            spans = spans_of_run(session, handoff, self._spans.resource) if self._spans.wanted else []
        forget_token(self._database, handoff_id)
        self._spans.give(spans)
        log.info(
            "run",
            handoff_id=handoff.id,
            kind=handoff.kind,
            project=handoff.project,
            target=handoff.target,
            batch=handoff.batch_id,
            pipeline=handoff.pipeline_id,
            model=handoff.model_id,
            run=handoff.reference,
            state=handoff.state,
            reason=handoff.reason,
            attempts=handoff.attempts,
            seconds=round((handoff.ended_at or handoff.created_at) - handoff.created_at, 3),
            trace=f"{spans[0].context.trace_id:032x}" if spans and spans[0].context else None,
        )
