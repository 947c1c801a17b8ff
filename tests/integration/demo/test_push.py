"""Real senders, the real receiver: what the sender's log says and what the ledger says is the same."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from processors.ledger.schema import connect_readonly
from sluice.demo import dcmsend, storescu
from sluice.demo.processes import Crew, sluice_command
from sluice.demo.run_home import CALLED_AE, RunHome, make_run_home
from sluice.demo.scanner_files import scanner_files
from sluice.demo.send import push
from sluice.demo.sent import Route
from sluice.demo.settle import look
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[RunHome, Route]]:
    run = make_run_home(tmp_path)
    command = sluice_command("receive", "--home", str(run.root), "--host", "127.0.0.1", "--port", "0")
    with Crew(run.logs) as crew:
        ready = crew.start("receiver", command).ready()
        yield run, Route("127.0.0.1", ready["port"], "OLD_SCANNERS", CALLED_AE)


@pytest.mark.parametrize("sender", [dcmsend, storescu], ids=lambda module: module.NAME)
def test_every_scanner_file_has_one_fate_and_both_sides_agree(
    receiver: tuple[RunHome, Route], sender: ModuleType, tmp_path: Path
) -> None:
    run, route = receiver
    files = scanner_files()
    assert len(files) > 100
    pushed = push(files, route, tmp_path / "logs", sender=sender)
    assert [sent.file for sent in pushed.files] == list(files)
    assert pushed.count("unanswered") == pushed.retries == 0
    assert all(sent.reason for sent in pushed.files if sent.outcome != "acknowledged")
    with closing(connect_readonly(run.site.ledger)) as ledger:
        wait_for(lambda: not look(ledger).open_associations)
        row = ledger.execute("SELECT SUM(acknowledged), SUM(refused) FROM associations").fetchone()
    assert tuple(row) == (pushed.count("acknowledged"), pushed.count("refused"))
    assert pushed.count("acknowledged") > 100
