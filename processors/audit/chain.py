"""Records become durable, one signed batch at a time, whoever else writes and however a writer ends.

1. The lock of the chain is taken; the kernel lets go of it when its holder ends.
2. What follows the last head was cut off by a crash and vouched for by nobody: it is kept beside the file, and leaves
   the chain. Nothing that was ever signed is changed.
3. The records and their head are written at the end in one go and synced; for a new file, its folder too.

A batch that cannot be written whole is taken back, and its writer is told.
"""

import contextlib
import fcntl
import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from processors.audit.errors import AuditUnwritableError
from processors.audit.lines import HEAD, Record, digest_of, files_of, genesis, line_of, moment, record_of
from processors.audit.signer import Signer
from processors.landing.durable import sync_folder, write_all

_LOCK: Final = ".lock"
_CHUNK: Final = 1 << 16


class Tail(NamedTuple):
    """Where a chain ends: the last file, its bytes up to the last head, that head's number and digest."""

    file: Path | None
    size: int
    n: int
    digest: str


class Chain:
    """The record of one project, for those who write it."""

    def __init__(self, root: Path, project: str, signer: Signer) -> None:
        self._root, self._folder, self._project, self._signer = root, root / project, project, signer
        self._known: Tail | None = None
        self._mutex = threading.Lock()

    def append(self, records: Sequence[Record], at: float) -> Tail:
        """Make records durable under one signature; returns where the chain ends now.

        Args:
            records: without `n`, `prev` and `at`, and without any value of a patient.
            at: Unix seconds.

        Raises:
            AuditUnwritableError: they are not in the record, and nothing that they tell of may leave.
        """
        try:
            _make_private(self._root)
            _make_private(self._folder)
            with self._mutex, locked(self._folder, fcntl.LOCK_EX):
                return self._append(records, moment(at))
        except OSError as error:
            raise AuditUnwritableError(f"The audit record cannot be written: {error.strerror}.") from error

    def _append(self, records: Sequence[Record], at: str) -> Tail:
        tail = self._tail()
        day = at[:10] if tail.file is None else max(at[:10], tail.file.stem)
        file = self._folder / f"{day}.jsonl"
        start = tail.size if file == tail.file else 0
        batch, n, digest = bytearray(), tail.n, tail.digest
        for record in records:
            n += 1
            line = line_of({**record, "n": n, "prev": digest, "at": at})
            digest = digest_of(line)
            batch += line + b"\n"
        head = {"kind": HEAD, "project": self._project, "n": n + 1, "prev": digest, "at": at}
        line = line_of(self._signer.sign(head))
        batch += line + b"\n"
        self._known = None
        self._write(file, bytes(batch), start)
        self._known = Tail(file, start + len(batch), n + 1, digest_of(line))
        return self._known

    def _write(self, file: Path, batch: bytes, start: int) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                write_all(descriptor, batch)
                os.fsync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, start)
                raise
        finally:
            os.close(descriptor)
        if not start:
            sync_folder(self._folder)

    def _tail(self) -> Tail:
        """Step 2; what this process wrote last needs no second look while nobody else wrote."""
        files = files_of(self._folder)
        known = self._known
        if known and known.file and files and known.file == files[-1] and _size(known.file) == known.size:
            return known
        for file in reversed(files):
            tail = last_head(file)
            _set_aside(file, tail.size if tail else 0)
            if tail:
                return tail
            file.unlink()
        return Tail(None, 0, 0, genesis(self._project))


def last_head(file: Path) -> Tail | None:
    """The last head of a file and where it ends; None when there is none."""
    with file.open("rb") as opened:
        rest, end = b"", opened.seek(0, os.SEEK_END)
        while end or rest:
            begin = max(0, end - _CHUNK)
            opened.seek(begin)
            rest = opened.read(end - begin) + rest
            lines = rest.split(b"\n")
            at = begin + len(rest)
            whole = lines[1:] if begin else lines
            for number, line in enumerate(reversed(whole)):
                at -= len(line)
                if number and (head := record_of(line)) and head.get("kind") == HEAD:
                    return Tail(file, at + len(line) + 1, int(head["n"]), digest_of(line))
                at -= 1
            if not begin:
                return None
            end = begin
    return None


def _set_aside(file: Path, size: int) -> None:
    """Keep what follows the last head beside the file, then cut it off."""
    if _size(file) <= size:
        return
    with file.open("r+b") as opened:
        opened.seek(size)
        rest = opened.read()
        with _beside(file, size).open("xb") as kept:
            kept.write(rest)
            kept.flush()
            os.fsync(kept.fileno())
        opened.truncate(size)
        os.fsync(opened.fileno())
    sync_folder(file.parent)


def _beside(file: Path, size: int) -> Path:
    """A name of its own for each thing set aside, so that `verify` can tell what each crash left."""
    names = (f"{file.stem}.{size}{f'.{number}' if number > 1 else ''}.cut" for number in itertools.count(1))
    return next(path for name in names if not (path := file.with_name(name)).exists())


@contextlib.contextmanager
def locked(folder: Path, how: int) -> Iterator[None]:
    """Hold the lock of a chain, shared or alone (`fcntl.LOCK_SH`, `LOCK_EX`); waits for whoever has it.

    Raises:
        OSError: the lock file cannot be opened.
    """
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _make_private(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1
