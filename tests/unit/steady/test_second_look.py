"""A second look is for few tests with real peers, and a test that fails twice has failed."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import steady

WITH_PEER = "tests/integration/mirrors/test_webhooks.py::test_one"


class Runs:
    """Stands for pytest: its exit codes, and what failed in the first run."""

    def __init__(self, *codes: int, failed: Sequence[str] = ()) -> None:
        self.codes, self.failed = list(codes), failed
        self.asked: list[Sequence[str]] = []

    def __call__(self, arguments: Sequence[str]) -> int:
        self.asked.append(arguments)
        if self.failed and len(self.asked) == 1:
            cache = Path(arguments[-1].removeprefix("cache_dir="))
            (cache / "v" / "cache").mkdir(parents=True)
            (cache / "v" / "cache" / "lastfailed").write_text(json.dumps(dict.fromkeys(self.failed, True)))
        return self.codes.pop(0)


def test_what_passes_runs_once():
    runs = Runs(0)
    assert steady.main(["-q"], runs) == 0
    assert len(runs.asked) == 1


@pytest.mark.parametrize("second", [0, 1, 2])
def test_the_second_run_decides_and_has_only_what_failed(second, capsys):
    runs = Runs(1, second, failed=[WITH_PEER])
    assert steady.main(["-q"], runs) == second
    assert runs.asked[1] == [WITH_PEER]
    assert (f"UNSTEADY {WITH_PEER}" in capsys.readouterr().out) is (second == 0)


@pytest.mark.parametrize(
    "failed",
    [
        ["tests/unit/deid/test_marks.py::test_one"],
        ["tests/standard/test_dates.py::test_one"],
        ["tests/faults/handoff/test_outbox.py::test_one"],
        [WITH_PEER, "tests/unit/deid/test_marks.py::test_one"],
        [f"{WITH_PEER}[{number}]" for number in range(steady.MOST + 1)],
    ],
)
def test_what_has_no_peer_to_blame_and_what_fails_in_numbers_has_failed(failed):
    runs = Runs(1, failed=failed)
    assert steady.main([], runs) == 1
    assert len(runs.asked) == 1


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_an_interrupted_or_broken_run_is_not_repeated(code):
    runs = Runs(code, failed=[WITH_PEER])
    assert steady.main([], runs) == code
    assert len(runs.asked) == 1
