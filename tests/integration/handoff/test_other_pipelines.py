"""Anybody's pipeline that keeps the contract runs: one of strangers prepares, and the template trains on it."""

import subprocess
import sys
from pathlib import Path

import pytest

from handoff.cli.connection import Asking
from handoff.client import ProblemError
from handoff.handoffs.states import State
from handoff.pipelines import TEMPLATE
from tests.integration.handoff.running import CODE, annotated_study, batch_of, running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home"), worker=True) as service:
        annotated_study(service, "P0001")
        annotated_study(service, "P0002")
        yield service


def compiled(script: Path, folder: Path) -> str:
    file = folder / "pipeline.yaml"
    subprocess.run([sys.executable, str(script), str(file)], check=True)
    return file.read_text()


def test_a_pipeline_of_strangers_prepares_and_the_template_trains(service, tmp_path):
    client = service.client
    client.register_pipeline("cubes", compiled(Path(__file__).with_name("foreign_pipeline.py"), tmp_path), CODE)
    batch = batch_of(service)
    prepared = client.wait(client.hand_off(kind="prepare", batch=batch, pipeline="cubes").id, 60)
    assert prepared.state == State.SUCCEEDED, client.logs(prepared.id)

    script = tmp_path / "mine.py"
    script.write_text(TEMPLATE.read_text())
    client.register_pipeline("mine", compiled(script, tmp_path), CODE)
    train = client.hand_off(kind="train", batch=batch, pipeline="mine", parameters={"steps": 3})
    trained = client.wait(train.id, 90)
    assert trained.state == State.SUCCEEDED, client.logs(trained.id)
    assert (trained.made_model, "train_error" in trained.metrics) == ("mine:1", True)
    assert service.home.joinpath("research/url").read_text().strip() == service.url


def test_a_result_is_fetched_once_and_whole(service, tmp_path):
    [result] = service.client.results(kind="prepare")
    first = [service.client.save_result_file(result.handoff, file, tmp_path / file.path) for file in result.files]
    again = [service.client.save_result_file(result.handoff, file, tmp_path / file.path) for file in result.files]
    assert (set(first), set(again)) == ({True}, {False})
    assert not list(tmp_path.rglob("*.part"))


def test_targets_say_what_they_are_and_whether_they_work(service):
    [local] = service.client.targets()
    assert (local.name, local.backend, local.local, local.places) == ("local", "kfp-local", True, 1)
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
    assert [each.name for each in versions] == ["mine", "cubes"]
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
