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
    """The file to read, and the verdict on its series; none where the step did not look."""

    file: Path
    verdict: Verdict | None = None


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
            outcome = deface(series, out, alive)
            seen |= {file: Seen(outcome.written.get(file, file), outcome.verdict) for file in series}
        yield seen
    finally:
        shutil.rmtree(staging, ignore_errors=True)


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
