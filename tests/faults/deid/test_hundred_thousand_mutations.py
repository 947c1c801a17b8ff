"""A hundred thousand mutated files: each goes out without a planted value, or does not go out at all.

Their number and seed are the same each time; `MUTATIONS_SEED` in the environment gives other ones. A file that takes
20 s of CPU, ends its process, raises inside the engine, or needs more memory than a worker has, fails the test.
"""

import logging
import os
import resource
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.standard.mutations import Tally, share

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

FILES, SHARE = 100_000, 2_500
MEMORY = 3 << 30
"""Bytes of address space of a process, libraries included; the files have some thousand bytes each."""


def _bounded() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def test_no_mutated_file_leaks_fails_or_hangs():
    seed = int(os.environ.get("MUTATIONS_SEED", "6"))
    with ProcessPoolExecutor(2, get_context("spawn"), _bounded) as pool:
        jobs = [pool.submit(share, seed, first, SHARE) for first in range(0, FILES, SHARE)]
        tally = sum((job.result() for job in jobs), Tally())
    print(f"seed {seed}: {tally.passed} passed, slowest {tally.slowest_ms:.0f} ms, withheld {dict(tally.withheld)}")
    assert not tally.leaks
    assert not tally.failures
    assert tally.passed + sum(tally.withheld.values()) == FILES
    assert tally.passed > FILES // 20
    assert len(tally.withheld) > 15
