"""Settings of every test: nothing of the caller's environment reaches the code under test.

Where tests run in several processes, all that start NiFi stay in one of them, one after another, and so do those of one
folder, which share their peers.
"""

import os
from pathlib import Path

import pytest
import structlog


@pytest.fixture(autouse=True, scope="session")
def _scrub_environment() -> None:
    """Remove the variables that commands read."""
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _plain_tracebacks() -> None:
    """Show a logged exception in lines, not in frames with every local variable, which takes a minute to draw."""
    structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])


_TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the group of each test, which one process runs."""
    for item in items:
        parts = item.path.relative_to(_TESTS).parts
        group = parts[0] if parts[0] in {"end_to_end", "faults"} else "/".join(parts[:2])
        item.add_marker(pytest.mark.xdist_group(group))
