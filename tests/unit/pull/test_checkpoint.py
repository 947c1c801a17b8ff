"""A reactor that was asked to pause takes no answer, however late it gets the processor."""

import threading
import time

import pytest

from processors.dicom.checkpoint import AssociationEndedError, Checkpoint


class Reactor(threading.Thread):
    """pynetdicom's loop: wait at the checkpoint, then take whatever answer is there."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.checkpoint = Checkpoint(self)
        self.rounds = 0
        self.ends = False

    def run(self) -> None:
        while not self.ends:
            self.checkpoint.wait()
            time.sleep(0.0005)  # the moment in which it has been let go on and has not yet looked
            self.rounds += 1


def test_between_clear_and_set_the_reactor_stands_still() -> None:
    reactor = Reactor()
    reactor.start()
    for _ in range(200):
        reactor.checkpoint.clear()
        before = reactor.rounds
        time.sleep(0.001)
        assert reactor.rounds == before
        reactor.checkpoint.set()
    reactor.ends = True
    reactor.join(5)


def test_a_reactor_that_has_ended_is_not_waited_for() -> None:
    reactor = Reactor()
    reactor.ends = True
    reactor.start()
    reactor.join(5)
    with pytest.raises(AssociationEndedError):
        reactor.checkpoint.clear()
