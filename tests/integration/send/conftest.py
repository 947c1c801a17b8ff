"""One Orthanc for the tests of sending; each test brings its own study."""

from collections.abc import Iterator

import pytest

from tests.orthanc import Orthanc


@pytest.fixture(scope="session")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with Orthanc(tmp_path_factory.mktemp("pacs")) as running:
        yield running
