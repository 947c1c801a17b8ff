"""From studies to a model to segmentations: batches and runs, all through the handoff's HTTP."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from handoff.client import HandoffClient
from handoff.handoffs.states import ENDED, State
from handoff.schemas.batches import BatchRequest
from handoff.schemas.handoffs import HandoffView
from sluice.demo.errors import StandstillError
from sluice.demo.run_home import PROJECT

TAKEN_UP_SECONDS = 120.0
"""How long a handoff may wait for a worker to start it."""

_WAITING = frozenset({State.ACCEPTED, State.VALIDATING, State.READY})
_LOOK_SECONDS = 0.5


@dataclass(slots=True)
class Learning:
    """What was run, in order; each run as the demo's JSON shows it."""

    client: HandoffClient
    on_wait: Callable[[str], None]
    batches: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def register_pipelines(self) -> None:
        """Make the committed pipelines known; the same ones again change nothing."""
        from ml.pipelines.registry import registry

        for pipeline in registry().values():
            self.client.register_pipeline(pipeline.name, pipeline.yaml.read_text("utf-8"), pipeline.code_digest)

    def batch(self, select: Literal["annotated", "unannotated"]) -> str:
        """Form a batch of the studies that `select` means, and return its id."""
        batch = self.client.form_batch(BatchRequest(project=PROJECT, select=select))
        self.batches.append(batch.plain())
        return batch.id

    def run(self, kind: Literal["prepare", "train", "infer"], batch: str, model: str | None = None) -> HandoffView:
        """Hand a batch to a pipeline and wait for the run's end; a failed run is returned as any other.

        Raises:
            StandstillError: no worker takes it up.
        """
        begin = time.monotonic()
        handoff = self.client.hand_off(kind=kind, batch=batch, pipeline=kind, model=model)
        while handoff.state not in ENDED:
            waited = time.monotonic() - begin
            if handoff.state in _WAITING and waited > TAKEN_UP_SECONDS:
                raise StandstillError(f"No worker took up the {kind} run {handoff.id} for {waited:.0f} s.")
            self.on_wait(f"{kind}: {handoff.state.lower()} for {waited:.0f} s")
            time.sleep(_LOOK_SECONDS)
            handoff = self.client.handoff(handoff.id)
        self.runs.append(_plain(handoff, time.monotonic() - begin))
        if handoff.state is not State.SUCCEEDED:
            self.runs[-1]["said"] = self._last_words(handoff)
        return handoff

    def _last_words(self, handoff: HandoffView) -> str:
        lines = [line.strip() for line in self.client.logs(handoff.id).splitlines() if line.strip()]
        return lines[-1] if lines else ""


def _plain(handoff: HandoffView, seconds: float) -> dict[str, Any]:
    return {
        "kind": handoff.kind,
        "key": handoff.key,
        "id": handoff.id,
        "state": str(handoff.state),
        "reason": handoff.reason,
        "batch": handoff.batch,
        "model": handoff.made_model or handoff.model,
        "metrics": handoff.metrics,
        "seconds": round(seconds, 1),
    }


def segmentations(handoff: HandoffView) -> list[Path]:
    """The DICOM SEG files of an inference run."""
    folder = Path(unquote(urlsplit(handoff.result_uri).path))
    return [folder / file.path for file in handoff.files if file.role == "segmentation"]
