"""The committed flows are clean, and the lint finds each fault that is put into them."""

import ast
import copy
from pathlib import Path

import pytest

from nifi.errors import FlowLintError
from nifi.releases.flow import Flow, read_flows, release_digest
from nifi.releases.lint import lint, require_clean
from nifi.releases.processor_types import read_types
from processors.delivery.receiver_properties import PROPERTIES


@pytest.fixture
def flows() -> dict[str, Flow]:
    return {flow.name: Flow(flow.name, copy.deepcopy(flow.snapshot)) for flow in read_flows()}


def processor(flow: Flow, type_: str) -> dict:
    return next(part for part in flow.parts("processors") if part["type"].endswith(type_))


def line(flow: Flow, source: str, *relationships: str) -> dict:
    return next(
        part
        for part in flow.parts("connections")
        if part["source"]["name"] == source and (not relationships or part["selectedRelationships"] == [*relationships])
    )


def messages(flows: dict[str, Flow]) -> str:
    return "\n".join(str(finding) for finding in lint(list(flows.values())))


def test_the_committed_flows_are_clean():
    assert lint() == []
    require_clean()


def dangling(flows):
    processor(flows["route"], "SplitJson")["autoTerminatedRelationships"].remove("failure")


def misspelt_relationship(flows):
    processor(flows["deliver"], "ConfirmDelivery")["autoTerminatedRelationships"].append("succes")


def ended_and_connected(flows):
    processor(flows["receive"], "ListenDICOM")["autoTerminatedRelationships"].append("success")


def literal_token(flows):
    processor(flows["deliver"], "InvokeHTTP")["properties"]["Authorization"] = "Bearer 0123456789"


def token_that_is_not_marked(flows):
    processor(flows["deliver"], "InvokeHTTP")["propertyDescriptors"]["Authorization"]["sensitive"] = False


def secret_in_an_innocent_property(flows):
    processor(flows["deliver"], "InvokeHTTP")["properties"]["Sluice-SHA256"] = "Bearer abc"


def literal_address(flows):
    processor(flows["deliver"], "InvokeHTTP")["properties"]["HTTP URL"] = "http://handoff:8080/v1/x"


def literal_path(flows):
    processor(flows["receive"], "ListenDICOM")["properties"]["Trusted Home"] = "/srv/trusted"


def unknown_parameter(flows):
    processor(flows["receive"], "ListenDICOM")["properties"]["Trusted Home"] = "#{trusted.house}"


def misspelt_property(flows):
    properties = processor(flows["deliver"], "FetchFile")["properties"]
    properties["File To Fetch"] = properties.pop("File to Fetch")


def default_queue(flows):
    queue = line(flows["route"], "deliveries")
    queue["backPressureObjectThreshold"], queue["backPressureDataSizeThreshold"] = 10000, "1 GB"


def limited_loop(flows):
    queue = line(flows["deliver"], "PUT to the handoff", "Failure", "Retry")
    queue["backPressureObjectThreshold"], queue["backPressureDataSizeThreshold"] = 10, "1 MB"


def unlimited_line(flows):
    queue = line(flows["route"], "deliveries")
    queue["backPressureObjectThreshold"], queue["backPressureDataSizeThreshold"] = 0, "0 B"


def expiring(flows):
    line(flows["receive"], "Announce sealed deliveries")["flowFileExpiration"] = "1 hour"


def default_backoff(flows):
    processor(flows["deliver"], "InvokeHTTP")["maxBackoffPeriod"] = "10 mins"


def no_retry_count(flows):
    processor(flows["deliver"], "InvokeHTTP")["retryCount"] = 0


def dropped_failure(flows):
    processor(flows["deliver"], "InvokeHTTP")["autoTerminatedRelationships"].append("Failure")


def foreign_type(flows):
    processor(flows["route"], "SplitJson")["type"] = "org.apache.nifi.processors.standard.ExecuteStreamCommand"


def foreign_version(flows):
    processor(flows["route"], "SplitJson")["bundle"]["version"] = "2.4.0"


def foreign_attribute(flows):
    properties = processor(flows["route"], "EvaluateJsonPath")
    properties["properties"]["patient.name"] = "$.x"
    properties["propertyDescriptors"]["patient.name"] = {"dynamic": True}


def redirects(flows):
    processor(flows["deliver"], "InvokeHTTP")["properties"]["Response Redirects Enabled"] = "True"


def service(flow: Flow) -> dict:
    return flow.contents["controllerServices"][0]


def anybody_is_trusted(flows):
    processor(flows["return"], "InvokeHTTP")["properties"].pop("SSL Context Service")


def service_of_another_flow(flows):
    properties = processor(flows["return"], "InvokeHTTP")["properties"]
    properties["SSL Context Service"] = service(flows["deliver"])["identifier"]


def literal_key(flows):
    service(flows["deliver"])["properties"]["Private Key"] = "typed in"


def key_that_is_no_sensitive_parameter(flows):
    service(flows["deliver"])["properties"]["Private Key"] = "#{handoff.ca}"


def unknown_parameter_of_a_service(flows):
    service(flows["deliver"])["properties"]["Certificate Authorities"] = "#{handoff.authority}"


