"""What differs, who made it so, and when a deployment must stop."""

import copy

import pytest

from nifi.errors import EditedError
from nifi.releases.compare import Difference, fingerprint, unlike
from nifi.releases.edits import Edit, refuse_edits
from nifi.releases.flow import Flow, read_flows
from nifi.releases.history import Action, last_action
from nifi.releases.marks import Marks


@pytest.fixture
def flow() -> Flow:
    return next(flow for flow in read_flows() if flow.name == "route")


def as_live(flow: Flow) -> dict:
    """The flow as NiFi tells it: other order, ids of its own, defaults written out."""
    live = copy.deepcopy(flow.contents)
    live["instanceIdentifier"] = "live"
    live["processors"].reverse()
    for kind in ("processors", "connections", "labels"):
        for number, part in enumerate(live[kind]):
            part |= {"instanceIdentifier": f"{kind}-{number}", "groupIdentifier": "live"}
    for processor in live["processors"]:
        processor["autoTerminatedRelationships"].reverse()
    live["comments"] = "changed by each deployment"
    return live


def test_order_ids_and_comments_of_the_group_are_no_difference(flow):
    assert unlike("route", flow.contents, as_live(flow)) == []
    assert fingerprint(as_live(flow)) == fingerprint(flow.contents)


def test_moving_a_box_is_no_difference(flow):
    live = as_live(flow)
    live["processors"][0]["position"] = {"x": 1.0, "y": 1.0}
    assert unlike("route", flow.contents, live) == []
    assert fingerprint(live) == fingerprint(flow.contents)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda live: live["processors"][0].update(schedulingPeriod="9 sec"), "schedulingPeriod"),
        (lambda live: live["processors"][0]["properties"].update(New="x"), "New"),
        (lambda live: live["processors"].pop(), "processor"),
        (lambda live: live["connections"][0]["destination"].update(id="another", name="Another"), "destination"),
        (lambda live: live.update(defaultFlowFileExpiration="1 min"), "defaultFlowFileExpiration"),
        (lambda live: live["funnels"].append({"identifier": "f"}), "funnel"),
    ],
    ids=["value", "property", "gone", "led elsewhere", "of the group", "new kind"],
)
def test_every_kind_of_change_is_one_difference_and_another_fingerprint(flow, change, field):
    live = as_live(flow)
    change(live)
    assert [each.field for each in unlike("route", flow.contents, live)] == [field]
    assert fingerprint(live) != fingerprint(flow.contents)


def action(number: int, **changes: object) -> Action:
    told = {"by": f"user {number}", "at": f"time {number}", "source_id": "p1", "source_name": "Split"}
    return Action(**{**told, "operation": "Configure", "details": {}, **changes})


def test_the_newest_action_on_that_very_field_made_it(flow):
    difference = Difference("route", "Split", "penaltyDuration", "2 sec", "7 sec", "id")
    actions = [
        action(3, details={"name": "Scheduling Period"}),
        action(2, details={"name": "Penalty Duration"}),
        action(1, details={"name": "Penalty Duration"}),
        action(4, source_id="p2", details={"name": "Penalty Duration"}),
    ]
    assert last_action(actions, difference, "p1").by == "user 2"
    assert last_action(actions[:1], difference, "p1").by == "user 3", "else the newest on that component"
    assert last_action(actions, difference, "p9") is None


def test_what_is_gone_is_found_by_its_name():
    ends = {"sourceName": "A", "destinationName": "B", "relationship": "success"}
    actions = [action(1, operation="Disconnect", source_name="", details=ends), action(2, operation="Remove")]
    assert (
        last_action(actions, Difference("route", "A-success-B", "connection", "there", None, "id"), "").by == "user 1"
    )
    assert last_action(actions, Difference("route", "Split", "processor", "there", None, "id"), "").by == "user 2"


def edit(field: str = "penaltyDuration", *, compared: bool = True) -> Edit:
    return Edit("route", "Split", field, "2 sec", "7 sec", "CN=ann", "yesterday", compared)


def planned(field: str) -> Difference:
    return Difference("route", "Split", field, "2 sec", "7 sec", "id")


def test_an_edit_that_would_be_lost_stops_the_deployment_and_names_what_and_who():
    with pytest.raises(EditedError) as caught:
        refuse_edits([edit()], [planned("penaltyDuration")])
    assert "route: Split: penaltyDuration: 2 sec -> 7 sec (by CN=ann, yesterday)" in str(caught.value)
    assert "sluice flows save" in caught.value.remedy
    assert "--discard" in caught.value.remedy


def test_an_edit_that_the_release_has_too_stops_nothing():
    refuse_edits([edit()], [])
    refuse_edits([edit()], [planned("schedulingPeriod")])


def test_an_edit_that_only_the_history_tells_stops_whatever_would_change():
    refuse_edits([edit(compared=False)], [])
    with pytest.raises(EditedError):
        refuse_edits([edit(compared=False)], [planned("schedulingPeriod")])


def test_many_edits_are_counted_not_listed():
    edits = [edit(f"field {number}") for number in range(5)]
    with pytest.raises(EditedError, match="and 2 more"):
        refuse_edits(edits, [planned(each.field) for each in edits])


def test_marks_survive_writing_and_reading_and_leave_the_comment_alone():
    marks = Marks(flow="f" * 64, canvas="c" * 64, origin="registry:3", release="r" * 64)
    text = marks.write("Decides where.\nIn two lines.")
    assert Marks.read(text) == marks
    assert Marks.strip(text) == "Decides where.\nIn two lines."
    assert Marks.read("written by hand") == Marks(origin="files")
