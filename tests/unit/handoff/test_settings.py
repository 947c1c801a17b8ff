"""What a site is told whose handoff.yaml cannot be used."""

import pytest

from handoff.errors import StartError
from handoff.settings import Settings


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        (
            "targets: {a: {backend: kfp-local, runs: geheim}}",
            "targets.a.kfp-local.runs (Input should be a valid integer",
        ),
        ("targets: {a: {backend: kfp, endpoint: 'http://x'}}", "targets.a.kfp.image (Field required)"),
        ("projects: {lungs: {quiet: 3}}", "projects.lungs.quiet (Extra inputs are not permitted)"),
        ("pools: {gpus: [geheim]}", "(the pool gpus names a target twice, one that is not there, or none)"),
        ("database_password_file: [geheim]", "database_password_file"),
    ],
    ids=["type", "missing", "unknown", "our own word", "a kind whose text may hold a value"],
)
def test_it_says_where_and_what_may_be_there_and_not_what_was(tmp_path, yaml, said):
    (tmp_path / "research").mkdir()
    (tmp_path / "research/handoff.yaml").write_text(yaml)
    with pytest.raises(StartError) as refused:
        Settings.load(tmp_path)
    assert said in str(refused.value)
    assert "geheim" not in str(refused.value)
