"""Where a release is read from, and what is said when it is not there."""

import json
import subprocess
from pathlib import Path

import pytest

from nifi.errors import GitError, MissingBundleError, NoRegistryError
from nifi.nar import Nar
from nifi.releases.bundles import provided_by, require_bundles
from nifi.releases.flow import read_flows
from nifi.releases.git import release_of_git
from nifi.releases.origin import read_origin
from nifi.releases.release import release_of_files
from nifi.releases.rules import CONFIGURED

ROOT = Path(__file__).resolve().parents[3]
RELEASE_FILES = ("nifi/releases/assembly.yaml", "nifi/parameters/sluice.yaml")


def git(clone: Path, *arguments: str) -> None:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *settings, *arguments], cwd=clone, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path) -> Path:
    """A clone with two commits: the release as it is, then a longer pause in `route`."""
    for name in (*RELEASE_FILES, *(f"nifi/flows/sluice/{flow.name}.json" for flow in read_flows())):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    file = tmp_path / "nifi/flows/sluice/route.json"
    changed = json.loads(file.read_text("utf-8"))
    changed["flowContents"]["processors"][0]["penaltyDuration"] = "9 sec"
    file.write_text(json.dumps(changed))
    git(tmp_path, "commit", "--quiet", "-a", "-m", "two")
    return tmp_path


def test_an_older_release_is_read_out_of_git_history_whole(clone):
    old, new = release_of_git("HEAD~1", clone), release_of_git("HEAD", clone)
    assert old.flows == release_of_files().flows
    assert old.digest("n") == release_of_files().digest("n") != new.digest("n")
    assert new.flow("route").parts("processors")[0]["penaltyDuration"] == "9 sec"
    assert old.origin.startswith("git:")
    assert len(old.origin) == len("git:") + 12


@pytest.mark.parametrize("revision", ["nothing", "", "--upload-pack=x"])
def test_a_revision_that_is_not_there_is_one_sentence_with_a_remedy(clone, revision):
    with pytest.raises(GitError, match="no revision") as caught:
        release_of_git(revision, clone)
    assert "git log" in caught.value.remedy


def test_a_folder_without_git_is_told_apart_from_a_crash(tmp_path):
    with pytest.raises(GitError):
        release_of_git("HEAD", tmp_path)


@pytest.mark.parametrize("origin", ["elsewhere", "git:", "registry:x", "registry:-1"])
def test_an_origin_that_is_none_is_refused_with_what_there_is(origin):
    with pytest.raises(ValueError, match=r"none of files, git:REVISION, registry and registry:VERSION"):
        read_origin(origin, "http://127.0.0.1:9")


def test_without_a_registry_the_remedy_starts_one():
    with pytest.raises(NoRegistryError) as caught:
        read_origin("registry", None)
    assert "sluice nifi up --registry" in caught.value.remedy


class NiFiWith:
    """A NiFi that has these types alone."""

    def __init__(self, *types: dict) -> None:
        self.types = list(types)

    def get(self, path: str) -> dict:
        return {"processorTypes": self.types, "controllerServiceTypes": self.types}


def types_of_flows(version: str) -> list[dict]:
    parts = [part for flow in read_flows() for kind in CONFIGURED for part in flow.parts(kind)]
    return [{"type": part["type"], "bundle": {**part["bundle"], "version": version}} for part in parts]


@pytest.fixture(scope="module")
def small_nar(tmp_path_factory) -> Nar:
    """A NAR with the shells alone."""
    from nifi.archive import write_archive
    from nifi.nar import is_shell

    file = tmp_path_factory.mktemp("nar") / "small.nar"
    write_archive(file, {shell.name: shell for shell in (ROOT / "processors").glob("*.py") if is_shell(shell)})
    return Nar(file, "0.1.0", "d")


def test_python_processors_may_come_with_the_nar(small_nar):
    assert ("ListenDICOM", "org.apache.nifi", "python-extensions", "0.1.0") in provided_by(small_nar)
    native = [entry for entry in types_of_flows("2.3.0") if entry["bundle"]["artifact"] != "python-extensions"]
    require_bundles(NiFiWith(*native), read_flows(), small_nar)


def test_a_bundle_in_another_version_is_named_with_the_one_that_is_there(small_nar):
    with pytest.raises(MissingBundleError, match=r"nifi-standard-nar 2\.3\.0; this NiFi has it in version 2\.11\.0"):
        require_bundles(NiFiWith(*types_of_flows("2.11.0")), read_flows(), small_nar)
    with pytest.raises(MissingBundleError, match="not at all"):
        require_bundles(NiFiWith(), read_flows(), small_nar)


def test_a_service_that_is_not_there_is_missed_like_a_processor(small_nar):
    without = [entry for entry in types_of_flows("2.3.0") if "SSLContext" not in entry["type"]]
    with pytest.raises(MissingBundleError, match="TLS to the handoff needs PEMEncodedSSLContextProvider"):
        require_bundles(NiFiWith(*without), read_flows(), small_nar)
