"""Invariant 1: what was answered with Success survives kill -9, exactly once, by the sender's own log."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import write_ct_series
from tests.receiver_process import ReceiverProcess, Storescu, data_set_bytes, once_each, storescu, uid_of, unfinished

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(("slices", "acknowledged_before"), [(300, 1), (300, 37), (900, 600)])
def test_what_the_sender_has_success_for_is_in_the_landing_exactly_once_after_kill_9(
    tmp_path: Path, slices: int, acknowledged_before: int
) -> None:
    files = write_ct_series(tmp_path / "series", slices=slices)
    uids = {file: uid_of(file) for file in files}
    with ReceiverProcess(tmp_path / "home") as receiver:
        with Storescu(receiver.port, files) as sender:
            sender.until(acknowledged_before)
            receiver.kill()
            first = sender.finish()
        acknowledged = {uids[file] for file in first.success}
        assert acknowledged_before <= len(acknowledged) < len(files)

        receiver.start()
        kept = receiver.kept()
        assert kept == once_each(kept)
        assert acknowledged <= set(kept)
        assert len(kept) <= len(acknowledged) + 1  # one may be durable without its answer having arrived
        assert not unfinished(receiver.layout)

        again = storescu(receiver.port, files)
        assert len(again.success) == len(files)
        assert receiver.stop() == 0
        assert receiver.kept() == once_each(uids.values())
        assert receiver.kept_bytes() == {uids[file]: data_set_bytes(file) for file in files}
        assert receiver.rows("SELECT count(*) FROM instances WHERE disposition = 'duplicate'") == [(len(kept),)]
        assert receiver.rows("SELECT ending FROM associations ORDER BY opened_at") == [("lost",), ("released",)]
        assert reconcile(receiver.home) == 0


def test_duplicates_that_were_acknowledged_are_counted_after_kill_9(tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "series", slices=30)
    with ReceiverProcess(tmp_path / "home") as receiver:
        storescu(receiver.port, files)
        with Storescu(receiver.port, [*files, *write_ct_series(tmp_path / "more", slices=100)]) as sender:
            sender.until(40)
            receiver.kill()
        receiver.start()
        assert receiver.rows("SELECT count(*) FROM instances WHERE disposition = 'duplicate'") == [(30,)]
        assert receiver.stop() == 0
        assert reconcile(receiver.home) == 0


def test_a_ledger_that_is_lost_is_made_anew_from_the_landing(tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "series", slices=20)
    with ReceiverProcess(tmp_path / "home") as receiver:
        storescu(receiver.port, files)
        storescu(receiver.port, files)
        receiver.stop()
        tables = ("associations", "deliveries", "instances")
        before = {table: receiver.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables}
        for file in receiver.ledger.parent.glob("ledger.db*"):
            file.unlink()
        subprocess.run([sys.executable, "-m", "sluice", "ledger", "rebuild", "--home", receiver.home], check=True)
        for table in ("deliveries", "instances"):
            assert len(receiver.rows(f"SELECT * FROM {table}")) == len(before[table])
        endings = "SELECT id, ending, acknowledged, peer FROM associations ORDER BY id"
        assert [row[1:] for row in receiver.rows(endings)] == [("released", 20, "127.0.0.1")] * 2
        assert reconcile(receiver.home) == 0


def reconcile(home: Path) -> int:
    """The exit code of `sluice ledger reconcile`."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice", "ledger", "reconcile", "--json", "--home", home],
        check=False,
        capture_output=True,
        text=True,
    )
    print(done.stdout, done.stderr)
    return done.returncode
