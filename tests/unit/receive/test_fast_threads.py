"""Threads and buffers of connections are used again, and no more of them are kept than a few."""

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from processors.dicom.fast import buffers
from processors.dicom.threads import Threads
from tests.waiting import wait_for


class Served:
    """Threads that take names from a queue and serve each until it is let go."""

    def __init__(self, name: str, most_waiting: int) -> None:
        self.name = name
        self.coming: SimpleQueue[str | None] = SimpleQueue()
        self.by: dict[str, threading.Thread] = {}
        self.turned_away: list[str] = []
        self.let_go = {one: threading.Event() for one in "abcdef"}
        self.threads = Threads(name, self.coming.get, self._serve, self.turned_away.append, most_waiting)
        self.threads.start()

    def _serve(self, one: str) -> None:
        self.by[one] = threading.current_thread()
        self.let_go[one].wait(60)

    def begin(self, *ones: str) -> None:
        for one in ones:
            self.coming.put(one)
        wait_for(lambda: self.by.keys() >= set(ones))

    def end(self, *ones: str) -> None:
        for one in ones:
            self.let_go[one].set()

    def count(self) -> int:
        return sum(thread.name == self.name for thread in threading.enumerate())

    def close(self) -> None:
        self.end(*self.let_go)
        for _ in range(self.count()):
            self.coming.put(None)


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    one = Served(f"of {request.node.name}", most_waiting=2)
    yield one
    one.close()
    wait_for(lambda: one.count() == 0)


def test_one_after_the_other_makes_no_thread_but_the_first_two(served: Served) -> None:
    for one in "abcdef":
        served.begin(one)
        served.end(one)
        wait_for(lambda: served.threads._waiting == 2)
    assert len(set(served.by.values())) <= 2
    assert served.count() == 2


def test_while_all_are_served_another_thread_waits_and_only_a_few_do_afterwards(served: Served) -> None:
    served.begin(*"abcdef")
    assert len(set(served.by.values())) == 6
    wait_for(lambda: served.threads._waiting == 1)
    served.end(*"abcdef")
    wait_for(lambda: served.count() == 2)
    assert served.threads._waiting == 2


def test_without_another_thread_none_is_served_and_the_next_is_still_taken(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the last thread would be busy for an hour with one modality, and the others would not even be refused."""

    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", no_more)
        served.coming.put("a")
        wait_for(lambda: served.turned_away == ["a"])
    served.begin("b")
    assert served.turned_away == ["a"]


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
