"""A result that cannot be recorded is not believed in the first place, so that its handoff ends."""

import os

import pytest

from handoff.contract.canonical import canonical_json
from handoff.results.verify import Expectation, ResultError, verify_result
from handoff.store.files import Folder

KEY, SPEC = "a" * 64, "b" * 64


def expect() -> Expectation:
    return Expectation(KEY, "prepare", None, frozenset({("P1", "1.2", "1.3")}), "c" * 64)


def test_a_volume_that_stands_twice_is_an_invalid_result(tmp_path):
    volume = {"uri": f"{tmp_path.as_uri()}/v", "digest": SPEC, "patient": "P1", "study": "1.2", "series": "1.3"}
    content = {"handoff_key": KEY, "kind": "prepare", "files": [], "spec_digest": SPEC, "volumes": [volume, volume]}
    (tmp_path / "result.json").write_bytes(canonical_json(content))
    with pytest.raises(ResultError, match="result-invalid"):
        verify_result(Folder(tmp_path), expect())


def test_a_result_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "result.json")
    with pytest.raises(ResultError, match="result-invalid"):
        verify_result(Folder(tmp_path), expect())


@pytest.mark.parametrize(("said", "believed"), [("c" * 64, True), ("d" * 64, False), (None, True)])
def test_a_run_of_other_code_than_its_pipeline_version_names_is_not_believed(tmp_path, said, believed):
    expected = Expectation(KEY, "infer", SPEC, frozenset(), "c" * 64)
    content = {"handoff_key": KEY, "kind": "infer", "files": [], "spec_digest": SPEC, "code_digest": said}
    (tmp_path / "result.json").write_bytes(canonical_json(content))
    if believed:
        assert verify_result(Folder(tmp_path), expected).code_digest == said
    else:
        with pytest.raises(ResultError, match="result-of-other-code"):
            verify_result(Folder(tmp_path), expected)
