"""One de-identifier in one process on one core: at each line of input it treats a folder, file to file.

`python deid_worker.py NAME SOURCE TARGET CORE` answers a line of JSON: milliseconds of CPU (user and system) a file.
It runs in the interpreter of the peer, so that nothing but the standard library is imported before the peer is.
"""

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

Treat = Callable[[Path, Path], object]
"""From a source file to a target file."""


def sluice(*, alike: bool) -> Treat:
    """Ours, as `sluice deid apply` calls it; without templates of series unless `alike`."""
    from processors.deid import Engine, KeyFile, Profile
    from processors.deid.folder import treat_file

    engine = Engine(Profile.load(), KeyFile("00000000", 1, b"s" * 32).project("bench"))
    if not alike:
        engine._series.filled = lambda part: None
        engine._series.learn = lambda *of: None
    passes = None

    def treat(source: Path, target: Path) -> None:
        outcome = treat_file(engine, source.parent, target.parent, Path(source.name))
        if outcome.reason is not passes:
            raise RuntimeError(outcome.reason)

    return treat


@cache
def content(source: Path) -> bytes:
    """A source file, read in the first round, which is not counted."""
    return source.read_bytes()


def sluice_in_memory() -> Treat:
    """The engine alone: bytes to chunks to write, as a worker of a delivery calls it."""
    from processors.deid import Engine, KeyFile, Profile, Treated

    engine = Engine(Profile.load(), KeyFile("00000000", 1, b"s" * 32).project("bench"))

    def treat(source: Path, target: Path) -> None:
        result = engine.treat(content(source))
        assert isinstance(result, Treated), (result, target.name)

    return treat


def dicognito(*, in_memory: bool) -> Treat:
    """Reads, anonymizes and saves a dataset, as its command does."""
    import pydicom
    from dicognito.anonymizer import Anonymizer

    anonymizer = Anonymizer(seed="bench")

    def treat(source: Path, target: Path) -> None:
        dataset = pydicom.dcmread(io.BytesIO(content(source)) if in_memory else source)
        anonymizer.anonymize(dataset)
        dataset.save_as(io.BytesIO() if in_memory else target, enforce_file_format=True)

    return treat


def dicom_anonymizer() -> Treat:
    """The function that its command calls for each file."""
    from dicomanonymizer import anonymize_dicom_file

    return lambda source, target: anonymize_dicom_file(str(source), str(target))


def deid() -> Treat:
    """Its default recipe, by the function of its guide."""
    from deid.config import DeidRecipe
    from deid.dicom import replace_identifiers

    recipe = DeidRecipe()
    return lambda source, target: replace_identifiers(
        [str(source)], deid=recipe, save=True, output_folder=str(target.parent), overwrite=True
    )


TREATS: dict[str, Callable[[], Treat]] = {
    "sluice": lambda: sluice(alike=True),
    "sluice-full-walk": lambda: sluice(alike=False),
    "sluice-in-memory": sluice_in_memory,
    "dicognito": lambda: dicognito(in_memory=False),
    "dicognito-in-memory": lambda: dicognito(in_memory=True),
    "dicom-anonymizer": dicom_anonymizer,
    "deid": deid,
}


def main(name: str, source: str, target: str, core: str) -> int:
    """Answer lines until there are no more."""
    os.sched_setaffinity(0, {int(core)})
    answers = os.fdopen(os.dup(1), "w")
    with contextlib.redirect_stdout(sys.stderr):
        treat = TREATS[name]()
        for _ in sys.stdin:
            answers.write(json.dumps(_milliseconds(treat, Path(source), Path(target))) + "\n")
            answers.flush()
    return 0


def _milliseconds(treat: Treat, source: Path, target: Path) -> list[float]:
    taken = []
    for file in target.iterdir():
        file.unlink()  # what is written anew costs less than what replaces something, for some more than for others
    for file in sorted(source.iterdir()):
        began = time.process_time_ns()
        treat(file, target / file.name)
        taken.append((time.process_time_ns() - began) / 1e6)
    return taken


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
