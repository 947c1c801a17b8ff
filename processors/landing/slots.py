"""Slots: empty files that are made before they are needed, so that their names are durable already.

An object is written into a slot. To make it durable takes one sync, of the file: no folder has to wait for the disk
before Success is said. Its delivery gets the file as a hard link, and the slot's own name goes when the delivery's
names are durable (`Filling.let_go`). Until then a power cut may take the delivery's folder and all that is in it: the
file is still here, and its mark and its head say where it belongs (`restore`).
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from processors.landing.durable import failed_syncs, sync_folder

MADE_AT_ONCE: Final = 16
"""They share one sync of the folder, so this many objects wait for one more sync together."""


class Slots:
    """Hands out slots, each once. Any number of threads."""

    def __init__(self, folder: Path, new_id: Callable[[], str], at_once: int = MADE_AT_ONCE) -> None:
        """Begin without any.

        Args:
            folder: Where they are made.
            new_id: A name that no other process gives.
            at_once: So many are made together.
        """
        self._folder, self._new_id, self._at_once = folder, new_id, at_once
        self._lock = Lock()
        self._free: list[str] = []

    def take(self) -> str:
        """The path of an empty file that nobody else has, whose name is durable.

        Raises:
            OSError: the disk does not take another.
        """
        with self._lock:
            if not self._free:
                self._free = self._made()
            return self._free.pop()

    def close(self) -> None:
        """Remove those that nobody has taken."""
        with self._lock:
            for path in self._free:
                with contextlib.suppress(OSError):  # empty, and the next start removes it
                    os.unlink(path)  # noqa: PTH108 - a name of ours
            self._free = []

    def _made(self) -> list[str]:
        series = self._new_id()
        failed_before = failed_syncs(self._folder)
        made: list[str] = []
        try:
            for number in range(self._at_once):
                path = f"{self._folder}/{series}.{number}.part"
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                made.append(path)
            sync_folder(self._folder, failed_before)
        except OSError:
            for path in made:
                with contextlib.suppress(OSError):  # empty, and the next start removes it
                    os.unlink(path)  # noqa: PTH108 - a name of ours
            raise
        return made
