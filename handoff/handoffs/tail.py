"""The last lines of a file that may be large, and what a file grew by."""

from pathlib import Path

_BLOCK = 1 << 16
_MOST = 1 << 20
"""Bytes of one look, and the most that last lines are unless fewer are asked for."""


def last_lines(file: Path, lines: int, end: int | None = None, most_bytes: int = _MOST) -> bytes:
    """The last lines of a file, or of its first `end` bytes, read from the end; whole ones, as many as fit.

    Only a line that alone is longer than that begins in its midst.
    """
    with file.open("rb") as stream:
        start = end = stream.seek(0, 2) if end is None else end
        least = max(end - most_bytes, 0)
        found = b""
        while start > least and found.count(b"\n") <= lines:
            start = max(start - _BLOCK, least)
            stream.seek(start)
            found = stream.read(end - start)
    kept = found.splitlines(keepends=True)
    whole = kept[1:] if start > 0 and len(kept) > 1 else kept
    return b"".join(whole[-lines:]) if lines else b""


class Growing:
    """Reads what a file grew by since the last look.

    An engine that has no output, but tells of a run, writes a new file each time: of that, lines are new that the file
    before did not have.
    """

    def __init__(self, tail: int | None = None) -> None:
        self._tail = tail
        self._inode: int | None = None
        self._offset = 0
        self._lines: set[bytes] = set()

    def more(self, file: Path | None) -> bytes:
        """What is new; at most 1 MiB, the rest comes with the next look."""
        if file is None or not file.exists():
            return b""
        inode = file.stat().st_ino
        if inode == self._inode:
            with file.open("rb") as stream:
                stream.seek(self._offset)
                found = stream.read(_MOST)
            self._offset += len(found)
            return found
        first = self._inode is None
        with file.open("rb") as stream:
            found = stream.read(_MOST)
        self._inode, self._offset, before = inode, len(found), self._lines
        lines = found.splitlines(keepends=True)
        self._lines = set(lines)
        if first and self._tail is not None:
            self._offset = file.stat().st_size  # it may grow meanwhile: what comes is told by the next look
            return last_lines(file, self._tail, self._offset)
        return found if first else b"".join(line for line in lines if line not in before)
