"""A server per module, and the real clients."""

import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.handoff.running import compile_toy
from tests.integration.kubeflow_server.clients import Clients
from tests.kubeflow_server.process import KubeflowServer


@pytest.fixture(scope="session")
def toy_package(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("toy") / "toy.yaml"
    compile_toy(file)
    return file


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[KubeflowServer]:
    with KubeflowServer(tmp_path_factory.mktemp("kubeflow"), script={"running_seconds": None}) as server:
        yield server


@pytest.fixture(scope="module")
def clients(server, toy_package) -> Clients:
    return Clients(server, toy_package)


@pytest.fixture
def name() -> str:
    """A display name that no other test has."""
    return f"run-{uuid.uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def _as_usual(request):
    """After a test with faults, none are left for the next."""
    yield
    if "server" in request.fixturenames:
        usual = {"refuse": 0, "refuse_by": "both", "lose": 0, "fail": 0, "late": 0, "late_answer": "lost", "orphan": 0}
        usual |= {"slow_list_seconds": 0, "latency_seconds": [0, 0], "only": []}
        request.getfixturevalue("server").meet(**usual)


@pytest.fixture
def kfp_client():
    """Kfp's own client; it warns of versions that nobody has."""

    def make(server: KubeflowServer, **options: Any) -> Any:
        import kfp

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return kfp.Client(host=server.url, **options)

    return make
