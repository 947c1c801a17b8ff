"""A model behind KServe's real ModelServer: once per key, by the pipeline's own code, nothing outside its folders."""

import asyncio
import json
import subprocess

import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

from handoff.contract.result import Result
from ml.pipelines.registry import code_digest
from ml.preprocessing.spec import load_spec
from ml.recipes.infer import predict
from ml.recipes.outcome import publish
from tests.integration.serving.served import MODEL, RunningModel, key_of, outputs, serving
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
STARTED = {"waiting", "running", "succeeded"}
"""What an order is answered; so small a run may have ended by then."""


def end(server: RunningModel, key: str) -> dict[str, object]:
    wait_for(lambda: server.state(key)["state"] not in {"waiting", "running"}, 150)
    return server.state(key)


def test_the_probes_and_the_metadata_are_those_of_the_protocol(server, material):
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/unet/ready"):
        assert server.http.get(path).status_code == 200
    found = server.http.get("/v2/models/unet").json()
    assert (found["name"], found["versions"]) == ("unet", ["1"])
    assert [tensor["name"] for tensor in found["inputs"]] == ["batch_uri", "handoff_key", "result_uri"]
    assert found["parameters"] == {
        "model_id": MODEL,
        "model_sha256": material.sha256,
        "spec": "ct-body",
        "spec_digest": load_spec().digest,
        "code_digest": code_digest(),
    }


def test_a_run_leaves_the_very_files_that_the_pipeline_leaves(server, material):
    key = key_of("the same")
    assert outputs(server.infer(key))["state"] in STARTED
    assert end(server, key) == {"state": "succeeded", "reason": "", "attempts": 1}
    served = Result.model_validate_json((material.result(key) / "result.json").read_bytes())
    here = material.home / "pipeline" / key
    predict(material.batch_uri, key, here.as_uri(), material.model.as_uri(), "ct-body")
    assert publish(here.as_uri(), key) == served
    assert len([file for file in served.files if file.role == "segmentation"]) == 2


def test_a_key_that_ended_starts_nothing(server, material):
    key = key_of("again")
    server.infer(key)
    end(server, key)
    before = (material.result(key) / "result.json").stat().st_mtime_ns
    assert outputs(server.infer(key)) == {"state": "succeeded", "reason": "", "attempts": 1}
    assert (material.result(key) / "result.json").stat().st_mtime_ns == before


def test_kserves_own_client_is_understood(server, material):
    key = key_of("by kserve")
    values = {"batch_uri": material.batch_uri, "handoff_key": key, "result_uri": material.result(key).as_uri()}
    tensors = [InferInput(name, [1], "BYTES", data=[value]) for name, value in values.items()]

    async def ask() -> str:
        client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))
        answer = await client.infer(server.url, InferRequest("unet", tensors), model_name="unet")
        await client.close()
        return answer.outputs[0].data[0]

    assert asyncio.run(ask()) in STARTED
    assert end(server, key)["state"] == "succeeded"


