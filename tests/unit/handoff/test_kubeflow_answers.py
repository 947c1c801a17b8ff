"""What an answer of Kubeflow's server allows: after a sure refusal another attempt at once, after no other."""

import socket
import ssl

import pytest
import urllib3.exceptions as wire

from handoff.backends.interface import Answer, RunPhase
from handoff.backends.kfp_answers import of_status, of_wire
from handoff.backends.kfp_client import KubeflowRun
from handoff.backends.kfp_names import LONGEST, RunMark, read_mark, run_name
from handoff.backends.kfp_problems import PROBLEMS
from handoff.backends.kfp_states import ended, status_of
from handoff.handoffs.order import RunOrder

UNKNOWN_RUN = '{"error": "Run x not found.", "code": 5, "message": "Run x not found.", "details": []}'

UNKNOWN_VERSION = '{"error": "ResourceNotFoundError: PipelineVersion 1-2 not found.", "code": 13}'


@pytest.mark.parametrize(
    ("status", "body", "answer", "code"),
    [
        (400, None, Answer.REFUSED, "kubeflow-refused"),
        (401, None, Answer.UNAVAILABLE, "kubeflow-token"),
        (403, "RBAC: access denied", Answer.UNAVAILABLE, "kubeflow-forbidden"),
        (302, "", Answer.UNAVAILABLE, "kubeflow-login"),
        (404, UNKNOWN_RUN, Answer.REFUSED, "kubeflow-unknown"),
        (404, "<html>no such page</html>", Answer.UNAVAILABLE, "kubeflow-not-there"),
        (408, None, Answer.AMBIGUOUS, "kubeflow-failed"),
        (409, None, Answer.AMBIGUOUS, "kubeflow-failed"),
        (429, None, Answer.UNAVAILABLE, "kubeflow-busy"),
        (500, '{"code": 13}', Answer.AMBIGUOUS, "kubeflow-failed"),
        (500, UNKNOWN_VERSION, Answer.AMBIGUOUS, "kubeflow-unknown"),
        (503, "upstream connect error", Answer.AMBIGUOUS, "kubeflow-failed"),
        (0, None, Answer.AMBIGUOUS, "kubeflow-failed"),
    ],
)
def test_only_what_is_certain_counts_as_a_refusal(status, body, answer, code):
    error = of_status(status, body)
    assert (error.answer, error.code) == (answer, code)
    assert code in PROBLEMS


@pytest.mark.parametrize(
    ("cause", "answer", "code"),
    [
        (wire.NewConnectionError(None, "refused"), Answer.UNAVAILABLE, "kubeflow-unreachable"),
        (wire.NameResolutionError("x", None, socket.gaierror()), Answer.UNAVAILABLE, "kubeflow-unreachable"),
        (wire.ConnectTimeoutError("connect"), Answer.UNAVAILABLE, "kubeflow-unreachable"),
        (wire.SSLError(ssl.SSLCertVerificationError("self-signed")), Answer.UNAVAILABLE, "kubeflow-certificate"),
        (wire.SSLError(ssl.SSLEOFError("cut off")), Answer.AMBIGUOUS, "kubeflow-connection-lost"),
        (wire.ReadTimeoutError(None, "/", "read"), Answer.AMBIGUOUS, "kubeflow-timeout"),
        (wire.ProtocolError("reset"), Answer.AMBIGUOUS, "kubeflow-connection-lost"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_connection_that_was_never_made_is_a_refusal_and_one_that_was_lost_is_not(cause, answer, code):
    for error in (cause, wire.MaxRetryError(None, "/", cause)):
        found = of_wire(error)
        assert (found.answer, found.code) == (answer, code)
    assert code in PROBLEMS


def run(state: str, seconds: float | None = None) -> KubeflowRun:
    return KubeflowRun("r", "far-k", "", state, 1000.0, None if seconds is None else 1000.0 + seconds, ())


@pytest.mark.parametrize(
    ("state", "phase", "over"),
    [
        ("PENDING", RunPhase.WAITING, False),
        ("RUNNING", RunPhase.RUNNING, False),
        ("PAUSED", RunPhase.RUNNING, False),
        ("CANCELING", RunPhase.RUNNING, False),
        ("SUCCEEDED", RunPhase.COMPLETED, True),
        ("SKIPPED", RunPhase.COMPLETED, True),
        ("FAILED", RunPhase.FAILED, True),
        ("CANCELED", RunPhase.CANCELED, True),
    ],
)
def test_every_state_of_the_server_has_its_phase(state, phase, over):
    assert (status_of(run(state), 60).phase, ended(run(state))) == (phase, over)


@pytest.mark.parametrize("state", ["", "RUNTIME_STATE_UNSPECIFIED", "SUCCEEDED_MAYBE", "None"])
def test_a_state_that_nobody_knows_is_still_running_and_said_to_be_odd(state):
    assert status_of(run(state), 60).phase is RunPhase.RUNNING
    assert status_of(run(state), 60).reason == "engine-state-unknown"
    assert not ended(run(state))


def test_a_run_that_was_ended_for_its_time_says_so():
    assert status_of(run("FAILED", 61.0), 60).reason == "timeout"
    assert status_of(run("FAILED", 59.0), 60).reason == "step-failed"


def test_names_and_descriptions_are_short_ascii_and_say_whose_run_it_is(tmp_path):
    facts = {"pipeline": tmp_path, "pipeline_name": "p", "inputs": {}, "result": None}
    order = RunOrder(key="a" * 64, handoff="b" * 32, project="x", batch="c" * 64, pipeline_digest="d" * 64, **facts)
    mark = RunMark.of(order, "e" * 64)
    assert len(mark.text()) <= LONGEST
    assert mark.text().isascii()
    assert read_mark(mark.text()) == mark
    assert len(run_name("t" * 63, order.key)) < 64


@pytest.mark.parametrize("text", [None, "", "by hand", "{}", '{"handoff": "x", "key": "y"}', "[1]"])
def test_a_run_of_somebody_else_is_not_ours(text):
    assert read_mark(text) is None
