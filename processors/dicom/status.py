"""Every answer to a C-STORE (PS3.4 B.2.3, PS3.7 annex C) and the reason code that the ledger keeps with it."""

from dataclasses import dataclass
from typing import Final

SUCCESS: Final = 0x0000


@dataclass(frozen=True, slots=True)
class Refusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """Nothing of the object is kept, and the sender is told so."""

    status: int
    reason: str


CLASS_NOT_SUPPORTED: Final = 0x0122
OUT_OF_RESOURCES: Final = 0xA700
DATA_SET_MISMATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000
CANNOT_STORE: Final = 0xC001
SYNTAX_NOT_SUPPORTED: Final = 0xC122


def not_storage() -> Refusal:
    """The SOP class of the command is no storage class."""
    return Refusal(CLASS_NOT_SUPPORTED, "not-storage")


def class_not_allowed() -> Refusal:
    """The peer may not send this class; by DIMSE no context would have been accepted for it."""
    return Refusal(CLASS_NOT_SUPPORTED, "class-not-allowed")


def syntax_not_allowed() -> Refusal:
    """The peer may not send this transfer syntax (PS3.18 table I.2-2); by DIMSE no context would have been accepted."""
    return Refusal(SYNTAX_NOT_SUPPORTED, "syntax-not-allowed")


def no_space() -> Refusal:
    """Less than the reserve would be left on the disk."""
    return Refusal(OUT_OF_RESOURCES, "no-space")


def under_pressure(kind: str) -> Refusal:
    """The receiver runs short of something; `kind` is one of `processors.dicom.pressure`."""
    return no_space() if kind == "disk" else Refusal(OUT_OF_RESOURCES, f"pressure:{kind}")


def no_descriptor() -> Refusal:
    """No file could be opened for the object."""
    return Refusal(OUT_OF_RESOURCES, "pressure:descriptors")


def no_ledger() -> Refusal:
    """What was received before cannot be told, so neither whether this is a duplicate."""
    return Refusal(OUT_OF_RESOURCES, "no-ledger")


def day_used_up() -> Refusal:
    """The peer has sent all that it may send in one day."""
    return Refusal(OUT_OF_RESOURCES, "day-used-up")


def stopping() -> Refusal:
    """The receiver is about to end."""
    return Refusal(OUT_OF_RESOURCES, "stopping")


def mismatch(keyword: str) -> Refusal:
    """The data set has another `keyword` than the command."""
    return Refusal(DATA_SET_MISMATCH, f"mismatch:{keyword}")


def unreadable(code: str) -> Refusal:
    """The data set cannot be read; `code` says in what way."""
    return Refusal(CANNOT_UNDERSTAND, code)


def write_failed(code: str) -> Refusal:
    """The disk did not take the object; `code` is the name of the system's error."""
    return Refusal(CANNOT_STORE, f"write-failed:{code}")
