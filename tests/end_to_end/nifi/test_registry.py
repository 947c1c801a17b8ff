"""A real NiFi Registry and a real NiFi: publish, read back, deploy, upgrade under data, roll back, notice edits."""

import copy
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml

from nifi.distribution.process import members
from nifi.distribution.registry import find_registry, start_registry, stop_registry
from nifi.errors import EditedError, ForeignVersionError, MissingBundleError, NoRegistryError, NotPublishedError
from nifi.releases.bucket import Bucket
from nifi.releases.compare import differences
from nifi.releases.deploy import deploy
from nifi.releases.flow import BUCKET, Flow, stable_id
from nifi.releases.groups import children, require_parent
from nifi.releases.origin import read_origin
from nifi.releases.publish import publish
from nifi.releases.release import Release, release_of_files
from nifi.releases.save import FLOWS, save
from nifi.releases.status import status_of
from nifi.rest import NiFi, Registry, wait_for
from tests.end_to_end.nifi.scripted_handoff import SHIPMENT
from tests.end_to_end.nifi.test_embedded_nifi import listening_addresses

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]

PULSE = "Pulse"


@pytest.fixture(scope="module")
def first(nifi, deployed, registry, nar):
    """The committed release as version 1 of an empty Registry."""
    return publish(registry.url, release_of_files(), nar, "as committed")


def changed_release() -> Release:
    """The committed release with one value changed and one processor more, both in `deliver`."""
    release = release_of_files()
    flows = [Flow(flow.name, copy.deepcopy(flow.snapshot)) for flow in release.flows]
    contents = next(flow for flow in flows if flow.name == "deliver").snapshot["flowContents"]
    contents["processors"][1]["penaltyDuration"] = "3 sec"
    pulse = {
        **copy.deepcopy(contents["processors"][0]),
        "identifier": stable_id("deliver", "processor", PULSE),
        "name": PULSE,
        "type": "org.apache.nifi.processors.standard.GenerateFlowFile",
        "properties": {"File Size": "0 B"},
        "propertyDescriptors": {},
        "position": {"x": 0.0, "y": 900.0},
        "schedulingPeriod": "1 day",
        "autoTerminatedRelationships": ["success"],
        "retriedRelationships": [],
        "retryCount": 0,
    }
    contents["processors"].append(pulse)
    return replace(release, flows=tuple(flows))


def processor(api: NiFi, group: str, name: str) -> dict:
    """A processor of one of our groups."""
    inside = children(api, require_parent(api, "Sluice"))[group]
    found = api.get(f"/process-groups/{inside.id}/processors")["processors"]
    return next(entity for entity in found if entity["component"]["name"] == name)


def set_state(api: NiFi, entity: dict, state: str) -> None:
    revision = api.get(f"/processors/{entity['id']}")["revision"]
    api.put(f"/processors/{entity['id']}/run-status", {"revision": revision, "state": state})


def edit(api: NiFi, entity: dict, **config: object) -> None:
    """Change a processor as somebody at the canvas would: stop it, change it, start it."""
    set_state(api, entity, "STOPPED")
    idle = f"/processors/{entity['id']}"
    wait_for("stop it", lambda: not api.get(idle)["status"]["aggregateSnapshot"]["activeThreadCount"])
    body = {"revision": api.get(idle)["revision"], "component": {"id": entity["id"], "config": config}}
    api.put(idle, body)
    set_state(api, entity, "RUNNING")


def test_it_is_known_to_its_home_and_listens_on_loopback_alone(registry):
    assert find_registry(registry.home) == registry
    assert listening_addresses(members(registry.pid)) == {"0100007F"}


def test_every_flow_is_published_and_what_the_registry_lost_is_named(first):
    release = release_of_files()
    assert first.version == 1
    assert {(flow.flow, flow.version, flow.new) for flow in first.flows} == {(f.name, 1, True) for f in release.flows}
    processors = sum(len(flow.parts("processors")) for flow in release.flows)
    assert first.lost["flowContents.processors[].retryCount"] == processors
    assert first.lost["flowContents.executionEngine"] == len(release.flows)


def test_publishing_the_same_again_publishes_nothing(first, registry, nar):
    again = publish(registry.url, release_of_files(), nar, "once more")
    assert (again.version, again.new) == (1, False)
    assert not any(flow.new for flow in again.flows)
    assert again.lost == first.lost


