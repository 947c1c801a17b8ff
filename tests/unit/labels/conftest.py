"""One hospital for all tests that only read it, and a file to import."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors.delivery.workers import Pool
from tests.unit.labels.hospital import Hospital


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """Made once; imports add documents to it and change nothing else."""
    folder = tmp_path_factory.mktemp("hospital")
    pool = Pool(1, folder / "workers.log")
    made = Hospital.make(folder / "trusted", pool)
    yield made
    made.home.close()
    pool.close()


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines as a CSV file."""

    def write(*lines: str) -> Path:
        file = tmp_path / "labels.csv"
        file.write_text("\n".join(lines) + "\n", "utf-8")
        return file

    return write
