"""How much burned-in text is covered, and what passes, by modality: `make bench-text`.

Needs the extra with the text detector. Images are made up (`tests.burned_in_images`), each kind with lines and without.
A line is covered if masks hold at least 95 % of the box of its ink. A file with a line that is not covered must be
quarantined wherever the second look finds it; one that passes all the same is counted by itself: `passed-uncovered`,
and, of these, those where one more look at what passed finds the line: `passed-though-found`, which must be none.

Ends in one line per figure: `name value unit of`.
"""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from processors.deid.burned_in import Box, PixelCleaner
from processors.deid.burned_in.box import outside, share_of
from processors.deid.burned_in.clean import Cleaned, Quarantined
from processors.deid.burned_in.detector import look
from processors.deid.burned_in.header import Opened
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.rapidocr_detector import rapidocr_detector
from processors.deid.burned_in.regions import calibrated_regions
from tests.burned_in_images import KINDS, Line

_COVERED = 0.95
_PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True)
class Seen:
    """What became of one image.

    `planted` are its lines, `uncovered` those that masks leave; of a quarantined one masks are not known, so that none
    is. `by_region` are lines beside the calibrated region of an ultrasound, which need no finding. `found` says
    whether one more look finds an uncovered line of what passed. `masked` is the share of its pixels that were made
    black because something was found there, not because a region said so.
    """

    kind: str
    seed: int
    planted: tuple[Line, ...]
    uncovered: tuple[Line, ...]
    by_region: int
    quarantined: str
    found: bool
    masked: float
    seconds: float


def covered(ink: Box, masks: tuple[Box, ...]) -> bool:
    """Whether masks hold nearly all of a line's box."""
    width, height = ink.right - ink.left, ink.bottom - ink.top
    return share_of((mask.moved(-ink.left, -ink.top) for mask in masks), width, height) >= _COVERED


@lru_cache(maxsize=1)
def cleaner() -> PixelCleaner:
    """One detector a process."""
    return PixelCleaner(rapidocr_detector())


def seen(job: tuple[str, int, int]) -> Seen:
    """Clean one image of a kind and a seed, with as many lines."""
    kind, seed, lines = job
    image = KINDS[kind](seed, lines=lines)
    file = image.part10
    begin = time.process_time()
    outcome = cleaner().clean(file)
    seconds = time.process_time() - begin
    if isinstance(outcome, Quarantined):
        return Seen(kind, seed, image.lines, (), 0, outcome.reason.value, False, 0.0, seconds)
    assert isinstance(outcome, Cleaned)
    columns, rows = image.dataset.Columns, image.dataset.Rows
    kept = calibrated_regions(Opened.of(file).header, columns, rows)
    beside = outside(kept, columns, rows) if kept else ()
    uncovered = tuple(line for line in image.lines if not covered(line.box, outcome.masked))
    by_region = sum(covered(line.box, beside) for line in image.lines)
    masked = share_of(outcome.masked, columns, rows) - share_of(beside, columns, rows)
    found = _is_found(outcome.part10, uncovered)
    return Seen(kind, seed, image.lines, uncovered, by_region, "", found, masked, seconds)


def _is_found(part10: bytes | bytearray, lines: tuple[Line, ...]) -> bool:
    """Whether one more look at a file finds one of these lines."""
    if not lines:
        return False
    opened = Opened.of(bytes(part10))
    element = opened.header.elements[_PIXEL_DATA]
    pixels = memoryview(bytearray(opened.part.buffer[element.value : element.end]))
    layout = Layout.of(opened.header, native=True, words=element.vr == b"OW")
    boxes = look(rapidocr_detector(), pixels, layout, opened.header, again=True)
    return any(box.common(line.box).area for box in boxes for line in lines)


def measured(jobs: list[tuple[str, int, int]], workers: int = 1) -> list[Seen]:
    """What becomes of images, in the order of the jobs; each is told as it comes."""
    if workers == 1:
        return [_told(seen(job)) for job in jobs]
    with ProcessPoolExecutor(workers) as pool:
        return [_told(result) for result in pool.map(seen, jobs)]


def _told(result: Seen) -> Seen:
    lines = len(result.planted)
    became = f"quarantined ({result.quarantined})" if result.quarantined else f"{lines - len(result.uncovered)} covered"
    missed = "".join(f", missed {'/'.join(line.style)}" for line in result.uncovered)
    print(
        f"# {result.kind} {result.seed}: {lines} lines, {became}, {result.masked:.4f} masked,"
        f" {result.seconds:.1f} s{missed}",
        flush=True,
    )
    return result


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20, help="of each kind, with lines (default: 20)")
    parser.add_argument("--clean", type=int, default=10, help="of each kind, without lines (default: 10)")
    parser.add_argument("--lines", type=int, default=4, help="of each image that has any (default: 4)")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the work (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other images (default: 1)")
    parser.add_argument("--kinds", default=" ".join(KINDS), help=f"some of: {' '.join(KINDS)}")
    options = parser.parse_args()
    kinds, first = options.kinds.split(), options.seed * 1000
    jobs = [(kind, first + number, options.lines) for number in range(options.images) for kind in kinds]
    jobs += [(kind, first + 500 + number, 0) for number in range(options.clean) for kind in kinds]
    results = measured(jobs, options.workers)
    for kind in kinds:
        _print(kind, [each for each in results if each.kind == kind])
    _print("all", results)
    return 0


def _print(name: str, results: list[Seen]) -> None:
    planted, clean = [each for each in results if each.planted], [each for each in results if not each.planted]
    passed = [each for each in planted if not each.quarantined]
    lines, missed = sum(len(each.planted) for each in passed), sum(len(each.uncovered) for each in passed)
    print(f"{name}-lines-covered {1 - missed / max(1, lines):.3f} share of {lines} lines in files that passed")
    by_region = sum(each.by_region for each in passed)
    print(f"{name}-lines-by-region {by_region} lines of {lines}")
    print(f"{name}-passed-uncovered {sum(bool(each.uncovered) for each in passed)} files of {len(planted)}")
    print(f"{name}-passed-though-found {sum(each.found for each in passed)} files of {len(planted)}")
    print(f"{name}-quarantined {len(planted) - len(passed)} files of {len(planted)}")
    print(f"{name}-clean-quarantined {sum(bool(each.quarantined) for each in clean)} files of {len(clean)}")
    print(f"{name}-clean-masked {sum(each.masked > 0 for each in clean)} files of {len(clean)}")
    print(f"{name}-clean-masked-area {np.mean([each.masked for each in clean] or [0]):.5f} of all pixels")
    print(f"{name}-cpu {np.mean([each.seconds for each in results] or [0]):.2f} seconds an image of {len(results)}")
    for style, count in sorted(Counter(line.style for each in passed for line in each.uncovered).items()):
        print(f"# {name} missed {count} {' '.join(style)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
