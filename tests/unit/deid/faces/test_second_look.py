"""The second look refuses what leaves a face, and then nothing of the series stays in the folder."""

from dataclasses import replace

import numpy as np
import pytest

from processors.deid.faces import Verdict, step
from processors.deid.faces.cut import Cut
from processors.deid.faces.stored import Stored
from tests.unit.deid.faces.builders import Written, written


@pytest.fixture(scope="module")
def head(tmp_path_factory) -> Written:
    return written(tmp_path_factory.mktemp("head"))


def moved(cut: Cut, **by: float) -> Cut:
    return replace(cut, **{name: getattr(cut, name) + mm for name, mm in by.items()})


def refused(head: Written, out) -> None:
    assert head.deface(out).verdict is Verdict.FACE_LEFT
    assert not list(out.iterdir())


def test_a_removal_that_does_nothing_is_seen(head: Written, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Stored, "replace", lambda *_: None)
    refused(head, tmp_path / "out")


def test_one_voxel_that_stays_is_seen(head: Written, tmp_path, monkeypatch) -> None:
    whole = Stored.replace

    def all_but_one(self, frame, where, value):
        where = where & (np.cumsum(where).reshape(where.shape) < where.sum())
        whole(self, frame, where, value)

    monkeypatch.setattr(Stored, "replace", all_but_one)
    refused(head, tmp_path / "out")


@pytest.mark.parametrize("forward_mm", [25.0, 60.0])
def test_a_cut_in_front_of_the_face_is_seen(head: Written, tmp_path, monkeypatch, forward_mm: float) -> None:
    """The cut removes all that it says; only the surface tells that it was the wrong cut."""
    right = step.cut_for
    monkeypatch.setattr(step, "cut_for", lambda *given: moved(right(*given), front=-forward_mm))
    refused(head, tmp_path / "out")


def test_a_cut_that_ends_above_the_mouth_is_seen(head: Written, tmp_path, monkeypatch) -> None:
    right = step.cut_for
    monkeypatch.setattr(step, "cut_for", lambda *given: moved(right(*given), floor=100))
    refused(head, tmp_path / "out")


def test_a_voxel_that_changed_elsewhere_is_seen(head: Written, tmp_path, monkeypatch) -> None:
    """Neither header nor brain may differ from what came."""
    whole = Stored.replace

    def one_more(self, frame, where, value):
        where = where.copy()
        where[-1, -1] = True
        whole(self, frame, where, value + 1)
        whole(self, frame, where & (np.arange(where.size).reshape(where.shape) < where.size - 1), value)

    monkeypatch.setattr(Stored, "replace", one_more)
    refused(head, tmp_path / "out")


def test_what_fails_is_withheld_and_says_so(head: Written, tmp_path, monkeypatch) -> None:
    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(step, "cut_for", fails)
    out = tmp_path / "out"
    assert head.deface(out).verdict is Verdict.STEP_FAILED
    assert not list(out.iterdir())
