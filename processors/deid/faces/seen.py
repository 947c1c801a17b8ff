"""What an engine is to read in place of files whose series the step for faces saw, and what the step said of them."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from processors.deid.faces.step import deface
from processors.deid.faces.stored import opened_file
from processors.deid.faces.verdict import SeriesRefusedError, Verdict


class Seen(NamedTuple):
    """The file to read, and the verdict on its series; none where the step did not look.

    `state` is the file's when the step looked.
    """

    file: Path
    verdict: Verdict | None = None
    state: tuple[int, ...] = ()

    @property
    def word(self) -> Verdict | None:
        """The verdict, if the file is still what the step saw; to be asked when it has been read."""
        return self.verdict if self.state == _state(self.file) else None


@contextmanager
def seen_in(
    staging: Path, files: Iterable[Path], alive: Callable[[], None] = lambda: None
) -> Iterator[dict[Path, Seen]]:
    """What the step says of files, by series, while this lasts; then what it wrote is removed.

    Args:
        staging: a folder of the trusted zone's to be made; what a process that was killed left there is removed.
        files: of any series; a file that cannot be read is in none.
        alive: called for each slice.

    Raises:
        OSError: the folder cannot be made or written.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        seen: dict[Path, Seen] = {}
        for number, series in enumerate(series_of(files)):
            out = staging / str(number)
            out.mkdir(mode=0o700)
            before = {file: _state(file) for file in series}
            outcome = deface(series, out, alive)
            for file in series:
                made = outcome.written.get(file)
                seen[file] = Seen(made or file, outcome.verdict, _state(made) if made else before[file])
        yield seen
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _state(file: Path) -> tuple[int, ...]:
    """What changes with a file; nothing of one that is not there."""
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def series_of(files: Iterable[Path]) -> list[list[Path]]:
    """Files by their Series Instance UID, in the order that they came in."""
    found: dict[bytes, list[Path]] = {}
    for file in files:
        try:
            with opened_file(file) as opened:
                found.setdefault(opened.header.value("SeriesInstanceUID"), []).append(file)
        except SeriesRefusedError:
            continue
    return list(found.values())
