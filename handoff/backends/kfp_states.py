"""What a run's state at Kubeflow means here. Whatever is not known is still running, and said to be odd."""

from handoff.backends.interface import RunPhase, RunStatus
from handoff.backends.kfp_client import KubeflowRun

LIVE = frozenset({"PENDING", "RUNNING", "PAUSED", "CANCELING", "RUNTIME_STATE_UNSPECIFIED"})
_PHASES: dict[str, RunStatus] = {
    "PENDING": RunStatus(RunPhase.WAITING),
    "RUNNING": RunStatus(RunPhase.RUNNING),
    "PAUSED": RunStatus(RunPhase.RUNNING, "paused-at-engine"),
    "CANCELING": RunStatus(RunPhase.RUNNING),
    "SUCCEEDED": RunStatus(RunPhase.COMPLETED),
    "SKIPPED": RunStatus(RunPhase.COMPLETED),
    "CANCELED": RunStatus(RunPhase.CANCELED, "ended-at-engine"),
    "FAILED": RunStatus(RunPhase.FAILED, "step-failed"),
}


def status_of(run: KubeflowRun, timeout_seconds: float) -> RunStatus:
    """What the run's state says; a run that was ended for its time is FAILED like any other, so time decides."""
    if run.state == "FAILED" and (run.finished_at or 0.0) - run.created_at >= timeout_seconds:
        return RunStatus(RunPhase.FAILED, "timeout")
    return _PHASES.get(run.state, RunStatus(RunPhase.RUNNING, "engine-state-unknown"))


def ended(run: KubeflowRun) -> bool:
    """Whether nothing of the run goes on, as far as the server knows; an unknown state is no end."""
    return run.state in _PHASES and run.state not in LIVE
