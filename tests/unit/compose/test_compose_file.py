"""docker-compose.yml: what a hospital would start, checked without an engine."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("sluice/"))
TRUSTED = {"receiver", "nifi", "registry", "pacs", "flows", "modality"}
RESEARCH = {"handoff", "worker", "database", "s3"}
TOOLS = Path(sys.executable).parent


def test_follows_the_compose_specification():
    """By the schema of the Compose Specification."""
    subprocess.run([TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE], check=True)


@pytest.mark.parametrize("dockerfile", sorted(ROOT.glob("images/*/Dockerfile")), ids=lambda file: file.parent.name)
def test_container_files_have_no_finding(dockerfile: Path):
    """By hadolint, with no rule left out."""
    subprocess.run([TOOLS / "hadolint", dockerfile], check=True)


def test_every_service_is_in_a_zone():
    assert set(SERVICES) == TRUSTED | RESEARCH | {"door"}
    assert {name for name, service in SERVICES.items() if "trusted" in service["networks"]} == TRUSTED | {"door"}
    assert {name for name, service in SERVICES.items() if "research" in service["networks"]} == RESEARCH | {"door"}


def _door_lets_through(method: str, path: str) -> bool:
    """By the lists of door.cfg, each of which says what one kind of request may name."""
    text = (ROOT / "images/settings/door.cfg").read_text("utf-8")
    lists = dict(re.findall(r"acl (\w+) path_reg (\S+)", text))
    pushed, polled = (re.findall(rf"{kind} (\w+)", text[text.index("deny status") :]) for kind in ("pushes", "polls"))
    return any(re.search(lists[name], path) for name in (pushed if method == "PUT" else polled) if name in lists)


def test_the_door_lets_through_whatever_the_flows_ask_for():
    """Each call of each flow: deliveries, evidence, labels, and the list, objects and acknowledgements of results."""
    flows = [json.loads(file.read_text("utf-8")) for file in sorted((ROOT / "nifi/flows").glob("*/*.json"))]
    asking = [
        one for flow in flows for one in flow["flowContents"]["processors"] if one["type"].endswith(".InvokeHTTP")
    ]
    calls = [(one["properties"]["HTTP Method"], one["properties"]["HTTP URL"]) for one in asking]
    assert len(calls) >= 4
    for method, url in calls:
        path = url.removeprefix("#{handoff.url}").partition("?")[0]
        path = re.sub(r"\$\{(?:delivery|shipment)\.id\}", "0" * 32, path)
        for kind in ("shipments", "evidence", "labels"):
            assert _door_lets_through(method, re.sub(r"\$\{kind[^}]*\}", kind, path)), (method, path)
    assert not _door_lets_through("GET", "/v1/handoffs")
    assert not _door_lets_through("GET", "/v1/results/objects/../../handoffs")


def test_the_handoff_may_end_what_it_has_begun():
    """Compose kills after 10 s where nothing says otherwise, in the middle of an upload that would get its receipt."""
    settings = yaml.safe_load((ROOT / "images/settings/handoff.yaml").read_text("utf-8"))
    stop_seconds = settings.get("stop_seconds", Settings.model_fields["stop_seconds"].default)
    assert int(SERVICES["handoff"]["stop_grace_period"].removesuffix("s")) >= stop_seconds + 45


def test_results_have_a_peer_that_is_there():
    """What comes back is not held for want of a setting."""
    settings = {
        name: yaml.safe_load((ROOT / f"images/settings/{name}.yaml").read_text()) for name in ("sluice", "peers")
    }
    assert set(settings["sluice"]["results"].values()) <= set(settings["peers"]["peers"])


def test_the_research_zone_has_no_way_out():
    """Nor by the network that only publishes the handoff's pages."""
    assert COMPOSE["networks"]["research"] == {"internal": True}
    without_nat = {"driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": "false"}}
    others = {network for name in RESEARCH for network in SERVICES[name]["networks"]} - {"research"}
    assert {name: COMPOSE["networks"][name] for name in others} == {"engineers": without_nat}


