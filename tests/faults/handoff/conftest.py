"""A compiled toy pipeline."""

import pytest

from tests.integration.handoff.running import compile_toy


@pytest.fixture(scope="session")
def toy_yaml(tmp_path_factory):
    return compile_toy(tmp_path_factory.mktemp("toy") / "toy.yaml")
