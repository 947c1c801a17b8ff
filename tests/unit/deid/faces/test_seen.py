"""The word of the step holds for the files that it saw, and a folder may hold anything."""

import os
from pathlib import Path

import pytest

from processors.deid.faces import Outcome, Verdict, seen
from processors.deid.faces.seen import Seen, seen_in
from tests.standard.corpus import ct, encoded


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "slice").write_bytes(encoded(ct()))
    return tmp_path / "slice"


def test_a_file_that_changed_after_the_look_has_no_verdict(file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(seen, "deface", lambda *_: Outcome(Verdict.NOT_A_HEAD))
    with seen_in(tmp_path / "staging", [file]) as found:
        assert found[file].word is Verdict.NOT_A_HEAD
        other = tmp_path / "other"
        other.write_bytes(file.read_bytes())
        other.replace(file)
        assert found[file].word is None


def test_what_the_step_wrote_has_its_verdict_whatever_becomes_of_the_original(
    file: Path, tmp_path: Path, monkeypatch
) -> None:
    def deface(files, out, _):
        (out / "made").write_bytes(b"without a face")
        return Outcome(Verdict.DEFACED, {files[0]: out / "made"})

    monkeypatch.setattr(seen, "deface", deface)
    with seen_in(tmp_path / "staging", [file]) as found:
        file.unlink()
        assert found[file].word is Verdict.DEFACED


def test_what_nobody_looked_at_has_no_verdict(file: Path) -> None:
    assert Seen(file).word is None


def test_a_pipe_is_in_no_series_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert seen.series_of([tmp_path / "pipe"]) == []
