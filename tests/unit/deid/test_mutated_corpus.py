"""Some hundred mutated files of every kind and transfer syntax; tests/faults/deid treats a hundred thousand."""

import random
import zlib

import pytest

from processors.deid import Treated
from processors.deid.part10 import opened
from tests.standard.mutations import engine, leaked, mutated, share, sources

SEED, FILES = 1, 500


def readable(file: bytes) -> bytes:
    """A file with its data set inflated."""
    part = opened(memoryview(file))
    return bytes(part.buffer)


def test_what_is_planted_is_found_in_every_source():
    """The check itself."""
    assert all(leaked(readable(file)) for file in sources())


def test_every_source_is_treated_or_withheld_and_leaks_nothing():
    results = [engine().treat(file) for file in sources()]
    passed = [result for result in results if isinstance(result, Treated)]
    assert len(passed) > len(results) // 2
    assert not [found for result in passed if (found := leaked(b"".join(result.chunks)))]


def test_no_mutated_file_leaks_fails_or_hangs():
    tally = share(SEED, 0, FILES)
    assert not tally.leaks
    assert not tally.failures
    assert tally.passed > FILES // 20
    assert len(tally.withheld) > 8


def test_the_same_number_is_the_same_file():
    assert [mutated(random.Random(7)) for _ in range(3)] == [mutated(random.Random(7))] * 3


@pytest.mark.parametrize("planted", ["CANARY12", "canary12", "MRN-88123", "Øvregård"])
def test_a_planted_value_is_found_in_any_case(planted):
    assert leaked(b"\x10\x00" + planted.encode() + b"\0" + zlib.compress(b""))
