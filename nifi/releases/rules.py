"""The rules for one flow: each is a function from a flow to its findings, and `RULES` lists them.

The flows are data that no type checker reads, and NiFi forgives much: it takes a misspelt property for a header, keeps
a relationship dangling until somebody starts the group, and exports a literal secret. So these rules read the files.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nifi.releases.flow import Flow, Json, stable_id
from nifi.releases.parameters import REFERENCE, read_parameters
from nifi.releases.processor_types import ProcessorType, find_type, read_service_types, read_types

ATTRIBUTES: Final = frozenset(
    {"delivery.id", "delivery.n", "kind", "destination", "shipment.id"}
    | {"package.path", "package.sha256", "package.size", "reason", "receipt"}
)
"""All attributes that a flow may set; none can hold anything about a patient. NiFi adds some of its own."""

BOXED = ("processors", "inputPorts", "outputPorts")
"""What has a box on the canvas, by its key in the file."""

CONFIGURED = ("processors", "controllerServices")
"""What has properties."""

_SITE_VALUE = re.compile(r"https?://|(^|[\s'\"=])/\w|\b\d{1,3}(\.\d{1,3}){3}\b|localhost|\w@\w", re.ASCII)
_SECRET_NAME = re.compile(r"authorization|token|secret|passw|credential|api.?key", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(Bearer|Basic)\s+\S|[A-Za-z0-9+/_-]{40,}")
_NIFI_QUEUE = (10000, "1 GB")
_UNLIMITED = (0, "0 B")
_NIFI_MAX_BACKOFF = "10 mins"
_BOX = (352 + 224, 128)
"""Width of a processor on the canvas and of the label of a line beside it; height of a processor."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule."""

    flow: str
    component: str
    message: str

    def __str__(self) -> str:
        return f"{self.flow}: {self.component}: {self.message}"


Rule = Callable[[Flow], Iterator[Finding]]


def known_type(flow: Flow) -> Iterator[Finding]:
    """Only types that the embedded and the official NiFi both have, in the released version."""
    for kind, what, known in (
        ("processors", "processor", read_types()),
        ("controllerServices", "service", read_service_types()),
    ):
        for part in flow.parts(kind):
            found = known.get(part["type"])
            if found is None:
                yield Finding(flow.name, part["name"], f"{part['type']} is no allowed {what} type")
            elif found.bundle != part["bundle"]:
                yield Finding(flow.name, part["name"], f"its bundle is not {found.bundle}")


def known_properties(flow: Flow) -> Iterator[Finding]:
    """No property that the type does not declare, unless it may have dynamic ones and the file says so."""
    for part, type_ in _typed(flow, CONFIGURED):
        for name in part["properties"]:
            described = part["propertyDescriptors"].get(name, {})
            if name not in type_.properties and not (type_.dynamic and described.get("dynamic")):
                yield Finding(flow.name, part["name"], f"{type_.name} has no property {name!r}")


def no_dangling_relationship(flow: Flow) -> Iterator[Finding]:
    """Each relationship is connected or ends here on purpose, never both."""
    for processor, type_ in _typed(flow):
        known = type_.relationships_with(processor["properties"])
        outgoing = [line for line in flow.parts("connections") if line["source"]["id"] == processor["identifier"]]
        connected = {name for line in outgoing for name in line["selectedRelationships"]}
        ended = set(processor["autoTerminatedRelationships"])
        for name in sorted(known - connected - ended):
            yield Finding(flow.name, processor["name"], f"the relationship {name!r} dangles")
        for name in sorted(connected & ended):
            yield Finding(flow.name, processor["name"], f"the relationship {name!r} is connected and ended")
        for name in sorted((connected | ended | set(processor["retriedRelationships"])) - known):
            yield Finding(flow.name, processor["name"], f"there is no relationship {name!r}")


def ports_lead_somewhere(flow: Flow) -> Iterator[Finding]:
    """Each input port feeds something, each output port is fed."""
    lines = flow.parts("connections")
    for kind, end in (("inputPorts", "source"), ("outputPorts", "destination")):
        used = {line[end]["id"] for line in lines}
        for port in flow.parts(kind):
            if port["identifier"] not in used:
                yield Finding(flow.name, port["name"], "the port leads nowhere")


def connections_end_inside(flow: Flow) -> Iterator[Finding]:
    """Each connection joins two components of this flow."""
    there = {part["identifier"] for kind in ("processors", "inputPorts", "outputPorts") for part in flow.parts(kind)}
    for line in flow.parts("connections"):
        for end in ("source", "destination"):
            if line[end]["id"] not in there:
                yield Finding(flow.name, line_name(line), f"its {end} is not in this flow")


