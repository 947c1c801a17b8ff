"""What NiFi tells of a group becomes the committed file again, and an edit becomes a diff of that edit alone."""

import copy

import pytest

from nifi.errors import SaveError
from nifi.releases.flow import Flow, read_flows, stable_id
from nifi.releases.lint import lint
from nifi.releases.normalise import normalise
from nifi.releases.parameters import read_parameters
from nifi.releases.processor_types import find_type
from nifi.releases.save import FLOWS, as_text

FLOW_NAMES = [flow.name for flow in read_flows()]


def committed(name: str) -> Flow:
    return next(flow for flow in read_flows() if flow.name == name)


def as_live(flow: Flow) -> dict:
    """The flow as NiFi 2.3.0 downloads it."""
    live = copy.deepcopy(flow.snapshot)
    contents = live["flowContents"]
    contents |= {"instanceIdentifier": "live", "identifier": "another", "position": {"x": 7.0, "y": 7.0}}
    contents["comments"] += f"\nflow {flow.digest}\ncanvas abc\nfrom files"
    for kind in ("processors", "controllerServices", "connections", "inputPorts", "outputPorts", "labels"):
        contents[kind].reverse()
        for part in contents[kind]:
            part |= {"instanceIdentifier": "live", "groupIdentifier": "another"}
    for processor in contents["processors"]:
        processor["autoTerminatedRelationships"].reverse()
    for part in (*contents["processors"], *contents["controllerServices"]):
        for name, property_ in find_type(part["type"]).properties.items():
            part["properties"].setdefault(name, property_.default)
            part["propertyDescriptors"].setdefault(name, {"name": name})
            part["propertyDescriptors"][name]["resourceDefinition"] = {"cardinality": "SINGLE"}
    for line in contents["connections"]:
        for end in ("source", "destination"):
            line[end] |= {"groupId": "another", "instanceIdentifier": "live", "comments": "told here too"}
    parameters = live["parameterContexts"]["sluice"]["parameters"]
    for parameter in parameters:
        parameter["value"] = "/srv/of/this/site"
    live["latest"] = False
    return live


def normalised(live: dict, flow: Flow) -> Flow:
    return normalise(flow.name, live, flow, read_parameters())


def of(live: dict, name: str) -> dict:
    return next(part for part in live["flowContents"]["processors"] if part["name"] == name)


@pytest.mark.parametrize("name", FLOW_NAMES)
def test_a_group_that_nobody_changed_gives_the_very_bytes_of_its_file(name):
    flow = committed(name)
    assert as_text(normalised(as_live(flow), flow)) == (FLOWS / "sluice" / f"{name}.json").read_text("utf-8")


def test_a_changed_value_is_the_only_change_in_the_file():
    flow = committed("deliver")
    live = as_live(flow)
    of(live, "PUT to the handoff")["properties"]["Socket Read Timeout"] = "9 mins"
    before, after = as_text(flow).splitlines(), as_text(normalised(live, flow)).splitlines()
    assert [line for line in after if line not in before] == ['          "Socket Read Timeout": "9 mins",']
    assert len(before) == len(after)


def test_a_new_processor_and_its_connection_come_last_with_ids_that_their_names_give():
    flow = committed("deliver")
    live = as_live(flow)
    new = {**copy.deepcopy(of(live, "Fetch the package")), "identifier": "made-by-nifi", "name": "Copy"}
    live["flowContents"]["processors"].insert(0, new)
    line = copy.deepcopy(live["flowContents"]["connections"][0])
    line |= {"identifier": "made-by-nifi-too", "selectedRelationships": ["success"]}
    line["source"] |= {"id": "made-by-nifi", "name": "Copy"}
    live["flowContents"]["connections"].insert(0, line)
    found = normalised(live, flow)
    assert found.parts("processors")[-1]["identifier"] == stable_id("deliver", "processor", "Copy")
    last = found.parts("connections")[-1]
    assert last["source"]["id"] == stable_id("deliver", "processor", "Copy")
    assert last["identifier"] == stable_id("deliver", "connection", f"Copy-success-{last['destination']['name']}")
    others = [flow if flow.name != "deliver" else found for flow in read_flows()]
    assert not any("its id is not" in str(finding) for finding in lint(others))


def test_a_service_that_was_made_on_the_canvas_is_known_by_its_name_where_it_is_used():
    flow = committed("deliver")
    live = as_live(flow)
    service = live["flowContents"]["controllerServices"][0]
    service["identifier"] = of(live, "PUT to the handoff")["properties"]["SSL Context Service"] = "made-by-nifi"
    assert as_text(normalised(live, flow)) == as_text(flow)


def test_nothing_of_this_nifi_or_this_site_is_in_the_file():
    flow = committed("deliver")
    text = as_text(normalised(as_live(flow), flow))
    for strange in ("live", "another", "/srv/of/this/site", "told here too", "canvas"):
        assert f'"{strange}' not in text


def test_two_components_of_the_same_name_are_refused():
    flow = committed("deliver")
    live = as_live(flow)
    twin = {**copy.deepcopy(of(live, "Fetch the package")), "identifier": "made-by-nifi"}
    live["flowContents"]["processors"].append(twin)
    with pytest.raises(SaveError, match="called 'Fetch the package'"):
        normalised(live, flow)


def test_a_parameter_that_is_not_declared_is_refused():
    flow = committed("deliver")
    live = as_live(flow)
    of(live, "PUT to the handoff")["properties"]["HTTP URL"] = "#{made.up}"
    with pytest.raises(SaveError, match=r"made\.up is not declared"):
        normalised(live, flow)
