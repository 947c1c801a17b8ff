"""The peers file as it is now: read again when its content changes, and only taken if it is sound as a whole.

A file that cannot be used, or that has become empty, changes nothing: what held before still holds, and the fault is
told once. Readers see either the old peers or the new ones, never a mixture.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from processors.errors import PeersFileError
from processors.peers import Peers


class PeersWatch:
    """The peers that hold. Any thread."""

    def __init__(self, file: Path, broken: Callable[[str], object], changed: Callable[[Peers], object]) -> None:
        """Read the file for the first time.

        Args:
            file: The peers file.
            broken: Told why a new file is not taken, once for each content.
            changed: Told the new peers, once they hold.

        Raises:
            PeersFileError: there is no such file, or it cannot be used.
        """
        self._file, self._broken, self._changed = file, broken, changed
        self._lock = threading.Lock()
        self._seen = _content(file)  # before it is read: what comes meanwhile is read again
        self._peers = Peers.read(file)
        self.is_sound = True

    def current(self) -> Peers:
        """The peers that hold, after a look at the file. Never raises."""
        self.look()
        return self._peers

    def look(self) -> None:
        """Read the file if its content is another than last time. Never raises."""
        with self._lock:
            seen = _content(self._file)
            if seen == self._seen:
                return
            self._seen = seen
            try:
                peers = Peers.read(self._file)
            except PeersFileError as error:
                self._keep_old(str(error))
                return
            if self._peers.senders and not peers.senders:  # very likely it is being written at this moment
                self._keep_old(f"{self._file} names nobody who may send any more.")
                return
            self._peers = peers
            self.is_sound = True
            self._changed(peers)

    def _keep_old(self, why: str) -> None:
        self.is_sound = False
        self._broken(why)


def _content(file: Path) -> bytes:
    """What the file holds; nothing when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
