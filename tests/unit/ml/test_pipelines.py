"""The committed YAML is what the graphs compile to, and a version means its code."""

import shutil
from pathlib import Path

import pytest
import yaml

from handoff.contract.result import WITH_MODEL
from ml.pipelines.registry import ML, NAMES, code_digest, registry

CONTRACT = {"batch_uri", "handoff_key", "result_uri"}


@pytest.mark.filterwarnings("ignore")  # kfp 2.17 and its dependencies warn about each other at import
def test_the_committed_yaml_is_what_the_graphs_compile_to(tmp_path: Path) -> None:
    """When this fails: `python -m ml.pipelines.compile`."""
    from ml.pipelines.compile import GRAPHS, compile_all

    compile_all(tmp_path)
    assert set(GRAPHS) == set(NAMES)
    for name in NAMES:
        assert (tmp_path / f"{name}.yaml").read_text() == registry()[name].yaml.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_pipeline_takes_the_inputs_of_the_contract(name: str) -> None:
    graph = yaml.safe_load(registry()[name].yaml.read_text())
    inputs = graph["root"]["inputDefinitions"]["parameters"]
    required = {key for key, value in inputs.items() if not value.get("isOptional")}
    assert required == (CONTRACT | {"model_uri"} if name in WITH_MODEL else CONTRACT)


@pytest.mark.parametrize("name", NAMES)
def test_no_pipeline_installs_anything_or_names_a_site(name: str) -> None:
    text = registry()[name].yaml.read_text()
    assert "pip install" not in text
    assert "://" not in text


def test_the_code_digest_sees_sources_and_specs_and_nothing_else(tmp_path: Path) -> None:
    copy = tmp_path / "ml"
    shutil.copytree(ML, copy, ignore=shutil.ignore_patterns("__pycache__"))
    digest = code_digest(copy)
    assert digest == code_digest()
    (copy / "notes.txt").write_text("nothing")
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "x.pyc").write_text("nothing")
    assert code_digest(copy) == digest
    spec = copy / "preprocessing" / "specs" / "ct-body.yaml"
    spec.write_text(spec.read_text() + "\n")
    changed = code_digest(copy)
    (copy / "errors.py").write_text("")
    assert len({digest, changed, code_digest(copy)}) == 3
