"""What changes when files come back under another address: the lines of batches name packages and volumes by URI.

A batch keeps its id, which is the digest of its content; only the digest of its file changes, in its row too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, update

from handoff.database.tables import Batch, Copy, Volume
from handoff.store.store import BATCH_FILE


class Move(NamedTuple):
    """What an address began with, and what it begins with now; both without a slash at their ends."""

    before: str
    now: str


def moves(before: Sequence[str], now: Sequence[str]) -> tuple[Move, ...]:
    """What has to be replaced, the longest first, as results may lie below the store; nothing where nothing moved."""
    found = {Move(old, new) for old, new in zip(before, now, strict=True) if old != new}
    return tuple(sorted(found, key=lambda move: -len(move.before)))


def has_addresses(path: str) -> bool:
    """Whether a file of the store names others by URI."""
    return path.startswith("batches/")


def batch_of(path: str) -> str | None:
    """The batch whose row has the digest of this file."""
    parts = path.split("/")
    return parts[1] if len(parts) == 3 and parts[0] == "batches" and parts[2] == BATCH_FILE else None


def moved(blocks: Iterable[bytes], changes: Sequence[Move]) -> Iterator[bytes]:
    """Lines with their addresses replaced. URIs are plain ASCII, and a JSON string begins with a quote."""
    for line in _lines(blocks):
        yield _replaced(line, changes)


def move_rows(connection: Connection, changes: Sequence[Move], digests: dict[str, str]) -> None:
    """The same for rows; `digests` are those of the batches' files as they are now."""
    for batch, digest in digests.items():
        connection.execute(update(Batch).where(Batch.id == batch).values(file_sha256=digest))
    for change in reversed(changes):
        for column in (Volume.uri, Copy.uri):
            rest = func.substr(column, len(change.before) + 1)
            begins = func.substr(column, 1, len(change.before) + 1) == f"{change.before}/"
            connection.execute(update(column.class_).where(begins).values(uri=change.now + rest))


def _replaced(line: bytes, changes: Sequence[Move]) -> bytes:
    for change in changes:
        before = f'"{change.before}/'.encode()
        if before in line:
            return line.replace(before, f'"{change.now}/'.encode())
    return line


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n"):
            whole, rest = [*whole, rest], b""
        yield from whole
    if rest:
        yield rest