def test_another_client_sees_buckets_flows_versions_and_comments(first, registry):
    import nipyapi

    nipyapi.config.registry_config.api_client = None
    nipyapi.config.registry_config.host = f"{registry.url}/nifi-registry-api"
    bucket = nipyapi.versioning.get_registry_bucket(BUCKET)
    names = {flow.name for flow in nipyapi.versioning.list_flows_in_bucket(bucket.identifier)}
    assert names == {"release", *(flow.name for flow in release_of_files().flows)}
    flow = nipyapi.versioning.get_flow_in_bucket(bucket.identifier, "deliver")
    version = nipyapi.versioning.get_latest_flow_ver(bucket.identifier, flow.identifier)
    assert version.snapshot_metadata.comments == f"as committed\nrelease {first.release}"
    assert len(version.flow_contents.processors) == len(release_of_files().flow("deliver").parts("processors"))


def test_each_version_is_one_commit_of_a_git_repository(first, registry):
    log = registry.home / "registry" / "flows" / ".git" / "logs" / "HEAD"
    assert len(log.read_text().splitlines()) >= 1 + len(first.flows)


def test_what_comes_back_is_whole_and_is_what_was_committed(first, registry, nar):
    found, committed = read_origin("registry", registry.url), release_of_files()
    assert found.flows == committed.flows
    assert found.digest(nar.digest) == committed.digest(nar.digest) == first.release


def test_deploying_from_the_registry_what_runs_already_changes_nothing(first, nifi, registry, nar, parameters):
    done = deploy(nifi.url, parameters, nar, release=read_origin("registry", registry.url))
    assert (done.release, done.changed) == (first.release, ())
    status = status_of(nifi.url, registry.url)
    assert status.origin == "registry:1"
    assert [(group.version, group.latest.number) for group in status.groups] == [(1, 1)] * len(status.groups)


def test_an_upgrade_in_place_keeps_what_waits_starts_what_is_new_and_rolls_back(
    first, nifi, registry, nar, parameters, send, handoff
):
    handoff.script[:] = [409]
    second = publish(registry.url, changed_release(), nar, "one processor more")
    assert {flow.flow for flow in second.flows if flow.new} == {"deliver"}
    with NiFi(nifi.url) as api:
        fetch = processor(api, "deliver", "Fetch the package")
        set_state(api, fetch, "STOPPED")
        content = send()
        wait_for("queue it", lambda: status_of(nifi.url).waiting == 1)
        done = deploy(nifi.url, parameters, nar, release=read_origin("registry:2", registry.url))
        assert set(done.changed) == {"flow.release", "deliver"}
        request = handoff.requests.get(timeout=180)
        assert (request.path, hashlib.sha256(request.body).digest()) == (
            f"/v1/shipments/{SHIPMENT}",
            hashlib.sha256(content).digest(),
        )
        assert processor(api, "deliver", PULSE)["component"]["state"] == "RUNNING"
        assert processor(api, "deliver", "Fetch the package")["id"] == fetch["id"]
        assert differences(api, changed_release().flows) == []
        back = deploy(nifi.url, parameters, nar, release=read_origin("registry:1", registry.url))
        assert back.release == first.release
        assert differences(api) == []
    status = status_of(nifi.url, registry.url)
    assert {part.state for part in status.components if part.group == "deliver"} == {"RUNNING"}
    deliver = next(group for group in status.groups if group.name == "deliver")
    assert (deliver.version, deliver.latest.number) == (1, 2)


def test_a_group_that_a_release_does_not_have_is_taken_away_and_comes_back(deployed, nifi, nar, parameters):
    whole = release_of_files()
    written = yaml.safe_load(whole.assembly_text)
    gone = list(written["flows"])[-1]
    del written["flows"][gone]
    written["links"] = [link for link in written["links"] if gone not in {link["source"], link["destination"]}]
    smaller = replace(
        whole,
        flows=tuple(flow for flow in whole.flows if flow.name != gone),
        assembly_text=yaml.safe_dump(written, sort_keys=False),
    )
    done = deploy(nifi.url, parameters, nar, release=smaller)
    assert f"without {gone}" in done.changed
    with NiFi(nifi.url) as api:
        assert gone not in children(api, require_parent(api, "Sluice"))
        deploy(nifi.url, parameters, nar)
        assert differences(api) == []


