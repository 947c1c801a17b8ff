"""Lines burned into made-up ultrasound, captures and radiographs, and the text detector itself: what is covered.

Image and outcome are the same in every run: chance comes from a seed, and the detector uses one thread. These seeds
are not those that thresholds were chosen with.
"""

import pytest

from tests.burned_in_images import KINDS
from tests.performance.bench_burned_in import Seen, measured
from tests.unit.deid.burned_in import test_real_detector

pytestmark = [pytest.mark.faults, test_real_detector.pytestmark]

LEAST_COVERED = 0.92
WITH_LINES = {"US": (3000, 3001, 3002), "SC": (3000, 3001, 3002), "DX": (3000, 3001)}
WITHOUT = {"US": 3501, "SC": 3501, "DX": 3501}
LINES = 6


@pytest.fixture(scope="module")
def results() -> list[Seen]:
    return measured([(kind, seed, LINES) for kind, seeds in WITH_LINES.items() for seed in seeds])


def test_nearly_all_lines_of_what_passes_are_covered_and_little_is_withheld(results):
    """What is withheld goes to a person, so nothing of it leaves."""
    passed = [each for each in results if not each.quarantined]
    planted = sum(len(each.planted) for each in passed)
    assert len(results) - len(passed) <= 1
    assert planted - sum(len(each.uncovered) for each in passed) >= LEAST_COVERED * planted


def test_no_file_passes_with_a_line_that_one_more_look_finds(results):
    assert not any(each.found for each in results)


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_every_modality_pass_cleaned(results, kind):
    assert any(not each.quarantined and each.masked for each in results if each.kind == kind)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_without_lines_passes_nearly_whole(kind):
    [clean] = measured([(kind, WITHOUT[kind], 0)])
    assert not clean.quarantined
    assert clean.masked < 0.02
