"""The receiver's one writer to the ledger."""

import subprocess
import sys
from pathlib import Path

import pytest

from processors.ledger.errors import LedgerUnreadableError
from processors.ledger.writer import LedgerWriter


def test_a_ledger_that_cannot_be_opened_is_heard_of_by_whoever_starts_the_writer(tmp_path):
    """Were it heard of in the thread alone, instances would be acknowledged and never entered."""
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerUnreadableError):
        LedgerWriter(tmp_path / "ledger.db", lambda _event, _error: None)


def test_work_is_done_in_the_order_in_which_it_was_submitted_and_before_the_end(tmp_path):
    done: list[int] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda _event, _error: None)
    for number in range(100):
        writer.submit(lambda _connection, number=number: done.append(number))
    writer.close()
    assert done == list(range(100))


def test_a_fault_in_one_work_is_told_and_the_next_work_is_done(tmp_path):
    told: list[str] = []
    done: list[str] = []

    def fault(_connection):
        raise KeyError

    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, _error: told.append(event))
    writer.submit(fault)
    writer.submit(lambda _connection: done.append("next"))
    writer.close()
    assert (told, done) == (["ledger-fault"], ["next"])


def test_a_process_that_fails_beside_its_writer_ends(tmp_path: Path) -> None:
    """Who waits for its listening line would wait for ever."""
    fails = (
        "import sys; from pathlib import Path; from processors.ledger.writer import LedgerWriter\n"
        "LedgerWriter(Path(sys.argv[1]), print); raise SystemExit(3)"
    )
    ended = subprocess.run([sys.executable, "-c", fails, str(tmp_path / "ledger.db")], check=False, timeout=120)
    assert ended.returncode == 3
