"""What can happen to one attribute."""

from enum import Enum, auto


class Action(Enum):
    """What happens to one attribute; `explain` says each in words."""

    KEEP = auto()
    REMOVE = auto()
    EMPTY = auto()
    DUMMY = auto()
    RECURSE = auto()
    MAP_UID = auto()
    SHIFT = auto()
    PATIENT_ID = auto()
    PATIENT_NAME = auto()
    CODE = auto()
    VOCABULARY = auto()
    TERMS = auto()
    PIXELS = auto()
    RETAIN_UID = auto()
    """UIDs that an option retains."""
    RETAIN = auto()
    """Text that an option retains, in any character set."""
    AGE = auto()
    """An age that an option retains, capped."""
    DESCRIBE = auto()
    """Text of which the known words stay."""
