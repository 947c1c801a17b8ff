"""The states of a handoff, and which may follow which, as data; a client reads it too, so it needs no database."""

from enum import StrEnum


class State(StrEnum):
    """Where a handoff is."""

    ACCEPTED = "ACCEPTED"
    """Durable, with its outbox row."""
    VALIDATING = "VALIDATING"
    """A worker checks batch, pipeline and model again."""
    READY = "READY"
    """The run is laid out at the target."""
    SUBMITTING = "SUBMITTING"
    """An attempt was recorded; the engine may or may not know of it."""
    SUBMITTED = "SUBMITTED"
    """The engine has it."""
    RUNNING = "RUNNING"
    """The engine works on it."""
    SUCCEEDED = "SUCCEEDED"
    """A result manifest is there, and every digest in it was re-read."""
    FAILED = "FAILED"
    """It ended without a result that can be believed."""
    CANCELED = "CANCELED"
    """A person ended it."""
    LOST = "LOST"
    """The engine had it and denies it; or may have it, and its target is gone, so that nobody can ask."""
    REJECTED = "REJECTED"
    """What it needs is not what was recorded."""


WAITING = frozenset({State.ACCEPTED, State.VALIDATING, State.READY})
"""Nothing of it can be at an engine, except what an attempt before a retry left there."""
ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED, State.LOST, State.REJECTED})
AT_ENGINE = frozenset({State.SUBMITTED, State.RUNNING})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.VALIDATING, State.CANCELED}),
    State.VALIDATING: frozenset({State.READY, State.REJECTED, State.FAILED, State.CANCELED}),
    State.READY: frozenset({State.SUBMITTING, State.FAILED, State.CANCELED}),
    State.SUBMITTING: frozenset({State.SUBMITTED, State.FAILED, State.CANCELED, State.LOST}),
    State.SUBMITTED: frozenset({State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELED, State.LOST}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED, State.LOST}),
    **{state: frozenset() for state in ENDED},
}

READMITTED = frozenset({State.FAILED, State.REJECTED})
"""Ends from which a person may send a handoff back to ACCEPTED, if no engine ever had its run. See `retry`."""
