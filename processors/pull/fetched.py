"""What the peer says of one C-MOVE or C-GET (PS3.4 C.4.2.1.5, C.4.3.1.4)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from pydicom.dataset import Dataset

_SUCCESS: Final = 0x0000
_SUB_OPERATIONS_FAILED: Final = 0xB000


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """Sub-operations counted; `failed_uids` is PHI, so there is no revealing repr."""

    completed: int = 0
    failed: int = 0
    warnings: int = 0
    code: str = ""
    """Why not all is well: a status as a word; empty when it is."""
    failed_uids: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Fetched({self.completed}, {self.failed}, {self.warnings}, {self.code!r})"

    def __add__(self, other: "Fetched") -> "Fetched":
        return Fetched(
            self.completed + other.completed,
            self.failed + other.failed,
            self.warnings + other.warnings,
            self.code or other.code,
            self.failed_uids + other.failed_uids,
        )

    def because(self, code: str) -> "Fetched":
        """The same with another code."""
        return replace(self, code=code)


def of_response(status: Dataset, identifier: Dataset | None) -> Fetched:
    """Read a response, pending or final."""
    code = int(status.Status)
    failed = _listed(identifier.get("FailedSOPInstanceUIDList")) if identifier is not None else ()
    return Fetched(
        completed=int(status.get("NumberOfCompletedSuboperations") or 0),
        failed=int(status.get("NumberOfFailedSuboperations") or 0),
        warnings=int(status.get("NumberOfWarningSuboperations") or 0),
        code=_word(code),
        failed_uids=failed,
    )


def _word(status: int) -> str:
    if status == _SUCCESS:
        return ""
    return "sub-operations-failed" if status == _SUB_OPERATIONS_FAILED else f"status-{status:04x}"


def _listed(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    listed: Iterable[Any] = [value] if isinstance(value, str) else value
    return tuple(str(uid) for uid in listed)
