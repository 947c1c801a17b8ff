"""How much burned-in text is covered, and what passes: `python -m tests.performance.bench_burned_in`.

Needs the extra with the text detector. Images are made up (`tests.burned_in_images`), each kind with lines and without.
A line is covered if masks hold at least 95 % of the box of its ink. A file with a line that is not covered must be
quarantined wherever the second look finds it; one that passes all the same is counted by itself: `passed-uncovered`.

Ends in one line per figure: `name value unit of`.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from processors.deid.burned_in import Box, PixelCleaner
from processors.deid.burned_in.clean import Cleaned, Quarantined
from processors.deid.burned_in.rapidocr_detector import rapidocr_detector
from tests.burned_in_images import KINDS

_COVERED = 0.95


@dataclass(frozen=True)
class Seen:
    """What became of one image: lines planted and covered; whether it was quarantined; masked share of its pixels."""

    kind: str
    planted: int
    covered: int
    quarantined: bool
    masked: float


def covered(ink: Box, masks: tuple[Box, ...]) -> bool:
    """Whether masks hold nearly all of a line's box."""
    held = np.zeros((ink.bottom - ink.top, ink.right - ink.left), bool)
    for mask in masks:
        held[
            max(0, mask.top - ink.top) : max(0, mask.bottom - ink.top),
            max(0, mask.left - ink.left) : max(0, mask.right - ink.left),
        ] = True
    return bool(held.mean() >= _COVERED)


@lru_cache(maxsize=1)
def cleaner() -> PixelCleaner:
    """One detector a process."""
    return PixelCleaner(rapidocr_detector())


def seen(job: tuple[str, int, int, tuple[int, int]]) -> Seen:
    """Clean one image."""
    kind, seed, lines, (columns, rows) = job
    image = KINDS[kind](seed, lines=lines, **({"columns": columns, "rows": rows} if kind == "radiograph" else {}))
    outcome = cleaner().clean(image.part10)
    found = Seen(kind, lines, 0, isinstance(outcome, Quarantined), 0.0)
    if not isinstance(outcome, Cleaned):
        return found
    rows, columns = image.dataset.Rows, image.dataset.Columns
    area = np.zeros((rows, columns), bool)
    for mask in outcome.masked:
        area[mask.top : mask.bottom, mask.left : mask.right] = True
    return replace(found, covered=sum(covered(box, outcome.masked) for box in image.boxes), masked=float(area.mean()))


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20, help="of each kind, with lines (default: 20)")
    parser.add_argument("--clean", type=int, default=10, help="of each kind, without lines (default: 10)")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the work (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other images (default: 1)")
    parser.add_argument("--radiograph", default="1500x1800", help="columns and rows (default: 1500x1800)")
    parser.add_argument("--kinds", default=" ".join(KINDS), help=f"some of: {' '.join(KINDS)}")
    options = parser.parse_args()
    kinds = options.kinds.split()
    columns, rows = (int(each) for each in options.radiograph.split("x"))
    size, first = (columns, rows), options.seed * 1000
    jobs = [(kind, first + number, 3, size) for number in range(options.images) for kind in kinds]
    jobs += [(kind, first + 500 + number, 0, size) for number in range(options.clean) for kind in kinds]
    results = []
    with ProcessPoolExecutor(options.workers) as pool:
        for job, result in zip(jobs, pool.map(seen, jobs), strict=True):
            results.append(result)
            became = "quarantined" if result.quarantined else f"{result.covered} of {result.planted} covered"
            print(f"# {job[0]} {job[1]}: {became}, {result.masked:.4f} masked", flush=True)
    for kind in kinds:
        _print(kind, [each for each in results if each.kind == kind])
    _print("all", results)
    return 0


def _print(name: str, results: list[Seen]) -> None:
    planted, clean = [each for each in results if each.planted], [each for each in results if not each.planted]
    passed = [each for each in planted if not each.quarantined]
    lines, found = sum(each.planted for each in passed), sum(each.covered for each in passed)
    print(f"{name}-lines-covered {found / max(1, lines):.3f} share of {lines} lines in files that passed")
    print(f"{name}-passed-uncovered {sum(each.covered < each.planted for each in passed)} files of {len(planted)}")
    print(f"{name}-quarantined {len(planted) - len(passed)} files of {len(planted)}")
    print(f"{name}-clean-quarantined {sum(each.quarantined for each in clean)} files of {len(clean)}")
    print(f"{name}-clean-masked {sum(each.masked > 0 for each in clean)} files of {len(clean)}")
    print(f"{name}-clean-masked-area {np.mean([each.masked for each in clean] or [0]):.5f} of all pixels", flush=True)


if __name__ == "__main__":
    sys.exit(main())
