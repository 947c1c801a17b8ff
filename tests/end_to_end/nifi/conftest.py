"""The release, deployed on the session's NiFi; nothing is sealed in its landing, so it only idles."""

import base64
import hashlib
from collections.abc import Iterator

import pytest

from nifi.distribution.registry import start_registry, stop_registry
from nifi.distribution.state import RunningRegistry
from nifi.releases.deploy import Deployment, deploy
from nifi.releases.groups import children, require_parent
from nifi.releases.schedule import start, stop
from nifi.rest import NiFi, wait_for
from processors.deid.keys import KeyFile
from tests.end_to_end.nifi.scripted_handoff import SHIPMENT, ScriptedHandoff


@pytest.fixture(scope="session")
def handoff() -> Iterator[ScriptedHandoff]:
    """What the deployed flows take for the handoff."""
    with ScriptedHandoff() as scripted:
        yield scripted


@pytest.fixture(scope="session")
def parameters(nifi, handoff) -> dict[str, str]:
    """Values of a site."""
    trusted = nifi.home / "trusted"
    trusted.mkdir(exist_ok=True)
    KeyFile.create(trusted / "keys" / "site.key")
    (trusted / "rules.yaml").write_text("version: 1\nrules: [{name: all, ship: [{project: lung}]}]\n")
    return {
        "trusted.home": str(trusted),
        "handoff.url": handoff.url,
        "handoff.token": "not-a-real-token-of-anybody",
        "receipt.public.key": base64.b64encode(bytes(32)).decode(),
    }


@pytest.fixture(scope="session")
def deployed(nifi, nar, parameters) -> Deployment:
    """The release on the session's NiFi."""
    return deploy(nifi.url, parameters, nar)


@pytest.fixture(scope="session")
def registry(nifi) -> Iterator[RunningRegistry]:
    """A NiFi Registry in the session's home, up until its end."""
    running = start_registry(nifi.home)
    yield running
    stop_registry(nifi.home)


@pytest.fixture
def send(nifi, deployed, handoff, tmp_path):
    """Put one FlowFile before the deliver group, as de-identification would, and take its sender away afterwards."""
    package = tmp_path / "package.zip"
    package.write_bytes(b"package " * 1000)
    with NiFi(nifi.url) as api:
        parent = require_parent(api, "Sluice")
        made = []

        def send_one(kind: str = "shipment") -> bytes:
            content = package.read_bytes()
            attributes = {
                "package.path": str(package),
                "package.sha256": hashlib.sha256(content).hexdigest(),
                "shipment.id": SHIPMENT,
                "kind": kind,
            }
            component = {
                "type": "org.apache.nifi.processors.standard.GenerateFlowFile",
                "config": {"properties": attributes, "schedulingPeriod": "1 day"},
                "position": {"x": 0.0, "y": 900.0},
            }
            sender = api.post(
                f"/process-groups/{parent.id}/processors", {"revision": {"version": 0}, "component": component}
            )
            deliver = children(api, parent)["deliver"]
            ports = api.get(f"/process-groups/{deliver.id}/input-ports")["inputPorts"]
            port = next(entry["id"] for entry in ports if entry["component"]["name"] == "packages")
            line = {
                "source": {"id": sender["id"], "groupId": parent.id, "type": "PROCESSOR"},
                "destination": {"id": port, "groupId": deliver.id, "type": "INPUT_PORT"},
                "selectedRelationships": ["success"],
            }
            connection = api.post(
                f"/process-groups/{parent.id}/connections", {"revision": {"version": 0}, "component": line}
            )
            made.append((sender["id"], connection["id"]))
            for state in ("RUN_ONCE", "DISABLED"):
                revision = api.get(f"/processors/{sender['id']}")["revision"]
                api.put(f"/processors/{sender['id']}/run-status", {"revision": revision, "state": state})
                wait_for("run once", lambda: _is_idle(api, sender["id"]))
            return content

        yield send_one
        stop(api, parent)
        for sender, connection in made:
            revision = api.get(f"/connections/{connection}")["revision"]
            api.delete(f"/connections/{connection}", version=str(revision["version"]))
            revision = api.get(f"/processors/{sender}")["revision"]
            api.delete(f"/processors/{sender}", version=str(revision["version"]))
        start(api, parent)


def _is_idle(api: NiFi, processor: str) -> bool:
    status = api.get(f"/processors/{processor}")["status"]
    return status["runStatus"] != "Running" and not status["aggregateSnapshot"]["activeThreadCount"]
