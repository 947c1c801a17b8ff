"""A result that cannot be recorded is not believed in the first place, so that its handoff ends."""

import os

import pytest

from handoff.contract.canonical import canonical_json
from handoff.results.verify import Expectation, ResultError, verify_result

KEY, SPEC = "a" * 64, "b" * 64


def expect() -> Expectation:
    return Expectation(KEY, "prepare", None, frozenset({("P1", "1.2", "1.3")}))


def test_a_volume_that_stands_twice_is_an_invalid_result(tmp_path):
    volume = {"uri": f"{tmp_path.as_uri()}/v", "digest": SPEC, "patient": "P1", "study": "1.2", "series": "1.3"}
    content = {"handoff_key": KEY, "kind": "prepare", "files": [], "spec_digest": SPEC, "volumes": [volume, volume]}
    (tmp_path / "result.json").write_bytes(canonical_json(content))
    with pytest.raises(ResultError, match="result-invalid"):
        verify_result(tmp_path, expect())


def test_a_result_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "result.json")
    with pytest.raises(ResultError, match="result-invalid"):
        verify_result(tmp_path, expect())
