"""A receiver that runs short refuses early, says so everywhere, and goes on by itself; with both engines."""

import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.builders import write_ct_series
from tests.integration.receive.doctor import ask_doctor, echoscu, troubles
from tests.integration.receive.test_management import scrape
from tests.receiver_process import ReceiverProcess, storescu
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

QUICK = ("--limit", "look=50 ms", "--limit", "hold=50 ms", "--management-port", "0")


@pytest.fixture(params=["fast", "reference"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def readiness(receiver: ReceiverProcess) -> tuple[int, str]:
    answer = httpx.get(f"http://127.0.0.1:{receiver.management_port}/readyz", trust_env=False, timeout=60)
    return answer.status_code, answer.text.strip()


def confirm_everything(receiver: ReceiverProcess) -> None:
    """As if all destinations had signed."""
    with closing(sqlite3.connect(receiver.ledger, timeout=60)) as ledger, ledger:
        ledger.execute("UPDATE deliveries SET state = 'terminal'")


def test_a_backlog_refuses_until_it_is_worked_off(
    tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--engine", engine, "--limit", "backlog_objects=3", *QUICK)
    files = write_ct_series(tmp_path / "ct", slices=4)
    more = write_ct_series(tmp_path / "more", slices=3)
    with ReceiverProcess(tmp_path / "home", *options) as receiver:
        assert readiness(receiver) == (200, "ready")
        assert len(storescu(receiver.port, files).success) == 4
        wait_for(lambda: readiness(receiver) == (503, "under pressure: backlog-objects"))
        assert scrape(receiver)["sluice_pressure[('kind', 'backlog-objects')]"] == 1
        assert storescu(receiver.port, more, "-nh").refused == dict.fromkeys(more, 0xA700)
        assert echoscu(receiver.port, "CT1")
        confirm_everything(receiver)
        wait_for(lambda: readiness(receiver) == (200, "ready"))
        assert len(storescu(receiver.port, more).success) == 3
        wait_for(lambda: [line["state"] for line in receiver.events("pressure")][:2] == ["on", "off"])
        wait_for(lambda: len(receiver.events("refused")) == 3)
        told = {line["cause"] for line in receiver.events("refused")}
        assert told == {"pressure:backlog-objects"}
        wait_for(lambda: {"pressure-backlog-objects", "pressure-over"} <= set(troubles(receiver, 3)))
        causes = {str(each["cause"]) for each in ask_doctor(receiver.home, capsys)["troubles"]}
        assert {"pressure-backlog-objects", "pressure-over", "objects-refused"} <= causes


def test_without_descriptors_an_association_is_rejected_for_the_moment(tmp_path: Path, engine: str) -> None:
    files = write_ct_series(tmp_path / "ct", slices=1)
    with ReceiverProcess(tmp_path / "home", "--engine", engine, *QUICK) as receiver:
        assert receiver.process is not None
        pid = receiver.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (60, hard))
        wait_for(lambda: receiver.events("pressure"))
        rejected = storescu(receiver.port, files)
        assert "Temporary Congestion" in rejected.output
        wait_for(lambda: "congestion" in troubles(receiver, 2))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        wait_for(lambda: readiness(receiver) == (200, "ready"))
        assert len(storescu(receiver.port, files).success) == 1
