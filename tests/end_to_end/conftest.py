"""One real NiFi for all end-to-end tests: `nifi` (running, session) and `nar` (the processors, session).

Tests that need a NiFi of their own, because they kill or wipe it, start one in a home of their own with
`nifi.distribution.launch.start(home)`.
"""

import contextlib
from collections.abc import Iterator

import pytest

from nifi.distribution.launch import start, stop
from nifi.distribution.state import RunningNiFi
from nifi.nar import Nar, build
from tests.start_cost import note_cost


@pytest.fixture(scope="session")
def nar() -> Nar:
    """The NAR of the processors as they are in this tree."""
    return build()


@pytest.fixture(scope="session")
def nifi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNiFi]:
    """An embedded NiFi in a home of its own, up for the whole session; `nifi.url`, `nifi.api`, `nifi.home`."""
    home = tmp_path_factory.mktemp("nifi-home")
    with contextlib.ExitStack() as ending:
        ending.callback(stop, home)
        running = start(home)
        note_cost(home, running.pid)
        yield running
