"""What the commands for ML engineers say to a service that answers, and to one that does not."""

import json
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from handoff.app import create_app
from handoff.client.server_sent import messages
from handoff.database.tables import Batch, Event, Handoff, PipelineVersion, Study
from handoff.pipelines import TEMPLATE
from handoff.service import Service
from handoff.settings import Settings
from sluice.cli import SECTIONS, main

FIRST, SECOND = "ab" + "0" * 30, "ac" + "0" * 30
BATCH = "b" * 64
PROVENANCE = {"shipments": [], "studies": {"1.2.3": 1}, "treatments": []}
FACTS = {"patients": {"train": 3, "test": 1}, "left_out": [], "unresolved_references": 0, "provenance": PROVENANCE}
INPUTS = {
    "batch_uri": {"type": "STRING"},
    "handoff_key": {"type": "STRING"},
    "result_uri": {"type": "STRING"},
    "steps": {"type": "NUMBER_INTEGER", "optional": True, "default": 5},
    "note": {"type": "STRING", "optional": True, "default": ""},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose service knows a project, a batch, a pipeline and two handoffs, one of which SUCCEEDED."""
    home = tmp_path_factory.mktemp("home")
    (home / "research").mkdir()
    (home / "research/handoff.yaml").write_text("projects: {lungs: {}}")
    service = Service.open(Settings.load(home))
    with service.database.write() as session:
        session.add(Study(project="lungs", study_uid="1.2.3", patient="P1", last_arrival_at=0.0))
        facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 7, "annotations": 1}
        session.add(Batch(id=BATCH, facts=FACTS, created_at=1.0, **facts))
        digests = {"yaml_digest": "d" * 64, "code_digest": "e" * 64}
        session.add(PipelineVersion(id="c" * 64, name="prepare", inputs=INPUTS, registered_at=1.0, **digests))
        session.flush()
        for number, (id_, state) in enumerate(((FIRST, "SUCCEEDED"), (SECOND, "FAILED"))):
            about = {"kind": "prepare", "project": "lungs", "batch_id": BATCH, "target": "local", "parameters": {}}
            row = Handoff(id=id_, key=id_ * 2, state=state, pipeline_id="c" * 64, created_at=number + 1.0, **about)
            session.add(row)
            session.flush()
            session.add(Event(handoff_id=id_, at=1.0, event=state, reason=None))
    yield SimpleNamespace(path=home, app=create_app(service))
    service.database.close()


@pytest.fixture(autouse=True)
def answering(home, monkeypatch):
    """Calls go to the app itself, for no port need be open to see what a command says."""
    client = httpx.Client

    def opened(base_url: str, **options: object) -> httpx.Client:
        if base_url == "http://127.0.0.1:8080":
            return TestClient(home.app, base_url=base_url)
        return client(base_url=base_url, **options)

    monkeypatch.setattr(httpx, "Client", opened)
    monkeypatch.setenv("SLUICE_HOME", str(home.path))
    monkeypatch.delenv("SLUICE_HANDOFF_URL", raising=False)
    with capture_logs():  # the service's own, which a command never prints
        yield


@pytest.fixture
def say(capsys):
    """Run a command; its exit status and what it said."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = 0
        try:
            main(list(arguments))
        except SystemExit as exit_:
            code = exit_.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize("group", list(SECTIONS["Runs on images (what ML engineers use)"]))
def test_every_group_teaches_itself(say, group):
    code, out, _ = say(group, "--help")
    assert code == 0
    assert "Usage: sluice" in out


@pytest.mark.parametrize("group", ["projects", "studies", "batches", "pipelines", "targets", "handoffs", "models"])
def test_every_list_is_a_table_within_the_width_or_json(say, group, monkeypatch):
    code, out, _ = say(group, "list")
    assert code == 0
    assert all(len(line) <= 200 for line in out.splitlines())
    code, out, _ = say(group, "list", "--json")
    assert code == 0
    assert isinstance(json.loads(out), list)


def test_handoffs_are_listed_newest_first_with_ids_that_are_long_enough_to_type(say):
    _, out, _ = say("handoffs", "list")
    rows = [line.split()[0] for line in out.splitlines()[1:]]
    assert rows == [SECOND[:12], FIRST[:12]]


def test_the_first_letters_of_an_id_are_enough_and_too_few_are_said(say):
    code, out, _ = say("handoffs", "show", "ab00")
    assert (code, FIRST in out) == (0, True)
    code, _, err = say("handoffs", "show", "a")
    assert (code, err) == (1, "sluice: No id starts so. `list` shows what there is; give more letters of the id.\n")


@pytest.mark.parametrize(("handoff", "status"), [(FIRST, 0), (SECOND, 1)])
def test_follow_exits_as_the_run_ended(say, handoff, status):
    code, out, _ = say("handoffs", "follow", handoff)
    assert code == status
    assert ("SUCCEEDED" if status == 0 else "FAILED") in out.splitlines()[0]


def test_new_hands_off_with_parameters_by_their_types(say):
    parameters = ("--set", "steps=9", "--set", "note=9")
    code, out, err = say("handoffs", "new", "prepare", BATCH[:8], *parameters, "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert (made["parameters"], made["state"], made["batch"]) == ({"steps": 9, "note": "9"}, "ACCEPTED", BATCH)


@pytest.mark.parametrize("wrong", ["steps", "speed=3", "steps=many"])
def test_a_parameter_that_the_pipeline_does_not_take_is_a_usage_error(say, wrong):
    code, _, err = say("handoffs", "new", "prepare", BATCH, "--set", wrong)
    assert code == 2
    assert "--set" in err


def test_a_refusal_is_one_line_with_its_remedy(say):
    code, _, err = say("handoffs", "new", "infer", BATCH, "--pipeline", "prepare")
    assert code == 1
    assert err.startswith("sluice: 422 model-unfit")
    assert "Check batch, target, pipeline" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("batches form NAME", "project"),
        ("batches form lungs --study 1.x", "studies"),
        ("batches form lungs --spec-digest abc", "spec_digest"),
        (f"handoffs new prepare {BATCH} --target NAME", "target"),
        (f"handoffs new prepare {BATCH} --pipeline NAME", "pipeline"),
        (f"handoffs new infer {BATCH} --pipeline prepare --model mine", "model"),
        ("pipelines register {file} --name NAME", "name"),
        ("rules signal lungs NAME --value 1", "name"),
        ("rules signal lungs dice --value nan", "value"),
        ("withdrawals new lungs abc --yes", "shipments"),
        (f"withdrawals new lungs {FIRST} --yes --reason Words", "reason"),
    ],
)
def test_what_nobody_could_ask_for_is_a_usage_error_that_names_it(say, tmp_path, command, part):
    (tmp_path / "mine.yaml").write_text("{}")
    code, _, err = say(*command.format(file=tmp_path / "mine.yaml").split())
    assert code == 2
    assert f"This cannot be used: {part}: " in err


