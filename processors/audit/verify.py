"""Whether a chain is whole: what was changed, lost, put elsewhere or never vouched for, and where.

Each line is read once and in order, so time is linear in bytes and memory is that of one batch. After a fault the
chain is followed from where it goes on, so that one fault does not hide the next.
"""

import fcntl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from processors.audit.chain import locked
from processors.audit.cuts import Place, cuts_of, is_torn, place_of
from processors.audit.errors import AuditUnreadableError
from processors.audit.lines import HEAD, Record, digest_of, files_of, genesis, record_of
from processors.audit.signer import Trusted


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a chain."""

    code: str
    """`changed`, `missing`, `order`, `signature`, `unsigned`, `altered`; of `witnesses`: `no-record`."""
    where: str
    """File and line, or what the ledger names."""
    says: str


@dataclass(slots=True)
class Verdict:
    """What was found of one chain."""

    project: str
    records: int = 0
    heads: int = 0
    n: int = 0
    digest: str = ""
    faults: list[Fault] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    """Files of what was cut off; that which is not what a crash leaves is among the faults too."""


def verify(
    root: Path,
    project: str,
    trusted: Trusted,
    *,
    each: Callable[[Record], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Follow one chain from its first record to its last head.

    Args:
        root: the folder of all chains.
        project: whose chain.
        trusted: by whose keys heads are believed.
        each: told of every record that a believed head vouches for.
        progress: told how many bytes were read since it was last told.

    Raises:
        AuditUnreadableError: a file cannot be read.
    """
    found = Verdict(project, digest=genesis(project))
    walk = _Walk(found, trusted, each)
    try:
        files, cuts = _as_of_now(root / project)
        aside = _Aside(cuts, found, trusted)
        for file, size in files:
            at = 0
            for number, line in _lines(file, size):
                aside.judge_until(Place(file.stem, at))
                walk.line(f"{file.name}:{number}", line)
                at += len(line) + 1
                progress(len(line) + 1)
        aside.judge_until(None)
    except OSError as error:
        raise AuditUnreadableError(f"The audit record of {project} cannot be read: {error.strerror}.") from error
    walk.end()
    return found


class _Walk:
    """One pass over the lines of a chain; `batch` waits for the head that vouches for it."""

    def __init__(self, found: Verdict, trusted: Trusted, each: Callable[[Record], None]) -> None:
        self._found, self._trusted, self._each = found, trusted, each
        self._batch: list[Record] = []
        self._whole = True
        self._before = "the beginning"
        self._where = "the beginning"

    def line(self, where: str, line: bytes) -> None:
        found = self._found
        record = record_of(line)
        if record is None:
            self._fault("changed", where, "this line is no record")
        elif record["n"] != found.n + 1:
            self._numbered(where, record["n"])
        elif record.get("prev") != found.digest:
            self._fault("changed", where, f"it does not follow {self._where}: one of the two was changed")
        found.n = record["n"] if record else found.n + 1
        found.digest, self._where = digest_of(line), where
        if record is None:
            return
        if record.get("kind") != HEAD:
            found.records += 1
            self._batch.append(record)
            return
        found.heads += 1
        self._head(where, record)

    def _numbered(self, where: str, n: int) -> None:
        expected = self._found.n + 1
        if n > expected:
            gone = f"record {expected}" if n == expected + 1 else f"records {expected} to {n - 1}"
            self._fault("missing", where, f"{gone} should stand before it")
        else:
            self._fault("order", where, f"record {n} stands where {expected} should")

    def _head(self, where: str, head: Record) -> None:
        if head.get("project") != self._found.project:
            self._fault("order", where, "it is the head of another project's chain")
        elif not self._trusted.vouch(head):
            self._fault("signature", where, f"no trusted key signed it (it names key {head.get('key')!s:.40})")
        if self._whole:
            for record in self._batch:
                self._each(record)
        self._batch, self._whole = [], True

    def _fault(self, code: str, where: str, says: str) -> None:
        self._whole = False
        self._found.faults.append(Fault(code, where, says))

    def end(self) -> None:
        if self._batch:
            count = len(self._batch)
            says = f"{count} records after the last head: an append was cut off, or the head was taken away"
            self._fault("unsigned", self._where, says)


class _Aside:
    """What was set aside, judged by the chain as it was where it was cut off."""

    def __init__(self, cuts: list[Path], found: Verdict, trusted: Trusted) -> None:
        self._waiting, self._found, self._trusted = cuts, found, trusted

    def judge_until(self, place: Place | None) -> None:
        """Judge what was cut off before a place that the walk has come to; None: the end."""
        while self._waiting and (place is None or place_of(self._waiting[0]) <= place):
            cut, found = self._waiting.pop(0), self._found
            found.cut.append(cut.name)
            if not is_torn(cut.read_bytes(), found.n, found.digest, self._trusted):
                says = "this is not what a crash leaves: a signed end of the chain was altered, and then set aside"
                found.faults.append(Fault("altered", cut.name, says))


def _as_of_now(folder: Path) -> tuple[list[tuple[Path, int]], list[Path]]:
    """The files and their sizes, and what was set aside, while nobody writes; later writing is not looked at."""
    if not folder.is_dir():
        return [], []
    with locked(folder, fcntl.LOCK_SH):
        return [(file, file.stat().st_size) for file in files_of(folder)], cuts_of(folder)


def _lines(file: Path, size: int) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            if size <= 0:
                return
            size -= len(line)
            yield number, line.removesuffix(b"\n")
