"""Settings of every test: nothing of the caller's environment reaches the code under test.

Where tests run in several processes, all that start NiFi stay in one of them, one after another, and so do those of one
folder, which share their peers. Generated examples are the same in every run, and may take as long as they do: a busy
machine fails none.
"""

import os

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.loopback import keep_to_lane

settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(autouse=True, scope="session")
def _scrub_environment() -> None:
    """Remove the variables that commands read."""
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _own_ports() -> None:
    """Servers bind their ports seconds after these are chosen: no other lane may choose the same."""
    keep_to_lane()


@pytest.fixture(autouse=True, scope="session")
def _plain_tracebacks() -> None:
    """Show a logged exception in lines, not in frames with every local variable, which takes a minute to draw."""
    structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])


class ByNeighbours(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process a whole group of tests at a time."""

    def _split_scope(self, nodeid: str) -> str:
        """The group of a test by its path below `tests`."""
        parts = nodeid.partition("::")[0].split("/")[1:]
        return parts[0] if parts[0] in {"end_to_end", "faults"} else "/".join(parts[:2])


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByNeighbours:
    """Share the tests out."""
    return ByNeighbours(config, log)