def test_an_answer_that_is_none_of_a_handoff_is_one_line_with_a_remedy(say, monkeypatch):
    monkeypatch.setattr("handoff.client.site.at", lambda *_: "/v1/me")
    code, _, err = say("projects", "show", "lungs")
    assert (code, err.count("\n")) == (1, 1)
    assert "version of this client" in err


def test_a_name_that_leads_elsewhere_is_a_usage_error_and_nothing_is_asked(say):
    code, _, err = say("projects", "show", "../me")
    assert (code, err.count("\n")) == (2, 1)
    assert "without a slash" in err


def test_a_token_that_can_be_none_is_a_usage_error_and_is_not_repeated(say):
    code, _, err = say("handoffs", "list", "--token", "geheimnis-ä")
    assert (code, "geheimnis" in err) == (2, False)


def test_a_handoff_that_does_not_answer_is_one_line_with_a_remedy(say):
    code, _, err = say("handoffs", "list", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert err.startswith("sluice: No handoff answers at http://127.0.0.1:9")
    assert "sluice handoff serve" in err


def test_a_home_without_a_token_is_a_usage_error_with_a_remedy(say, tmp_path):
    code, _, err = say("handoffs", "list", "--home", str(tmp_path))
    assert code == 2
    assert "--token-file" in err


def test_the_template_compiles_keeps_the_contract_and_is_never_overwritten(say, tmp_path):
    file = tmp_path / "mine.py"
    assert say("pipelines", "new", str(file))[0] == 0
    assert file.read_text() == TEMPLATE.read_text()
    compile(file.read_text(), str(file), "exec")
    assert say("pipelines", "new", str(file))[0] == 2


def test_a_pipeline_that_breaks_the_contract_is_refused_before_anybody_is_asked(say, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("deploymentSpec: {}\nroot: {inputDefinitions: {parameters: {}}}")
    code, _, err = say("pipelines", "check", str(file))
    assert (code, "lacks the inputs batch_uri, handoff_key, result_uri" in err) == (1, True)


def test_a_shell_gets_what_completes_it(say):
    code, out, _ = say("completion", "bash")
    assert (code, "_SLUICE_COMPLETE=bash_complete" in out) == (0, True)


def test_batch_is_another_name_of_batches(say):
    assert say("batch", "list")[1] == say("batches", "list")[1]


def test_the_commands_load_no_database_and_no_store():
    asked = (
        "import sys, handoff.cli.handoffs, handoff.cli.pipelines; print({'sqlalchemy', 'obstore'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_run_that_did_not_fail_early_is_no_dead_letter_to_retry(say):
    code, _, err = say("handoffs", "retry", FIRST)
    assert code == 1
    assert err.startswith("sluice: 409")


def test_a_rerun_is_a_new_handoff_that_says_of_which_and_why(say):
    code, out, _ = say("handoffs", "rerun", FIRST, "--reason", "new driver", "--json")
    made = json.loads(out)
    assert (code, made["rerun_of"], made["rerun_reason"], made["state"]) == (0, FIRST, "new driver", "ACCEPTED")
    assert made["id"] != FIRST


def test_logs_of_a_run_that_printed_nothing_are_empty_followed_or_not(say):
    assert say("handoffs", "logs", FIRST)[:2] == (0, "")
    assert say("handoffs", "logs", FIRST, "--follow", "--tail", "3")[:2] == (0, "")


@pytest.mark.parametrize("text", ["", ": beat\n\n", "data: 1\n\n: beat\nevent: end\ndata: 2\n\ndata: cut"])
def test_server_sent_messages_are_read_and_what_is_cut_off_is_not(text):
    expected = [("message", "1"), ("end", "2")] if "1" in text else []
    assert list(messages(text.split("\n"))) == expected
