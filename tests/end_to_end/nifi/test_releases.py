"""A release comes onto a real NiFi whole, once, and whoever changes the canvas is found out."""

import copy
from dataclasses import replace

import pytest

from nifi.errors import DeployError, UnreachableError
from nifi.releases.compare import differences
from nifi.releases.deploy import deploy
from nifi.releases.flow import Flow, read_flows
from nifi.releases.groups import require_parent
from nifi.releases.release import release_of_files
from nifi.releases.schedule import start, stop
from nifi.releases.status import status_of
from nifi.rest import NiFi

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]


def test_every_processor_of_the_release_is_valid_and_runs(nifi, deployed):
    status = status_of(nifi.url)
    assert status.release == deployed.release
    assert status.running, status.as_text()
    assert {part.type for part in status.components} >= {
        "ListenDICOM",
        "RouteDICOM",
        "DeidentifyDICOM",
        "ConfirmDelivery",
    }
    release = release_of_files()
    inside = sum(len(flow.parts("connections")) for flow in release.flows)
    assert len(status.queues) == inside + len(release.assembly.links)


def test_deploying_the_same_release_again_changes_nothing(nifi, deployed, nar, parameters):
    again = deploy(nifi.url, parameters, nar)
    assert again.changed == ()
    assert (again.release, again.group) == (deployed.release, deployed.group)


def test_what_nifi_made_of_the_flows_is_what_was_committed(nifi, deployed):
    with NiFi(nifi.url) as api:
        assert differences(api) == []


def test_a_change_on_the_canvas_is_found_and_named(nifi, deployed):
    with NiFi(nifi.url) as api:
        parent = require_parent(api, "Sluice")
        groups = api.get(f"/process-groups/{parent.id}/process-groups")["processGroups"]
        route = next(group["id"] for group in groups if group["component"]["name"] == "route")
        found = api.get(f"/process-groups/{route}/processors")["processors"]
        split = next(entity for entity in found if entity["component"]["type"].endswith("SplitJson"))

        def comment(text: str) -> None:
            revision = api.get(f"/processors/{split['id']}")["revision"]
            body = {"revision": revision, "component": {"id": split["id"], "config": {"comments": text}}}
            api.put(f"/processors/{split['id']}", body)

        stop(api, parent)
        try:
            comment("changed by hand")
            found = differences(api)
        finally:
            comment(split["component"]["config"]["comments"])
            start(api, parent)
        assert [(each.flow, each.field, each.live) for each in found] == [("route", "comments", "changed by hand")]
        assert differences(api) == []


def test_a_changed_flow_is_replaced_in_place(nifi, deployed, nar, parameters):
    flows = [Flow(flow.name, copy.deepcopy(flow.snapshot)) for flow in read_flows()]
    flows[1].contents["processors"][0]["penaltyDuration"] = "3 sec"
    changed = deploy(nifi.url, parameters, nar, release=replace(release_of_files(), flows=tuple(flows)))
    assert set(changed.changed) == {"flow.release", "route"}
    assert changed.group == deployed.group
    back = deploy(nifi.url, parameters, nar)
    assert back.release == deployed.release
    assert status_of(nifi.url).running


def test_the_token_is_told_to_nobody(nifi, deployed, parameters):
    with NiFi(nifi.url) as api:
        parent = require_parent(api, "Sluice")
        seen = [api.get(f"/process-groups/{parent.id}/download"), api.get("/flow/parameter-contexts")]
    assert parameters["handoff.token"] not in str(seen)
    assert parameters["handoff.token"].encode() not in (nifi.home / "nifi/conf/flow.json.gz").read_bytes()


def test_a_parameter_without_a_value_is_named(nifi, nar):
    with pytest.raises(DeployError, match=r"The parameter handoff\.token has no value"):
        deploy(nifi.url, {"trusted.home": "/x", "handoff.url": "http://127.0.0.1:9", "receipt.public.key": "x"}, nar)


def test_a_nifi_that_is_not_there_is_an_error_with_a_remedy(nar, parameters):
    with pytest.raises(UnreachableError, match="does not answer") as caught:
        deploy("http://127.0.0.1:9", parameters, nar)
    assert "sluice nifi up" in caught.value.remedy
