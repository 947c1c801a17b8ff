"""One trusted home a test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.delivery.trusted_home import TrustedHome


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[..., TrustedHome]]:
    """Makes a home with the given rules, site file or worker module."""
    made: list[TrustedHome] = []

    def make(**settings: str) -> TrustedHome:
        home = TrustedHome(tmp_path / f"trusted{len(made)}", **settings)
        made.append(home)
        return home

    yield make
    for home in made:
        home.close()


@pytest.fixture
def home(make_home: Callable[..., TrustedHome]) -> TrustedHome:
    """A home whose rules ship every CT to the project lung."""
    return make_home()
