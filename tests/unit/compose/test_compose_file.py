"""docker-compose.yml: what a hospital would start, checked without an engine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_the_research_zone_has_no_way_out():
    assert COMPOSE["networks"]["research"] == {"internal": True}


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
    assert "site-key" not in {s for name in RESEARCH for s in map(str, SERVICES[name].get("secrets", ()))}


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