def test_an_edited_canvas_is_told_refused_saved_and_discarded(first, nifi, nar, parameters, tmp_path):
    with NiFi(nifi.url) as api:
        split = processor(api, "route", "One FlowFile for each shipment")
        edit(api, split, penaltyDuration="7 sec")
        (found,) = [each for group in status_of(nifi.url).groups for each in group.edits]
        assert (found.flow, found.component, found.field) == ("route", split["component"]["name"], "penaltyDuration")
        assert (found.was, found.now, found.by) == ("2 sec", "7 sec", "anonymous")
        assert found.at
        with pytest.raises(EditedError, match=r"penaltyDuration: 2 sec -> 7 sec \(by anonymous") as caught:
            deploy(nifi.url, parameters, nar)
        assert "sluice flows save" in caught.value.remedy
        assert processor(api, "route", split["component"]["name"])["component"]["config"]["penaltyDuration"] == "7 sec"
        shutil.copytree(FLOWS, tmp_path, dirs_exist_ok=True)
        saved = save(nifi.url, tmp_path)
        assert [file.name for file in saved.files] == ["route.json"]
        assert saved.findings == ()
        before, after = (json.loads((f / BUCKET / "route.json").read_text()) for f in (FLOWS, tmp_path))
        changed = [part for part in after["flowContents"]["processors"] if part["penaltyDuration"] == "7 sec"]
        changed[0]["penaltyDuration"] = "2 sec"
        assert after == before, "nothing but the edit is in the file"
        done = deploy(nifi.url, parameters, nar, discard=True)
        assert done.changed == ("route",)
        assert differences(api) == []
        assert save(nifi.url, tmp_path).files == (tmp_path / BUCKET / "route.json",)
        assert (tmp_path / BUCKET / "route.json").read_bytes() == (FLOWS / BUCKET / "route.json").read_bytes()


def test_the_commands_tell_it_to_machines(first, nifi, registry, nar, parameters):
    deploy(nifi.url, parameters, nar, release=read_origin("registry:1", registry.url))

    def told(*command: str) -> dict:
        whole = [sys.executable, "-m", "sluice", *command, "--json", "--home", str(nifi.home)]
        return json.loads(subprocess.run(whole, capture_output=True, text=True, check=True).stdout)

    assert told("nifi", "status")["registry"]["healthy"]
    status = told("flows", "status")
    assert (status["release"], status["edited"]) == (first.release, False)
    assert {group["version"] for group in status["groups"]} == {1}
    assert told("flows", "diff", "--against", "registry:1") == {"against": "registry:1", "differences": []}


def test_a_bundle_that_is_not_installed_is_refused_before_anything_changes(first, nifi, nar, parameters):
    release = changed_release()
    release.flow("deliver").snapshot["flowContents"]["processors"][0]["bundle"]["version"] = "9.9.9"
    with pytest.raises(MissingBundleError, match=r"nifi-standard-nar 9\.9\.9; this NiFi has it in version 2\.3\.0"):
        deploy(nifi.url, parameters, nar, release=release)
    with NiFi(nifi.url) as api:
        assert differences(api) == []


def test_what_is_not_in_the_registry_is_one_sentence_with_a_remedy(first, registry):
    with pytest.raises(NotPublishedError, match=r"no version 99; the newest is \d"):
        read_origin("registry:99", registry.url)
    with pytest.raises(NoRegistryError, match="does not answer") as caught:
        read_origin("registry", "http://127.0.0.1:9")
    assert "sluice nifi up --registry" in caught.value.remedy


def test_a_nifi_is_not_taken_for_a_registry_and_a_silent_one_is_part_of_the_status(first, nifi):
    with pytest.raises(NoRegistryError, match="is no NiFi Registry"):
        read_origin("registry", nifi.url)
    status = status_of(nifi.url, "http://127.0.0.1:9")
    assert "does not answer" in status.registry.problem
    assert status.running


def test_a_version_from_elsewhere_is_told_and_published_over(first, registry, nar):
    with Registry(registry.url) as api:
        bucket = Bucket(api)
        number = bucket.versions("receive")[0].number + 1
        bucket.add("receive", number, release_of_files().flow("receive").snapshot, "by other means")
        bucket.add("release", bucket.versions("release")[0].number + 1, first_flow_alone(), "by other means")
    with pytest.raises(ForeignVersionError, match="was not made by `sluice flows publish`"):
        read_origin("registry", registry.url)
    assert read_origin("registry:1", registry.url).flows == release_of_files().flows
    again = publish(registry.url, release_of_files(), nar)
    receive = next(flow for flow in again.flows if flow.flow == "receive")
    assert (receive.version, receive.over) == (number + 1, "anonymous")
    assert read_origin("registry", registry.url).flows == release_of_files().flows


def first_flow_alone() -> dict:
    return release_of_files().flows[0].snapshot


def test_everything_is_there_after_a_restart(first, registry, nar):
    before = read_origin("registry", registry.url)
    assert stop_registry(registry.home)
    start_registry(registry.home, port=int(registry.url.rpartition(":")[2]))
    assert read_origin("registry", registry.url) == before
    assert not publish(registry.url, release_of_files(), nar).new
