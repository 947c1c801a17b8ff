"""A compiled toy pipeline and running services."""

import pytest

from tests.integration.handoff.running import CODE, compile_toy, running


@pytest.fixture(scope="session")
def toy_yaml(tmp_path_factory):
    return compile_toy(tmp_path_factory.mktemp("toy") / "toy.yaml")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service without a worker, shared by the tests of a module."""
    with running(tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
def working(tmp_path_factory, toy_yaml):
    """A service with its worker and the toy pipeline."""
    with running(tmp_path_factory.mktemp("home"), worker=True) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        yield service
