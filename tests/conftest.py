"""Settings of every test: nothing of the caller's environment reaches the code under test."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _scrub_environment() -> None:
    """Remove the variables that commands read."""
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        del os.environ[name]
