"""A service on a home of its own, in this process."""

import pytest

from handoff.service import Service
from handoff.settings import Settings


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service.open(Settings.load(tmp_path_factory.mktemp("home")))
    yield service
    service.database.close()
