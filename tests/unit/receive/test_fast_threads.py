"""Threads and buffers of connections are used again, and no more of them are kept than a few."""

import threading
from queue import SimpleQueue

import pytest

from processors.dicom.fast import buffers
from processors.dicom.fast.threads import Threads
from tests.waiting import wait_for


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """What only the threads of one test are called."""
    return f"of {request.node.name}"


def alive(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def served_by(threads: Threads) -> threading.Thread:
    """Which thread does a piece of work."""
    answer: SimpleQueue[threading.Thread] = SimpleQueue()
    threads.begin(lambda: answer.put(threading.current_thread()))
    return answer.get(timeout=60)


def test_one_after_the_other_is_served_by_the_same_thread(name: str) -> None:
    threads = Threads(name)
    first = served_by(threads)
    for _ in range(5):
        wait_for(lambda: threads._idle == 1)
        assert served_by(threads) is first
    threads.close()
    first.join(60)
    assert not first.is_alive()


def test_what_comes_together_is_served_together_and_only_a_few_threads_wait_afterwards(name: str) -> None:
    threads, together = Threads(name, most_idle=2), threading.Barrier(6)
    for _ in range(5):
        threads.begin(lambda: together.wait(60) and None)
    together.wait(60)
    wait_for(lambda: alive(name) == 2)
    threads.close()
    wait_for(lambda: alive(name) == 0)


def test_a_thread_that_is_busy_when_the_others_are_let_go_ends_after_its_work(name: str) -> None:
    threads, go_on = Threads(name), threading.Event()
    threads.begin(lambda: go_on.wait(60) and None)
    threads.close()
    assert alive(name) == 1
    go_on.set()
    wait_for(lambda: alive(name) == 0)


def test_a_buffer_that_was_given_back_is_used_again_and_not_all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "_idle", [])
    taken = [buffers.take(buffers.BUFFER_BYTES) for _ in range(buffers.MOST_IDLE + 3)]
    for one in taken:
        buffers.give_back(one)
    assert len(buffers._idle) == buffers.MOST_IDLE
    again = buffers.take(buffers.BUFFER_BYTES)
    assert any(again is one for one in taken)


@pytest.mark.parametrize("size", [1, 97, buffers.BUFFER_BYTES + 1])
def test_a_buffer_of_another_size_is_not_kept(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "_idle", [])
    buffers.give_back(buffers.take(size))
    assert buffers._idle == []
