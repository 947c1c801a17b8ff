"""A result that cannot be recorded is not believed in the first place, so that its handoff ends."""

import hashlib
import os
import pickle

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


@pytest.mark.parametrize(
    ("content", "reason"),
    [(pickle.dumps({"w": 1.0}), "model-is-pickle"), (b"weights", "model-not-weights")],
    ids=["a pickle", "what nobody can look into"],
)
def test_a_model_that_is_more_than_weights_is_not_believed(tmp_path, content, reason):
    (tmp_path / "m.bin").write_bytes(content)
    file = {"path": "m.bin", "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "role": "model"}
    result = {"handoff_key": KEY, "kind": "train", "spec_digest": SPEC, "model": {"name": "m", "file": "m.bin"}}
    result["files"] = [{**file, "media_type": "application/octet-stream"}]
    (tmp_path / "result.json").write_bytes(canonical_json(result))
    with pytest.raises(ResultError, match=reason):
        verify_result(Folder(tmp_path), Expectation(KEY, "train", SPEC, frozenset(), "c" * 64))
