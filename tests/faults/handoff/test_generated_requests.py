"""Requests that nobody would think of: the service answers each as its description says, and never with a 5xx."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.handoff.running import CODE, annotated_study, batch_of, hand_off, running

pytestmark = pytest.mark.faults
SECONDS = 30
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
NOT_ASKED = r"events$|:probe$"
"""A stream without an end, and a question that starts a process each time."""
PLENTY = {
    "requests_per_second": 1e6,
    "burst_requests": 10**9,
    "address_requests_per_second": 1e6,
    "address_burst_requests": 10**9,
    "failures_per_minute": 1e6,
}


@pytest.fixture
def service(tmp_path, toy_yaml):
    """A service without a worker that has one of everything."""
    with running(tmp_path / "home", settings={"access": PLENTY}) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        yield service


def test_no_generated_request_breaks_the_service_or_its_description(service, tmp_path):
    research = service.home / "research"
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.faults.handoff.generated_requests",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "SLUICE_KNOWN_IDS": json.dumps(_known(service)),
        "SLUICE_INTAKE_TOKEN": (research / "token").read_text().strip(),
        "SLUICE_API_TOKEN": (research / "api-token").read_text().strip(),
    }
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/openapi.json"),
        *("--phases", "coverage,fuzzing", "--checks", ",".join(CHECKS), "--max-time", str(SECONDS), "-n", "100"),
        *("--exclude-path-regex", NOT_ASKED, "--suppress-health-check", "all", "--warnings", "off", "--no-shrink"),
        *("--continue-on-failure", "--request-timeout", "60", "--seed", "20"),
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
    assert service.process.poll() is None
    assert httpx.get(f"{service.url}/readyz", trust_env=False, timeout=60).is_success


def _known(service) -> dict[str, list[str]]:
    """Ids that are there, by the names that parameters and bodies give them."""
    study = annotated_study(service)
    batch = batch_of(service)
    handoff = hand_off(service, batch).id
    shipment = next(iter(service.client.shipments())).id
    pipeline = service.client.pipeline("toy")
    return {
        "handoff_id": [handoff],
        "handoff": [handoff],
        "batch_id": [batch],
        "batch": [batch],
        "shipment_id": [shipment],
        "name": ["local", "lungs", "toy"],
        "target": ["local"],
        "project": ["lungs"],
        "pipeline": ["toy", pipeline.version],
        "version": [pipeline.version],
        "study_uid": [study.study],
        "uid": [study.study],
        "identifier": [study.study, batch, handoff, shipment, study.uids[0], pipeline.version],
        "limit": ["1"],
    }
