"""A token or an authority of a Kubeflow target that cannot be used is said as what it is, before anything is sent."""

import pytest

from handoff.backends.kfp import Kubeflow
from handoff.targets import KubeflowTarget

IMAGE = f"registry.example/sluice-ml@sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("setting", "content", "problem", "said"),
    [
        ("token_file", None, "kubeflow-token-missing", "missing, unreadable or empty"),
        ("token_file", "clé €\n", "kubeflow-token-missing", "one line"),
        ("cookie_file", "session=€\n", "kubeflow-token-missing", "one line"),
        ("ca_file", None, "kubeflow-ca-file", "ca_file"),
        ("ca_file", "none\n", "kubeflow-ca-file", "PEM"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_before_anything_is_sent(tmp_path, setting, content, problem, said):
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    facts = {"backend": "kfp", "endpoint": "https://127.0.0.1:1", "image": IMAGE, setting: file}
    found = Kubeflow(tmp_path, "cluster", KubeflowTarget.model_validate(facts)).probe()
    assert (found.ok, found.problem, found.passing) == (False, problem, True)
    assert said in found.remedy