def test_only_modalities_reach_a_port_from_outside_the_host():
    """The canvas, the Registry and the handoff's pages are on loopback."""
    published = {name: port for name, service in SERVICES.items() for port in service.get("ports", ())}
    assert published.pop("receiver") == "11112:11112"
    assert all(port.startswith("127.0.0.1:") for port in published.values()), published


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_nothing_but_their_work(name: str):
    service = SERVICES[name]
    assert service["user"] == "1000:1000"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("dockerfile", sorted(ROOT.glob("images/*/Dockerfile")), ids=lambda file: file.parent.name)
def test_images_install_hashed_wheels_and_run_as_nobody_special(dockerfile: Path):
    text = dockerfile.read_text("utf-8")
    installs = [line for line in text.replace("\\\n", " ").splitlines() if "pip install" in line]
    for command in "&&".join(installs).split("&&"):
        assert "pip install" not in command or "--require-hashes" in command or "--no-deps" in command
    last = text[text.rindex("FROM ") :] if "AS user" not in text else text
    assert "USER 1000:1000" in last


def test_each_zone_holds_its_own_secrets():
    """The key that pseudonyms come from and NiFi's are never mounted in the research zone, nor the reverse."""
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}
    for name, service in SERVICES.items():
        for entry in service.get("secrets", ()):
            source = entry if isinstance(entry, str) else entry["source"]
            zone = "trusted" if name in TRUSTED else "research"
            assert f"/{zone}/" in files[source] or source == "handoff-token", (name, source)
    for key in ("handoff-key.pem", "door.pem"):
        assert [name for name in SERVICES if key in SERVICES[name].get("secrets", ())] == [
            key.partition("-")[0].removesuffix(".pem")
        ]
    assert "site-key" not in {s for name in RESEARCH for s in map(str, SERVICES[name].get("secrets", ()))}


def test_what_crosses_goes_by_tls_and_both_ends_are_known():
    """NiFi trusts the door alone and shows it a certificate; the door and everybody else trust the handoff's alone."""
    deploy = SERVICES["flows"]["command"]
    assert "--set=handoff.url=https://door:8443" in deploy
    given = {option.partition("=")[2].partition("=")[0] for option in deploy if option.startswith("--secret-file=")}
    assert {"handoff.ca", "handoff.client.certificate", "handoff.client.key"} <= given
    assert any(option.startswith("--certificate=") for option in SERVICES["handoff"]["command"])
    door = (ROOT / "images/settings/door.cfg").read_text("utf-8")
    (bind,) = re.findall(r"^ +bind (.*)", door, flags=re.MULTILINE)
    (server,) = re.findall(r"^ +server (.*)", door, flags=re.MULTILINE)
    assert " ssl " in bind
    assert "verify required" in bind
    assert " ssl " in server
    assert "verify required verifyhost" in server


@pytest.mark.parametrize("name", ["receiver", "nifi", "registry", "handoff", "worker", "database"])
def test_a_service_that_hangs_is_told_by_its_health(name: str):
    assert SERVICES[name]["healthcheck"]["test"]


def test_zones_share_no_volume():
    def named(zone: set[str]) -> set[str]:
        mounts = (mount for name in zone for mount in SERVICES[name].get("volumes", ()))
        return {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}

    assert not named(TRUSTED) & named(RESEARCH)
    assert named(TRUSTED) | named(RESEARCH) == set(COMPOSE["volumes"])


def test_everything_that_is_mounted_from_the_tree_is_there():
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", ())]
    for parts in mounts:
        if parts[0].startswith("."):
            assert (ROOT / parts[0]).is_file(), parts[0]
            assert parts[2] == "ro"


def test_docker_compose_understands_it(tmp_path: Path):
    """By Debian's docker-compose, whose `config` command resolves variables, anchors and files."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SLUICE_SECRETS": str(tmp_path)}
    done = subprocess.run(
        ["docker-compose", "--file", FILE, "config"], env=environment, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    resolved = yaml.safe_load(done.stdout)
    assert set(resolved["services"]) >= TRUSTED - {"flows", "modality"} | RESEARCH | {"door"}
