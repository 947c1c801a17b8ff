"""Anybody's pipeline that keeps the contract runs: one of strangers prepares, and the template trains on it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.cli.connection import Asking
from handoff.client import ProblemError
from tests.integration.handoff.running import CODE, annotated_study, running

pytestmark = pytest.mark.integration
QUICK_START = Path(__file__).parents[3] / "docs" / "quick-start-ml.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home"), worker=True) as service:
        annotated_study(service, "P0001")
        annotated_study(service, "P0002")
        yield service


def lines_of(language: str) -> str:
    """What the quick start has in a block of this language."""
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", QUICK_START.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return block


@pytest.fixture(scope="module")
def desk(service, tmp_path_factory):
    """Where somebody works: a folder whose `.sluice` is the home, and a PATH with our commands."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / ".sluice").symlink_to(service.home)
    return desk


def test_a_pipeline_of_strangers_prepares_and_the_quick_starts_ten_lines_train_the_template(service, desk, tmp_path):
    file = tmp_path / "cubes.yaml"
    subprocess.run([sys.executable, str(Path(__file__).with_name("foreign_pipeline.py")), str(file)], check=True)
    service.client.register_pipeline("prepare", file.read_text(), CODE)
    lines = lines_of("sh")
    assert len(lines.splitlines()) == 10

    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", lines]
    done = subprocess.run(
        command, cwd=desk, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "It keeps the contract." in done.stdout
    assert "model mine:1" in done.stdout
    assert (desk / "result/model/weights.pt").exists()
    [trained] = service.client.results(kind="train")
    assert "train_error" in trained.metrics


def test_the_quick_starts_lines_of_python_find_the_same_run(service, desk):
    done = subprocess.run(
        [sys.executable, "-c", lines_of("python")], cwd=desk, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("SUCCEEDED mine:1 {'train_error'")


def test_a_result_is_fetched_once_and_whole(service, tmp_path):
    [result] = service.client.results(kind="prepare")
    first = [service.client.save_result_file(result.handoff, file, tmp_path / file.path) for file in result.files]
    again = [service.client.save_result_file(result.handoff, file, tmp_path / file.path) for file in result.files]
    assert (set(first), set(again)) == ({True}, {False})
    assert not list(tmp_path.rglob("*.part"))


def test_targets_say_what_they_are_and_whether_they_work(service):
    [local] = service.client.targets()
    assert (local.name, local.backend, local.local, local.runs_at_once) == ("local", "kfp-local", True, 1)
    probe = service.client.probe("local")
    assert (probe.ok, probe.says[-1]) == (True, "The target local is ready.")
    with pytest.raises(ProblemError, match="404"):
        service.client.probe("nowhere")


def test_a_project_is_counted(service):
    [lungs] = service.client.projects()
    assert (lungs.name, lungs.studies["complete"], lungs.batches) == ("lungs", 2, 1)
    assert service.client.project("lungs") == lungs
    with pytest.raises(ProblemError, match="404"):
        service.client.project("livers")


def test_versions_are_listed_newest_first_and_given_back_as_they_came(service):
    versions = list(service.client.pipelines())
    assert [each.name for each in versions] == ["mine", "prepare"]
    assert "cubes-of-strangers" in service.client.pipeline_yaml(versions[1].version)
    assert service.client.pipeline("mine") == versions[0]


def test_a_command_finds_the_service_of_a_home_by_itself(service):
    asking = Asking(
        home=service.home,
        url=None,
        token=None,
        token_file=None,
        ca_file=None,
        certificate=None,
        key=None,
        as_json=False,
    )
    with asking.client() as client:
        assert [target.name for target in client.targets()] == ["local"]
