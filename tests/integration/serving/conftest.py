"""A prepared batch, and a server of one model for the tests that leave it alone."""

import pytest

from tests.integration.serving.served import make_material, serving


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def server(material):
    with serving(material) as server:
        yield server