def test_an_unknown_key_is_said_to_be_unknown(server):
    assert server.state(key_of("never sent"))["state"] == "unknown"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"batch_uri": "file:///etc/passwd"}, 403, "outside-roots"),
        ({"batch_uri": "https://elsewhere/batch"}, 403, "outside-roots"),
        ({"result_uri": "file:///tmp/elsewhere"}, 403, "outside-roots"),
        ({"handoff_key": "../../etc"}, 400, "handoff-key"),
        ({"model_id": "unet:2"}, 409, "model-differs"),
        ({"spec_digest": "0" * 64}, 409, "model-differs"),
        ({"operation": "erase"}, 400, "operation-unknown"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_code_and_starts_nothing(server, material, changes, status, code):
    key = key_of(json.dumps(changes))
    answer = server.infer(key, **changes)
    assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (status, code)
    assert not material.result(key).exists()
    assert server.state(key)["state"] == "unknown"


def test_another_order_under_a_known_key_is_refused(server, material):
    key = key_of("two orders")
    server.infer(key)
    raw = material.batch_uri.replace("prepared.jsonl", "raw.jsonl")
    answer = server.infer(key, batch_uri=raw)
    assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (409, "other-order")
    assert end(server, key)["state"] == "succeeded"


def test_lines_of_a_batch_that_lead_elsewhere_fail_the_run_before_anything_is_read(server, material, tmp_path):
    aside = tmp_path / "0.zip"
    aside.write_bytes((material.home / "research/store/packages/0.zip").read_bytes())
    inside = (material.home / "research/store/packages/0.zip").as_uri()
    lines = (material.home / "research/store/prepared.jsonl").read_text().replace(inside, aside.as_uri())
    batch = material.home / "research/store/leads-elsewhere.jsonl"
    batch.write_text(lines)
    key = key_of("elsewhere")
    server.infer(key, batch_uri=batch.as_uri())
    assert end(server, key)["reason"] == "outside-roots"


def test_a_batch_of_another_spec_fails_the_run(server, material):
    lines = (material.home / "research/store/prepared.jsonl").read_text()
    batch = material.home / "research/store/other-spec.jsonl"
    batch.write_text(lines.replace(load_spec().digest, "0" * 64))
    key = key_of("other spec")
    server.infer(key, batch_uri=batch.as_uri())
    assert end(server, key) == {"state": "failed", "reason": "step-failed", "attempts": 1}
    log = material.results / ".serving" / key / "log.txt"
    assert "SpecError: the batch was prepared with another spec" in log.read_text()
    assert not (material.result(key) / "result.json").exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("POST", "/v1/models/unet:predict"),
        ("POST", "/v2/repository/models/unet/unload"),
        ("GET", "/docs"),
    ],
)
def test_what_kserve_offers_besides_is_shut_off(server, method, path):
    assert server.http.request(method, path, json={}).status_code == 404
    assert server.http.get("/v2/models/unet/ready").status_code == 200


def test_a_request_that_is_no_json_or_too_large_is_refused(server):
    ask = "/v2/models/unet/infer"
    assert server.http.post(ask, content=b"x", headers={"content-type": "application/octet-stream"}).status_code == 415
    assert server.http.post(ask, json={"inputs": ["x" * 70_000]}).status_code == 413
    assert 400 <= server.http.post(ask, json={"inputs": 3}).status_code < 500


def test_a_run_whose_server_died_is_taken_up_by_another_and_leaves_one_result(blocked):
    key = key_of("two servers")
    blocked.infer(key)
    wait_for(lambda: blocked.state(key) == {"state": "running", "reason": "", "attempts": 1})
    with serving(blocked.material, *blocked.options) as other:
        other.http.headers.update(blocked.http.headers)
        assert other.ready["taken_up"] == 1  # it is unfinished, and the first server has it
        assert outputs(other.infer(key)) == {"state": "running", "reason": "", "attempts": 1}
        blocked.kill()
        blocked.release()
        assert end(other, key) == {"state": "succeeded", "reason": "", "attempts": 2}
    result = Result.model_validate_json((blocked.material.result(key) / "result.json").read_bytes())
    assert len(list((blocked.material.result(key) / "segmentations").iterdir())) == len(result.files) - 1


def test_a_cancel_is_final_and_frees_the_place_and_more_than_may_wait_are_turned_away(blocked):
    key, later = key_of("canceled"), key_of("later")
    blocked.infer(key)
    wait_for(lambda: blocked.state(key) == {"state": "running", "reason": "", "attempts": 1})
    blocked.infer(later)
    assert blocked.state(later)["state"] == "waiting"
    assert blocked.infer(key_of("too many")).status_code == 503
    assert outputs(blocked.infer(key, "cancel")) == {"state": "canceled", "reason": "asked", "attempts": 1}
    blocked.release()
    assert end(blocked, later)["state"] == "succeeded"
    assert outputs(blocked.infer(key))["state"] == "canceled"
    assert not (blocked.material.result(key) / "result.json").exists()
    assert blocked.state(key_of("too many"))["state"] == "unknown"
    del blocked.http.headers["authorization"]
    assert blocked.infer(key).status_code == 401
    assert blocked.http.get("/v2/health/ready").status_code == 200
    assert blocked.stop() == 0


def test_a_server_of_another_file_does_not_start(material):
    command = [*RunningModel(material).command, "--port", "0", "--sha256", "0" * 64]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "its digest differs" in done.stderr
