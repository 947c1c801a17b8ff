"""Invariant 1, wherever a receiver is killed: a sender that tries again has everything kept, once, byte for byte.

The receiver kills itself (SIGKILL) at a moment of a store, is started again as a supervisor would, and the sender, one
of dcmtk's, sends what it has no Success for until it has it for all.
"""

from pathlib import Path

import pytest

from tests.builders import write_ct_series
from tests.faults.receive.dies_at import MOMENTS
from tests.receiver_process import ReceiverProcess, data_set_bytes, once_each, storescu, uid_of, unfinished
from tests.waiting import wait_for

pytestmark = pytest.mark.faults

SLICES = 5
OF_AN_OBJECT = [moment for moment in MOMENTS if not moment.endswith(("seal", "evidence", "slot-goes", "slot-went"))]
BY_REFERENCE = ["in-part", "after-link", "before-response"]


class DyingReceiver(ReceiverProcess):
    """Dies at its moment in the next life, in no later one."""

    def __init__(self, home: Path, moment: str, number: int, *options: str) -> None:
        super().__init__(home, *options)
        self.next_end: tuple[str, ...] = (moment, str(number))

    def command(self, *more: str) -> list[str]:
        command = super().command(*more)
        if self.next_end:
            command[1:3] = ["-m", "tests.faults.receive.dies_at", *self.next_end]
            self.next_end = ()
        return command


@pytest.mark.parametrize(
    ("moment", "number", "engine"),
    [
        (moment, number, engine)
        for moment in MOMENTS
        for number, engine in ((1, "fast"), (3, "fast"), (2, "reference"))
        if number == 1 or moment in (OF_AN_OBJECT if engine == "fast" else BY_REFERENCE)
    ],
)
def test_a_receiver_killed_at_a_moment_of_a_store_keeps_what_it_answered_and_gets_the_rest(
    tmp_path: Path, moment: str, number: int, engine: str
) -> None:
    files = write_ct_series(tmp_path / "series", slices=SLICES)
    uids = {file: uid_of(file) for file in files}
    with DyingReceiver(tmp_path / "home", moment, number, "--engine", engine) as receiver:
        assert receiver.process is not None
        first = storescu(receiver.port, files)
        assert receiver.process.wait(120) == -9
        acknowledged = {uids[file] for file in first.success}
        if moment in OF_AN_OBJECT:
            assert len(acknowledged) < number

        receiver.start()
        kept = receiver.kept()
        assert kept == once_each(kept)
        assert acknowledged <= set(kept)
        assert len(kept) <= len(acknowledged) + 1  # one may be durable without its answer having arrived
        assert not unfinished(receiver.layout)

        missing = [file for file in files if file not in first.success]
        if missing:
            assert storescu(receiver.port, missing).success == missing
        wait_for(lambda: receiver.rows("SELECT count(*) FROM associations WHERE ending = 'open'") == [(0,)])
        assert receiver.stop() == 0
        assert receiver.kept() == once_each(uids.values())
        assert receiver.kept_bytes() == {uids[file]: data_set_bytes(file) for file in files}
        assert not unfinished(receiver.layout)
