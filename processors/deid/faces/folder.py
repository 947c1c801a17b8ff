"""A folder of files to a folder of the series whose faces were removed, by the same relative names."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from processors.deid.errors import OutputError
from processors.deid.faces.seen import series_of
from processors.deid.faces.step import Outcome, deface
from processors.deid.faces.verdict import VERDICTS, Verdict


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its files' relative names, and what became of it."""

    files: tuple[Path, ...]
    outcome: Outcome

    def said(self) -> dict[str, Any]:
        """What a report says of it: no value of an attribute, file names apart."""
        verdict = self.outcome.verdict
        files = [file.as_posix() for file in self.files]
        return {"verdict": verdict.value, "why": VERDICTS[verdict], **self.outcome.facts, "files": files}


def deface_folder(source: Path, files: list[Path], target: Path, *, heads_only: bool = False) -> Iterator[Series]:
    """Treat every series of `files`, whose names are relative to `source`, into `target`.

    Series that do not pass are absent there, and so is what is no DICOM file; series that are no heads are copied.

    Args:
        source: read, never written.
        files: below it.
        target: a folder of the trusted zone's that exists; written files are their owner's alone.
        heads_only: also series that are no heads are absent.

    Raises:
        OutputError: a file cannot be written.
    """
    try:
        for series in series_of(source / file for file in files):
            with TemporaryDirectory(prefix=".faces-", dir=target) as staging:
                outcome = deface(series, Path(staging))
                for file in series:
                    _put(file, target / file.relative_to(source), outcome, heads_only=heads_only)
            yield Series(tuple(file.relative_to(source) for file in series), outcome)
    except OSError as error:
        raise OutputError(f"{target} cannot be written.") from error


def _put(file: Path, to: Path, outcome: Outcome, *, heads_only: bool) -> None:
    """The file of a series, where it passes; an earlier one of the same name goes where not."""
    to.unlink(missing_ok=True)
    if not outcome.verdict.passes or (heads_only and outcome.verdict is Verdict.NOT_A_HEAD):
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if file in outcome.written:
        outcome.written[file].replace(to)
        return
    to.touch(0o600)
    shutil.copyfile(file, to)
