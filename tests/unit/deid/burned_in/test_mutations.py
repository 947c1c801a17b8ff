"""Whatever becomes of a file's bytes: it is quarantined, or its line is black, and nothing is raised."""

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from processors.deid.burned_in import Cleaned, PixelCleaner, Quarantined, Untouched
from tests.unit.deid.burned_in.builders import LINE, Knows, compressed, file_of, image, read

FILES = {
    "native": file_of(image("RGB", frames=2), ExplicitVRLittleEndian),
    "implicit": file_of(image(allocated=16, stored=12), ImplicitVRLittleEndian),
    "shared chrominance": file_of(image("YBR_FULL_422")),
    "run lengths": compressed(image(allocated=16, frames=2), RLELossless),
}


def mutated(file: bytes, chance: np.random.Generator) -> bytes:
    """Some bytes behind the preamble changed, and sometimes a run of them cut out or doubled."""
    changed = bytearray(file)
    for _ in range(int(chance.integers(1, 4))):
        changed[int(chance.integers(132, len(changed)))] = int(chance.integers(256))
    at, size = int(chance.integers(132, len(changed))), int(chance.integers(1, 40))
    match int(chance.integers(6)):
        case 0:
            del changed[at : at + size]
        case 1:
            changed[at:at] = changed[at : at + size]
    return bytes(changed)


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_a_mutated_file_is_quarantined_or_clean(file):
    chance = np.random.default_rng(11)
    outcomes = {Cleaned: 0, Quarantined: 0, Untouched: 0}
    for _ in range(400):
        detector = Knows()
        result = PixelCleaner(detector).clean(mutated(file, chance))
        outcomes[type(result)] += 1
        if isinstance(result, Cleaned):
            made = read(bytes(result.part10))
            assert made.BurnedInAnnotation == "NO"
            assert detector.looks[-1][:2] == (made.Rows, made.Columns)
            assert result.masked in ((), (LINE,))
    assert outcomes[Cleaned] > 50
    assert outcomes[Quarantined] > 50
    assert outcomes[Untouched] == 0
