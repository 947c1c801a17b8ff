"""The acts of the demo, in their order, whatever they are made of."""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

from handoff.client import ProblemError
from handoff.handoffs.states import State
from sluice.demo import play as story

PARTS = "get_programs get_registry start_services make_material start_pacs push_all wait_for_receipts wait_for_studies"
PARTS += " wait_for_return look_back segmentations identifying_values sweep _count _judge _pseudonyms"


class Told:
    """A narrator that keeps the names of the stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.stages: list[str] = []

    @contextmanager
    def stage(self, name, _text):
        self.stages.append(name)
        yield


@pytest.fixture
def played(monkeypatch, tmp_path):
    """Play with parts that do nothing; the stages and the report."""

    def run(*, with_pacs: bool, inference: State = State.SUCCEEDED, refuses: bool = False):
        for name in PARTS.split():
            monkeypatch.setattr(story, name, lambda *_, **__: [])
        services = SimpleNamespace(handoff_url="http://x", receiver_port=1)
        material = SimpleNamespace(studies=(), unseen=[SimpleNamespace(files=())])
        monkeypatch.setattr(story, "start_services", lambda *_, **__: services)
        monkeypatch.setattr(story, "make_material", lambda *_: material)
        monkeypatch.setattr(story, "start_pacs", lambda *_: SimpleNamespace(add=list, http_port=1))
        monkeypatch.setattr(story, "deploy_flows", lambda *_, **__: ({}, None))
        monkeypatch.setattr(story, "segmentations", lambda _: ["seg"])
        monkeypatch.setattr(story.HandoffClient, "of_home", lambda *_: nullcontext())
        monkeypatch.setattr(story, "Learning", lambda *_: Learning(inference, refuses=refuses))
        narrator = Told()
        home = SimpleNamespace(root=tmp_path, modality=tmp_path, nifi=tmp_path, research=tmp_path)
        report = story.play(home, SimpleNamespace(check=lambda: None), narrator, with_pacs=with_pacs)
        return narrator.stages, report

    return run


class Learning:
    """Runs that all end as they are told to."""

    def __init__(self, state: State, *, refuses: bool) -> None:
        self._state, self._refuses = state, refuses

    def register_pipelines(self) -> None:
        pass

    def batch(self, _select: str) -> str:
        if self._refuses:
            raise ProblemError(422, "batch-empty", "Nothing.", "Bring some.")
        return "b"

    def run(self, *_: str, **__: object):
        return SimpleNamespace(id="h", state=self._state, made_model="m")


BEFORE = ["push", "nifi", "deliver", "count", "studies", "train"]


def test_the_acts_come_in_their_order(played):
    stages, report = played(with_pacs=False)
    assert stages == ["install", "start", "phantom", *BEFORE, "infer", "judge", "sweep"]
    assert report.segmentations == ["seg"]


def test_with_a_pacs_results_go_back_into_it(played):
    stages, report = played(with_pacs=True)
    assert stages == ["install", "start", "phantom", "pacs", *BEFORE, "infer", "return", "judge", "sweep"]
    assert set(report.urls) == {"handoff", "receiver", "pacs"}


def test_what_did_not_learn_gives_nothing_back_and_is_swept_all_the_same(played):
    stages, report = played(with_pacs=True, inference=State.FAILED)
    assert stages == ["install", "start", "phantom", "pacs", *BEFORE, "sweep"]
    assert report.segmentations == []


def test_what_the_handoff_refuses_is_a_gap_and_no_end(played):
    stages, report = played(with_pacs=False, refuses=True)
    assert stages[-2:] == ["train", "sweep"]
    assert report.gaps == ["the handoff refused: 422 batch-empty: Nothing.. Bring some."]
