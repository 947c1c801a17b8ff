"""A folder of files to a folder of de-identified files of the same relative names; what does not pass is absent."""

import logging
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from processors.deid.burned_in.cleaner import pixel_cleaner
from processors.deid.engine import Engine, Treated, Withheld
from processors.deid.errors import FolderError, OutputError, WorkerDiedError
from processors.deid.faces.seen import Seen, seen_in
from processors.deid.files import content, write
from processors.deid.keys import ProjectKeys
from processors.deid.profile import Profile
from processors.deid.reasons import Reason

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Made:
    """What a record says of a cleaned instance: pseudonyms, digests, counts and codes alone."""

    digest: str
    instance: str
    actions: dict[str, int]
    performed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: `reason` is None when it passed, else `made` is."""

    file: str
    reason: str | None
    made: Made | None = None


def silence() -> None:
    """Keep libraries from quoting values of patients in warnings and logs."""
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


def files_of(folder: Path) -> list[Path]:
    """Every file below a folder, relative to it, in a stable order; links to folders are not followed."""
    return sorted(
        (Path(here) / name).relative_to(folder)
        for here, _, names in os.walk(folder, followlinks=False)
        for name in names
    )


def check(source: Path, target: Path) -> None:
    """IN can be read, OUT can be made, and neither is inside the other.

    Raises:
        FolderError: if not so.
    """
    source, target = source.resolve(), target.resolve()
    if not source.is_dir():
        raise FolderError(f"{source} is no folder.")
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise FolderError("IN and OUT overlap.")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"{target} cannot be made.") from error


def apply(
    source: Path,
    target: Path,
    profile: Profile,
    keys: ProjectKeys,
    *,
    workers: int = 1,
    device_rules: Path | None = None,
) -> Iterator[Outcome]:
    """De-identify every file below `source` into `target`; outcomes come in the order of `files_of`.

    Args:
        source: read, never written.
        target: written.
        profile: what shall happen.
        keys: of the project.
        workers: processes.
        device_rules: file of rules for devices whose burned-in text is known.

    Raises:
        SignatureRulesError: those rules cannot be used.
        OutputError: a cleaned file cannot be written.
        WorkerDiedError: a worker process ended.
    """
    files = files_of(source)
    with ExitStack() as stack:
        faces = _faces(source, files, stack) if profile.clean.visual_features else {}
        if workers <= 1:
            engine = Engine(profile, keys, pixel_cleaner(profile, device_rules))
            for file in files:
                yield treat_file(engine, source, target, file, faces.get(file))
            return
        starting = (profile, keys, device_rules)
        pool = stack.enter_context(ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, starting))
        batches = (files[first : first + _BATCH] for first in range(0, len(files), _BATCH))
        jobs = ((source, target, [(file, faces.get(file)) for file in batch]) for batch in batches)
        try:
            for outcomes in pool.map(_treat_batch, jobs):
                yield from outcomes
        except BrokenProcessPool as error:
            raise WorkerDiedError("A worker process ended before its work.") from error


def _faces(source: Path, files: list[Path], stack: ExitStack) -> dict[Path, Seen]:
    """What the step for faces says, by relative names; what it wrote stays as long as the stack."""
    try:
        staging = Path(stack.enter_context(TemporaryDirectory(prefix="sluice-faces-"))) / "series"
        seen = stack.enter_context(seen_in(staging, [source / file for file in files]))
    except OSError as error:
        raise OutputError("The folder for temporary files cannot be written.") from error
    return {file.relative_to(source): each for file, each in seen.items()}


_engine: list[Engine] = []
"""The engine of a worker process."""


def _start_worker(profile: Profile, keys: ProjectKeys, device_rules: Path | None) -> None:
    silence()
    _engine[:] = [Engine(profile, keys, pixel_cleaner(profile, device_rules))]


def _treat_batch(job: tuple[Path, Path, list[tuple[Path, Seen | None]]]) -> list[Outcome]:
    source, target, files = job
    return [treat_file(_engine[0], source, target, file, face) for file, face in files]


def treat_file(engine: Engine, source: Path, target: Path, file: Path, face: Seen | None = None) -> Outcome:
    """De-identify one file; an earlier output of the same name goes when it does not pass.

    `face` is what the step for faces made of it and said of its series, if it looked.
    """
    written = target / file
    result = _treated(engine, face or Seen(source / file))
    try:
        if isinstance(result, Withheld):
            written.unlink(missing_ok=True)
            return Outcome(file.as_posix(), result.reason)
        _write(written, result)
    except OSError as error:
        raise OutputError(f"{target} cannot be written.") from error
    made = Made(result.digest, result.sop_instance_uid, result.actions, result.performed)
    return Outcome(file.as_posix(), None, made)


def _treated(engine: Engine, seen: Seen) -> Treated | Withheld:
    try:
        read = content(seen.file)
    except OSError:
        return Withheld(Reason.UNREADABLE.value)
    return engine.treat(read, seen.word)


def _write(file: Path, treated: Treated) -> None:
    """Write beside the name, then rename: no reader ever sees half a file."""
    part = f"{file.parent}/.{file.name[:200]}.part"
    try:
        opened = _made(part)
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = _made(part)
    try:
        write(opened, treated.chunks)
    finally:
        os.close(opened)
    os.replace(part, file)  # noqa: PTH105 - no object for each name: this is done for every slice


def _made(part: str) -> int:
    return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
