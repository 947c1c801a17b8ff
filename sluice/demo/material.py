"""What the demo's modalities push: the phantom's studies, real scanners' files, and a scanner that repeats itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.demo.errors import StudyFolderError
from sluice.demo.phantom import TRAINING_SEEDS, UNSEEN_SEEDS
from sluice.demo.scanner_files import scanner_files
from sluice.demo.studies import Study, write_study

REPEATED_FILES = 8
"""How many slices the first scanner sends a second time, as scanners do whose first answer was lost."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What one modality sends over one association, and for whom it says it speaks."""

    title: str
    calling_ae: str
    files: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Material:
    """All that will be pushed, in order, and the truth that stays behind.

    Attributes:
        training: annotated studies.
        unseen: studies whose annotation is never sent; inference is judged on them.
        own: files of the user's folder, in place of the unseen studies.
    """

    training: tuple[Study, ...]
    unseen: tuple[Study, ...]
    own: tuple[Path, ...] = ()

    def errands(self) -> Iterator[Errand]:
        """One association each."""
        for study in (*self.training, *self.unseen):
            yield Errand(f"study {study.seed}", study.calling_ae, study.files)
        if self.own:
            yield Errand("your study", "SLUICE_DEMO", self.own)
        else:
            yield Errand("pydicom's scanner files", "OLD_SCANNERS", scanner_files())
        first = self.training[0]
        yield Errand(f"study {first.seed} in part again", first.calling_ae, first.files[:REPEATED_FILES])

    @property
    def studies(self) -> tuple[Study, ...]:
        """Every phantom study that is pushed."""
        return self.training + self.unseen


def make_material(folder: Path, own: Sequence[Path] = ()) -> Material:
    """Write the phantom below `folder`; the user's own files take the place of its unseen patients."""
    training = tuple(write_study(folder / str(seed), seed) for seed in TRAINING_SEEDS)
    unseen = () if own else tuple(write_study(folder / str(seed), seed) for seed in UNSEEN_SEEDS)
    return Material(training, unseen, tuple(own))


def own_files(folder: Path) -> tuple[Path, ...]:
    """Every file below the folder, sorted by path.

    Raises:
        StudyFolderError: there is none, or the folder cannot be read.
    """
    try:
        files = tuple(sorted(file.resolve() for file in folder.rglob("*") if file.is_file()))
    except OSError as error:
        raise StudyFolderError(f"{folder} cannot be read ({error.strerror}).") from error
    if not files:
        raise StudyFolderError(f"{folder} is no folder with files.")
    return files
