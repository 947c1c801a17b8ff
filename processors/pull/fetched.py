"""What the peer says of one C-MOVE or C-GET (PS3.4 C.4.2.1.5, C.4.3.1.4)."""

from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

_SUCCESS: Final = 0x0000
_SUB_OPERATIONS_FAILED: Final = 0xB000
_COUNTS: Final = (
    "NumberOfCompletedSuboperations",
    "NumberOfFailedSuboperations",
    "NumberOfWarningSuboperations",
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Sub-operations, counted."""

    completed: int = 0
    failed: int = 0
    warnings: int = 0
    code: str = ""
    """Why not all is well: a status as a word; empty when it is."""

    def __add__(self, other: "Fetched") -> "Fetched":
        return Fetched(
            self.completed + other.completed,
            self.failed + other.failed,
            self.warnings + other.warnings,
            self.code or other.code,
        )


def of_response(status: Dataset, before: Fetched) -> Fetched:
    """Read a response; one that counts nothing, as of a peer that gives up, leaves the counts of the one before."""
    counts = [status.get(keyword) for keyword in _COUNTS]
    code = _word(int(status.Status))
    if all(count is None for count in counts):
        return Fetched(before.completed, before.failed, before.warnings, code)
    completed, failed, warnings = (int(count or 0) for count in counts)
    return Fetched(completed, failed, warnings, code)


def _word(status: int) -> str:
    if status == _SUCCESS:
        return ""
    return "sub-operations-failed" if status == _SUB_OPERATIONS_FAILED else f"status-{status:04x}"
