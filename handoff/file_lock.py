"""The lock of a file: one process of a machine has it, and it ends with that process, however it ends."""

import fcntl
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """A lock that is held; see `take`."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("a+", encoding="utf-8")

    @classmethod
    def take(cls, file: Path) -> "Self | None":
        """Take it if nobody has it; the file is made where it is not there."""
        lock = cls(file)
        try:
            fcntl.flock(lock._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.release()
            return None
        return lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def held(self) -> bool:
        """Always: it ends with the process alone."""
        return True

    def release(self) -> None:
        """Let others have it."""
        self._stream.close()
