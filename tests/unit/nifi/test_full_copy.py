"""A Registry that drops fields: they are named, and the flow comes back whole all the same."""

import copy

import pytest

from nifi.errors import ForeignVersionError
from nifi.releases.compare import fingerprint
from nifi.releases.flow import Flow, read_flows
from nifi.releases.full_copy import full_copy, lost_fields, restore, with_full_copy

NEWER = ("retryCount", "retriedRelationships", "backoffMechanism", "maxBackoffPeriod")


@pytest.fixture
def flow() -> Flow:
    return next(flow for flow in read_flows() if flow.name == "deliver")


def old_registry(sent: dict) -> dict:
    """What a Registry gives back that does not know how often processors try again, and keeps lists in any order."""
    answer = copy.deepcopy({**sent, "snapshotMetadata": {"version": 1}, "latest": True})
    for processor in answer["flowContents"]["processors"]:
        for field in NEWER:
            del processor[field]
        processor["autoTerminatedRelationships"].reverse()
    answer["flowContents"]["connections"].reverse()
    return answer


def new_registry(sent: dict) -> dict:
    """What a Registry gives back that knows every field and, like NiFi 2, no variables."""
    answer = copy.deepcopy({**sent, "snapshotMetadata": {"version": 1}})
    del answer["flowContents"]["variables"]
    answer["flowContents"]["processors"].reverse()
    answer["flowContents"]["logFileSuffix"] = None
    return answer


def test_every_lost_field_is_named_with_how_often_and_order_is_no_loss(flow):
    lost = lost_fields(flow.snapshot, old_registry(with_full_copy(flow)))
    count = len(flow.parts("processors"))
    assert lost == {f"flowContents.processors[].{field}": count for field in sorted(NEWER)}


def test_a_changed_value_and_a_missing_component_are_losses_too(flow):
    answer = old_registry(with_full_copy(flow))
    answer["flowContents"]["processors"][0]["penaltyDuration"] = "9 sec"
    del answer["flowContents"]["labels"][0]
    lost = lost_fields(flow.snapshot, answer)
    assert lost["flowContents.processors[].penaltyDuration"] == lost["flowContents.labels[]"] == 1


def test_nothing_is_lost_when_everything_comes_back(flow):
    assert lost_fields(flow.snapshot, new_registry(with_full_copy(flow))) == {}


def test_the_flow_comes_back_whole_from_a_registry_that_dropped_fields(flow):
    answer = old_registry(with_full_copy(flow))
    assert restore("deliver", answer, flow.digest, fingerprint(flow.contents)) == flow


def test_the_same_flow_is_packed_into_the_same_bytes(flow):
    assert with_full_copy(flow) == with_full_copy(flow)
    assert "variables" not in flow.contents


def test_a_registry_that_keeps_every_field_needs_no_copy(flow):
    found = restore("deliver", new_registry(with_full_copy(flow)), flow.digest, fingerprint(flow.contents))
    assert fingerprint(found.contents) == fingerprint(flow.contents)
    assert "snapshotMetadata" not in found.snapshot


def test_a_version_without_a_copy_that_lacks_fields_is_refused(flow):
    answer = old_registry(flow.snapshot)
    assert full_copy("deliver", answer) is None
    with pytest.raises(ForeignVersionError, match="has no full copy") as caught:
        restore("deliver", answer, flow.digest, fingerprint(flow.contents))
    assert "sluice flows publish" in caught.value.remedy


@pytest.mark.parametrize("packed", ["!", "aGVsbG8=", ""], ids=["no base64", "no gzip", "nothing"])
def test_a_damaged_copy_is_refused(flow, packed):
    answer = with_full_copy(flow)
    answer["flowContents"]["variables"] = {"sluice.flow": packed}
    with pytest.raises(ForeignVersionError, match="cannot be read"):
        restore("deliver", answer, flow.digest, fingerprint(flow.contents))


def test_a_copy_of_another_flow_is_refused(flow):
    other = Flow("deliver", copy.deepcopy(flow.snapshot))
    other.snapshot["flowContents"]["comments"] = "another"
    with pytest.raises(ForeignVersionError, match="not the one that the release names"):
        restore("deliver", with_full_copy(other), flow.digest, fingerprint(flow.contents))
