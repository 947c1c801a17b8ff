"""The states of a firing, and which of them there is still something to do about, as data."""

from enum import StrEnum


class Firing(StrEnum):
    """Where a firing is."""

    WAITING = "waiting"
    """It happened; whether it is acted on is not decided, and the reason says why not yet."""
    ASLEEP = "asleep"
    """Its study has no wanted label; the next label document of the project wakes it."""
    COUNTED = "counted"
    """Its study counts towards the number that a rule waits for."""
    TAKEN = "taken"
    """Its study is in the firing of all that were counted with it."""
    FORMING = "forming"
    """It is acted on: the batch is being formed, or waits to be accepted for preparing."""
    PREPARING = "preparing"
    """The batch is being prepared."""
    FIRED = "fired"
    """What the rule says was started, or had run before (`already-ran`)."""
    SKIPPED = "skipped"
    """Nothing was started, and nothing will be; the reason says why."""
    FAILED = "failed"
    """It can never be started; the reason says why."""


TO_DO = (Firing.WAITING, Firing.FORMING, Firing.PREPARING)
"""What the keeper looks at when it is due."""
STARTED = (Firing.FORMING, Firing.PREPARING, Firing.FIRED, Firing.FAILED)
"""What counts towards the most firings of a day."""
