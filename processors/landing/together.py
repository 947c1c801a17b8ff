"""Files that are written whole, as `durable.write_whole` does, many at a time: they wait for the disk together.

Algorithm:
    1. Each content is written under a temporary name.
    2. All of them are synced: a file system with a journal commits with the first, and the others find little to do.
    3. Each gets its name.
    4. Each folder that was given a name, then or before, is synced, once.
Nothing may be done that relies on them before the block has ended. If it ends with an error, some may stand and some
not, each whole; whoever asked for them asks again for all.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from processors.landing.durable import failed_syncs, sync_folder, write_all

MOST_OPEN: Final = 32
"""Files that are held open at one time; with more, those are synced first."""


class WrittenTogether:
    """A block that ends when all files that were asked for in it are durable. One thread."""

    def __init__(self) -> None:
        self._open: list[int] = []
        self._names: list[tuple[str, str]] = []
        self._folders: dict[str, None] = {}
        self._named: dict[str, set[int]] = {}

    def __enter__(self) -> Self:
        """Nothing is written yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Make them durable, unless the block has failed.

        Raises:
            OSError: the disk does not take them.
        """
        try:
            if kind is None:
                self._sync()
                failed_before = {folder: failed_syncs(folder) for folder in self._folders}
                for temporary, path in self._names:
                    os.rename(temporary, path)  # noqa: PTH104 - a path would be parsed for each
                for folder, failed in failed_before.items():
                    sync_folder(folder, failed)
                for folder, counts in self._named.items():
                    sync_folder(folder, min(counts))
        finally:
            self._close()

    def write(self, path: Path, content: bytes) -> None:
        """Have a file with this content at `path` when the block has ended: absent, as it was before, or whole.

        Raises:
            OSError: the disk does not take it.
        """
        folder, name = os.path.split(path)
        temporary = f"{folder or '.'}/.{name}.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._open.append(descriptor)
        write_all(descriptor, content)
        self._names.append((temporary, os.fspath(path)))
        self._folders[folder or "."] = None
        if len(self._open) >= MOST_OPEN:
            self._sync()

    def named(self, path: Path, failed_before: int) -> None:
        """Have the name of a file or folder that is there already be durable when the block has ended.

        Args:
            path: Which one.
            failed_before: What `failed_syncs` said of the folder around it before the name was given.
        """
        self._named.setdefault(os.fspath(path.parent), set()).add(failed_before)

    def _sync(self) -> None:
        for descriptor in self._open:
            os.fsync(descriptor)
        self._close()

    def _close(self) -> None:
        while self._open:
            os.close(self._open.pop())
