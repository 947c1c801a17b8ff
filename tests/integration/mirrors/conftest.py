"""A real MLflow server for all tests of the mirror, and a handoff's database that a test changes as a worker would."""

import pytest

from tests.cutting_proxy import CuttingProxy
from tests.integration.handoff.running import compile_toy
from tests.integration.mirrors.told import Told
from tests.peers.mlflow import MlflowServer


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory):
    server = MlflowServer(tmp_path_factory.mktemp("mlflow") / "server").start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def toy_yaml(tmp_path_factory):
    return compile_toy(tmp_path_factory.mktemp("toy") / "toy.yaml")


@pytest.fixture
def proxy(mlflow):
    with CuttingProxy(mlflow.port) as proxy:
        yield proxy


@pytest.fixture
def told(tmp_path, proxy):
    with Told(tmp_path, proxy.url) as told:
        yield told
