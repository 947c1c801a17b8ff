"""How many patients are alike (k-anonymity): the fewer share what a stranger may know, the easier one is found.

A class is every patient who has a study of the same sex, age band, modality, body part, device, month and institution,
as these left. A patient of several studies is in several classes, and no safer than in the smallest of them.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from processors.inventory.likeness import NAMES, NOTHING, Likeness

Rows = Sequence[tuple[str, Likeness]]


@dataclass(frozen=True, slots=True)
class Rare:
    """A value that few patients have."""

    name: str
    value: str
    patients: int


@dataclass(frozen=True, slots=True)
class Hint:
    """What leaving out some attributes would make of it."""

    without: tuple[str, ...]
    smallest: int
    exposed: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; `exposed` patients are in a class of fewer than `k`."""

    k: int
    patients: int
    classes: int
    smallest: int
    exposed: int
    sizes: tuple[tuple[int, int], ...]
    """(patients of a class, classes of that size), the smallest first."""
    rare: tuple[Rare, ...]
    hints: tuple[Hint, ...]

    @property
    def share(self) -> float:
        """The part of all patients who are exposed, 0 to 1."""
        return self.exposed / self.patients if self.patients else 0.0


def report(rows: Rows, k: int) -> Report:
    """Classes, rare values, and what to leave out first.

    Hints go one attribute at a time, each time the one without which the fewest are exposed, until nobody is.
    """
    classes = _classes(rows, ())
    sizes = Counter(len(patients) for patients in classes.values())
    smallest, exposed = _judged(classes, k)
    return Report(
        k=k,
        patients=len({patient for patient, _ in rows}),
        classes=len(classes),
        smallest=smallest,
        exposed=exposed,
        sizes=tuple(sorted(sizes.items())),
        rare=_rare(rows, k),
        hints=_hints(rows, k, exposed),
    )


def _classes(rows: Rows, without: tuple[str, ...]) -> dict[tuple[str, ...], set[str]]:
    kept = [at for at, name in enumerate(NAMES) if name not in without]
    classes: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for patient, likeness in rows:
        row = likeness.row
        classes[tuple(row[at] for at in kept)].add(patient)
    return classes


def _judged(classes: dict[tuple[str, ...], set[str]], k: int) -> tuple[int, int]:
    """The smallest class, and how many patients are in one of fewer than `k`."""
    exposed: set[str] = set()
    for patients in classes.values():
        if len(patients) < k:
            exposed |= patients
    return min(map(len, classes.values()), default=0), len(exposed)


def _rare(rows: Rows, k: int) -> tuple[Rare, ...]:
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for patient, likeness in rows:
        for name, value in zip(NAMES, likeness.row, strict=True):
            holders[name, value].add(patient)
    few = [Rare(*of, len(patients)) for of, patients in holders.items() if len(patients) < k and of[1] != NOTHING]
    return tuple(sorted(few, key=lambda rare: (rare.patients, rare.name, rare.value)))


def _hints(rows: Rows, k: int, exposed: int) -> tuple[Hint, ...]:
    hints: list[Hint] = []
    without: tuple[str, ...] = ()
    while exposed and len(without) < len(NAMES):
        tried = [(*without, name) for name in NAMES if name not in without]
        found = [Hint(each, *_judged(_classes(rows, each), k)) for each in tried]
        best = min(found, key=lambda hint: hint.exposed)
        hints.append(best)
        without, exposed = best.without, best.exposed
    return tuple(hints)