def no_inline_secret(flow: Flow) -> Iterator[Finding]:
    """What is sensitive, or sounds so, is a sensitive parameter and nothing beside it."""
    _, declared = read_parameters()
    secret = {name for name, parameter in declared.items() if parameter.sensitive}
    for part, type_ in _typed(flow, CONFIGURED):
        for name, value in part["properties"].items():
            if not value:
                continue
            declared_sensitive = name in type_.properties and type_.properties[name].sensitive
            described = part["propertyDescriptors"].get(name, {}).get("sensitive", False)
            whole = REFERENCE.fullmatch(value)
            is_secret = declared_sensitive or described or _is_secret_name(name, type_)
            if is_secret and not (whole and whole[1] in secret and (described or declared_sensitive)):
                yield Finding(flow.name, part["name"], f"{name!r} must be a sensitive parameter alone")
            elif not is_secret and _SECRET_VALUE.search(REFERENCE.sub("_", value)):
                yield Finding(flow.name, part["name"], f"the value of {name!r} looks like a secret")


def site_values_are_parameters(flow: Flow) -> Iterator[Finding]:
    """Paths, addresses and hosts differ between sites, so they come from parameters."""
    for processor in (part for kind in CONFIGURED for part in flow.parts(kind)):
        for name, value in processor["properties"].items():
            if value and _SITE_VALUE.search(REFERENCE.sub("_", value)):
                yield Finding(flow.name, processor["name"], f"{name!r} holds a value of one site: {value!r}")


def queues_are_limited_on_purpose(flow: Flow) -> Iterator[Finding]:
    """No queue keeps NiFi's default limits, and nothing is lost by age.

    Each loop has an unlimited queue: were all of them full, none of its processors could run ever again. Elsewhere an
    unlimited queue would only hide that something stands still.
    """
    lines = flow.parts("connections")
    unlimited = [line for line in lines if _limits(line) == _UNLIMITED]
    loops = _loops(lines)
    stuck = _loops([line for line in lines if line not in unlimited])
    for line in lines:
        if None in _limits(line) or _limits(line) == _NIFI_QUEUE:
            yield Finding(flow.name, line_name(line), "its limits are NiFi's defaults")
        if line["identifier"] in stuck:
            yield Finding(flow.name, line_name(line), "it is in a loop without an unlimited queue")
        if line in unlimited and line["identifier"] not in loops:
            yield Finding(flow.name, line_name(line), "it is unlimited and in no loop")
        if line.get("flowFileExpiration") != "0 sec":
            yield Finding(flow.name, line_name(line), "its FlowFiles expire")


def retries_are_set_on_purpose(flow: Flow) -> Iterator[Finding]:
    """Every processor says what it retries, how often and how slowly."""
    for processor in flow.parts("processors"):
        keys = ("retryCount", "retriedRelationships", "backoffMechanism", "maxBackoffPeriod", "penaltyDuration")
        if missing := [key for key in keys if processor.get(key) is None]:
            yield Finding(flow.name, processor["name"], f"{missing[0]} is not set")
        elif bool(processor["retriedRelationships"]) != (processor["retryCount"] > 0):
            yield Finding(flow.name, processor["name"], "it names relationships to retry and no count, or the reverse")
        elif processor["maxBackoffPeriod"] == _NIFI_MAX_BACKOFF:
            yield Finding(flow.name, processor["name"], "its longest pause is NiFi's default")


def network_failures_are_retried(flow: Flow) -> Iterator[Finding]:
    """What only needs another try is never ended."""
    for processor, type_ in _typed(flow):
        for name in ("Failure", "Retry", "No Retry"):
            if name in type_.relationships and name in processor["autoTerminatedRelationships"]:
                yield Finding(flow.name, processor["name"], f"{name!r} ends here; what it carries would be dropped")


def attributes_are_listed(flow: Flow) -> Iterator[Finding]:
    """No attribute but those of the closed list."""
    for processor, type_ in _typed(flow):
        properties = processor["properties"]
        named = [properties.get("Response Body Attribute Name")]
        if type_.name in {"EvaluateJsonPath", "GenerateFlowFile"}:
            named += [name for name in properties if name not in type_.properties]
        for name in named:
            if name and name not in ATTRIBUTES:
                yield Finding(flow.name, processor["name"], f"{name!r} is not in the closed list of attributes")
        for name in ("Request Header Attributes Pattern", "Response Header Request Attributes Prefix"):
            if properties.get(name):
                yield Finding(flow.name, processor["name"], f"{name!r} would let attributes through that nobody listed")


def redirects_are_off(flow: Flow) -> Iterator[Finding]:
    """A redirected PUT would carry the token and the package to somebody else."""
    for processor, type_ in _typed(flow):
        if type_.name == "InvokeHTTP" and processor["properties"].get("Response Redirects Enabled") != "False":
            yield Finding(flow.name, processor["name"], "it follows redirects")


