"""`sluice simulate`: act as modalities that push studies of invented patients, or your own files."""

import itertools
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import click

from sluice.demo.errors import StudyFolderError
from sluice.demo.sent import Push, Route


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The receiver's address.")
@click.option("--port", default=11112, show_default=True, type=click.IntRange(1, 65535), help="The receiver's port.")
@click.option("--called-ae", default="SLUICE", show_default=True, help="The AE title that is called.")
@click.option("--studies", default=3, show_default=True, type=click.IntRange(1), help="How many studies to push.")
@click.option("--every", default=0.0, type=click.FloatRange(0), help="Seconds between two studies.")
@click.option(
    "--study",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Push every file below this folder instead, as one modality.",
)
def simulate(*, host: str, port: int, called_ae: str, studies: int, every: float, study: Path | None) -> None:
    """Push CT studies of invented patients, each as the scanner that made it; exit 1 if anything is not acknowledged.

    There are thirteen different studies; after the last the first comes again, as from a scanner that repeats itself.
    Ctrl-C or SIGTERM ends it after the study that is on its way.
    """
    from sluice.demo.send import push

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    missed = 0
    with tempfile.TemporaryDirectory(prefix="sluice-simulate-") as folder:
        errands = _own(study) if study else _phantom(Path(folder))
        for count, (calling_ae, files) in enumerate(itertools.islice(errands, 1 if study else studies)):
            if count and stop.wait(every):
                break
            done = push(files, Route(host, port, calling_ae, called_ae), Path(folder) / "logs")
            missed += _missed(done)
            click.echo(f"{calling_ae}: {done.count('acknowledged')} of {len(files)} acknowledged{_why(done)}")
            if stop.is_set():
                break
    if missed:
        raise click.exceptions.Exit(1)


def _phantom(folder: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
    from sluice.demo.phantom import TRAINING_SEEDS, UNSEEN_SEEDS
    from sluice.demo.studies import write_study

    for seed in itertools.cycle((*TRAINING_SEEDS, *UNSEEN_SEEDS)):
        written = write_study(folder / str(seed), seed)
        yield written.calling_ae, written.files
        for file in written.files:
            file.unlink()


def _own(folder: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
    files = tuple(sorted(file for file in folder.rglob("*") if file.is_file()))
    if not files:
        raise StudyFolderError(f"{folder} holds no files.")
    yield "SIMULATOR", files


def _missed(done: Push) -> int:
    return len(done.files) - done.count("acknowledged")


def _why(done: Push) -> str:
    reasons = [f"{count} {outcome} ({reason})" for (outcome, reason), count in sorted(done.reasons().items())]
    return f"; {', '.join(reasons)}" if reasons else ""
