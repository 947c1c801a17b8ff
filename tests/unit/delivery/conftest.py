"""One trusted home a test, and one pool of real worker processes for all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors.delivery.workers import Pool
from tests.unit.delivery.trusted_home import TrustedHome


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """One worker process, started once."""
    pool = Pool(1, tmp_path_factory.mktemp("workers") / "workers.log")
    yield pool
    pool.close()


@pytest.fixture
def make_home(tmp_path: Path, pool: Pool) -> Iterator[Callable[..., TrustedHome]]:
    """Makes a home with the given rules, site file or pool."""
    made: list[TrustedHome] = []

    def make(**settings: object) -> TrustedHome:
        home = TrustedHome(tmp_path / f"trusted{len(made)}", **{"pool": pool, **settings})
        made.append(home)
        return home

    yield make
    for home in made:
        home.close()


@pytest.fixture
def home(make_home: Callable[..., TrustedHome]) -> TrustedHome:
    """A home whose rules ship every CT to the project lung."""
    return make_home()