def calls_know_whom_they_call(flow: Flow) -> Iterator[Finding]:
    """Each call to the handoff goes by a service of the same flow, which says whom it trusts."""
    services = {part["identifier"] for part in flow.parts("controllerServices")}
    for processor, type_ in _typed(flow):
        if type_.name == "InvokeHTTP" and processor["properties"].get("SSL Context Service") not in services:
            yield Finding(flow.name, processor["name"], "no service of this flow says whom it trusts")


def ids_are_stable(flow: Flow) -> Iterator[Finding]:
    """Each id is derived from names, so that two people who make the same part give it the same id."""
    kinds = {"processors": "processor", "inputPorts": "input-port", "outputPorts": "output-port"}
    kinds["controllerServices"] = "controller-service"
    for key, kind in kinds.items():
        for part in flow.parts(key):
            if part["identifier"] != stable_id(flow.name, kind, part["name"]):
                yield Finding(flow.name, part["name"], f"its id is not {stable_id(flow.name, kind, part['name'])}")
    for line in flow.parts("connections"):
        if line["identifier"] != (expected := stable_id(flow.name, "connection", line_name(line))):
            yield Finding(flow.name, line_name(line), f"its id is not {expected}")


def everything_is_explained(flow: Flow) -> Iterator[Finding]:
    """The group has a label, every processor, port and service a comment."""
    if not flow.parts("labels"):
        yield Finding(flow.name, "group", "no label explains it")
    for kind in (*BOXED, "controllerServices"):
        for part in flow.parts(kind):
            if not part.get("comments"):
                yield Finding(flow.name, part["name"], "no comment explains it")


def layout_reads_left_to_right(flow: Flow) -> Iterator[Finding]:
    """No two boxes overlap or hide the label of a line between them; what is no loop leads right or straight down."""
    boxes = {part["identifier"]: part for kind in BOXED for part in flow.parts(kind)}
    placed = list(boxes.values())
    for index, one in enumerate(placed):
        for other in placed[index + 1 :]:
            if all(
                abs(one["position"][axis] - other["position"][axis]) < side
                for axis, side in zip("xy", _BOX, strict=True)
            ):
                yield Finding(flow.name, one["name"], f"it overlaps {other['name']!r}, or the label between them")
    loops = _loops(flow.parts("connections"))
    for line in flow.parts("connections"):
        ends = [boxes.get(line[end]["id"]) for end in ("source", "destination")]
        if line["identifier"] not in loops and all(ends):
            source, destination = (end["position"]["x"] for end in ends if end)
            if destination < source:
                yield Finding(flow.name, line_name(line), "it leads to the left")


RULES: Final[tuple[Rule, ...]] = (
    known_type,
    known_properties,
    no_dangling_relationship,
    ports_lead_somewhere,
    connections_end_inside,
    no_inline_secret,
    site_values_are_parameters,
    queues_are_limited_on_purpose,
    retries_are_set_on_purpose,
    network_failures_are_retried,
    attributes_are_listed,
    redirects_are_off,
    calls_know_whom_they_call,
    ids_are_stable,
    everything_is_explained,
    layout_reads_left_to_right,
)


def _typed(flow: Flow, kinds: Sequence[str] = ("processors",)) -> Iterator[tuple[Json, ProcessorType]]:
    for part in (part for kind in kinds for part in flow.parts(kind)):
        if found := find_type(part["type"]):
            yield part, found


def _is_secret_name(name: str, type_: ProcessorType) -> bool:
    """Whether an undeclared property, which becomes a header, sounds like a secret."""
    return name not in type_.properties and _SECRET_NAME.search(name) is not None


def line_name(line: Json) -> str:
    """How a connection is called, here and in its id: from, by what, to."""
    relationships = ",".join(name for name in line["selectedRelationships"] if name)
    return f"{line['source']['name']}-{relationships}-{line['destination']['name']}"


def _limits(line: Json) -> tuple[int | None, str | None]:
    return line.get("backPressureObjectThreshold"), line.get("backPressureDataSizeThreshold")


def _loops(lines: list[Json]) -> set[str]:
    """Ids of the connections from which FlowFiles can come back to where they were."""
    onward: dict[str, set[str]] = {}
    for line in lines:
        onward.setdefault(line["source"]["id"], set()).add(line["destination"]["id"])
    return {line["identifier"] for line in lines if _reaches(onward, line["destination"]["id"], line["source"]["id"])}


def _reaches(onward: dict[str, set[str]], start: str, goal: str) -> bool:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here == goal:
            return True
        if here not in seen:
            seen.add(here)
            waiting.extend(onward.get(here, ()))
    return False