def misspelt_property_of_a_service(flows):
    properties = service(flows["deliver"])["properties"]
    properties["Certificate authorities"] = properties.pop("Certificate Authorities")


def foreign_service(flows):
    service(flows["deliver"])["type"] = "org.apache.nifi.ssl.StandardSSLContextService"


def random_id_of_a_service(flows):
    service(flows["deliver"])["identifier"] = "01234567-89ab-cdef-0123-456789abcdef"


def random_id(flows):
    processor(flows["receive"], "ListenDICOM")["identifier"] = "01234567-89ab-cdef-0123-456789abcdef"


def same_id(flows):
    flows["route"].contents["labels"][0]["identifier"] = flows["receive"].contents["labels"][0]["identifier"]


def no_comment(flows):
    processor(flows["receive"], "ListenDICOM")["comments"] = ""


def overlap(flows):
    parts = flows["route"].parts("processors")
    parts[1]["position"] = dict(parts[0]["position"])


def backwards(flows):
    processor(flows["route"], "SplitJson")["position"]["x"] = -5000.0


def lost_port(flows):
    flows["deidentify"].contents["outputPorts"][0]["name"] = "elsewhere"


FAULTS = {
    dangling: "the relationship 'failure' dangles",
    misspelt_relationship: "there is no relationship 'succes'",
    ended_and_connected: "the relationship 'success' is connected and ended",
    literal_token: "'Authorization' must be a sensitive parameter alone",
    token_that_is_not_marked: "'Authorization' must be a sensitive parameter alone",
    secret_in_an_innocent_property: "looks like a secret",
    literal_address: "'HTTP URL' holds a value of one site",
    literal_path: "'Trusted Home' holds a value of one site",
    unknown_parameter: "the parameter 'trusted.house' is not declared",
    misspelt_property: "FetchFile has no property 'File To Fetch'",
    default_queue: "its limits are NiFi's defaults",
    limited_loop: "it is in a loop without an unlimited queue",
    unlimited_line: "it is unlimited and in no loop",
    expiring: "its FlowFiles expire",
    default_backoff: "its longest pause is NiFi's default",
    no_retry_count: "names relationships to retry and no count",
    dropped_failure: "'Failure' ends here",
    foreign_type: "ExecuteStreamCommand is no allowed processor type",
    foreign_version: "its bundle is not",
    foreign_attribute: "'patient.name' is not in the closed list",
    redirects: "it follows redirects",
    anybody_is_trusted: "no service of this flow says whom it trusts",
    service_of_another_flow: "no service of this flow says whom it trusts",
    literal_key: "'Private Key' must be a sensitive parameter alone",
    key_that_is_no_sensitive_parameter: "'Private Key' must be a sensitive parameter alone",
    unknown_parameter_of_a_service: "the parameter 'handoff.authority' is not declared",
    misspelt_property_of_a_service: "PEMEncodedSSLContextProvider has no property 'Certificate authorities'",
    foreign_service: "StandardSSLContextService is no allowed service type",
    random_id_of_a_service: "its id is not",
    random_id: "its id is not",
    same_id: "this id is used twice",
    no_comment: "no comment explains it",
    overlap: "it overlaps",
    backwards: "it leads to the left",
    lost_port: "the assembly names a port that is not there",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.replace("_", " "))
def test_each_seeded_fault_is_found(flows, fault):
    fault(flows)
    assert FAULTS[fault] in messages(flows)
    with pytest.raises(FlowLintError):
        require_clean(list(flows.values()))


def test_a_release_is_named_by_its_flows_and_its_nar(flows):
    release = release_digest(list(flows.values()), "a" * 64)
    assert release == release_digest(read_flows(), "a" * 64)
    assert release != release_digest(list(flows.values()), "b" * 64)
    processor(flows["receive"], "ListenDICOM")["comments"] = "changed"
    assert release != release_digest(list(flows.values()), "a" * 64)


def shells() -> list[Path]:
    return sorted(file for file in Path("processors").glob("[A-Z]*.py"))


@pytest.mark.parametrize("shell", shells(), ids=lambda shell: shell.stem)
def test_the_captured_types_say_what_the_shells_declare(shell):
    calls = [node for node in ast.walk(ast.parse(shell.read_text("utf-8"))) if isinstance(node, ast.Call)]
    declared: dict[str, set[str]] = {"PropertyDescriptor": set(), "Relationship": set()}
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in declared:
            if any(
                keyword.arg is None for keyword in call.keywords
            ):  # the receiver's are data: ListenDICOM alone has them
                assert shell.stem == "ListenDICOM"
                declared[call.func.id] |= {str(facts["name"]) for facts in PROPERTIES}
                continue
            name = next(keyword.value for keyword in call.keywords if keyword.arg == "name")
            assert isinstance(name, ast.Constant)
            declared[call.func.id].add(name.value)
    captured = read_types()[shell.stem]
    assert set(captured.properties) == declared["PropertyDescriptor"]
    assert captured.relationships - {"failure", "original", "success"} == declared["Relationship"] - {"success"}
