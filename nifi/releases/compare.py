"""What differs between two states of a flow: what was released, and what is on the canvas or in another release."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nifi.releases.flow import Flow, Json, canonical, read_assembly, read_flows
from nifi.releases.groups import children, find_parent
from nifi.releases.processor_types import find_type
from nifi.releases.rules import line_name
from nifi.rest import NiFi

KINDS = {
    "processors": "processor",
    "inputPorts": "input port",
    "outputPorts": "output port",
    "connections": "connection",
    "labels": "label",
    "funnels": "funnel",
    "controllerServices": "controller service",
    "processGroups": "process group",
    "remoteProcessGroups": "remote process group",
}
"""What a group holds, by its key in the file."""

GROUP = "group"
"""How differences call the group itself."""

_GROUP_FIELDS = (
    "parameterContextName",
    "flowFileConcurrency",
    "flowFileOutboundPolicy",
    "executionEngine",
    "maxConcurrentTasks",
    "statelessFlowTimeout",
    "defaultFlowFileExpiration",
    "defaultBackPressureObjectThreshold",
    "defaultBackPressureDataSizeThreshold",
)
_NOT_COMPARED = frozenset(
    {"groupIdentifier", "instanceIdentifier", "propertyDescriptors", "properties", "position", "bends"}
    | {"zIndex", "labelIndex"}
)
"""What NiFi fills in, or what only moves boxes. Properties are compared one by one."""

_ENDS = ("source", "destination")


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs; None stands for something that is not there."""

    flow: str
    component: str
    field: str
    released: object
    live: object
    identifier: str = ""
    """Of the component, as flows spell it."""

    def __str__(self) -> str:
        return f"{self.flow}: {self.component}: {self.field}: {self.released!r} released, {self.live!r} live"


def differences(nifi: NiFi, flows: Sequence[Flow] | None = None) -> list[Difference]:
    """Compare the given flows, or the committed ones, with their groups on the canvas."""
    parent = find_parent(nifi, read_assembly().group)
    there = children(nifi, parent) if parent else {}
    found: list[Difference] = []
    for flow in read_flows() if flows is None else flows:
        if flow.name not in there:
            found.append(Difference(flow.name, GROUP, GROUP, "deployed", None))
        else:
            found += unlike(flow.name, flow.contents, there[flow.name].download(nifi)["flowContents"])
    return found


def unlike(flow: str, released: Json, live: Json) -> list[Difference]:
    """Compare the contents of a flow with another state of the same flow."""
    found = [
        Difference(flow, GROUP, field, released.get(field), live.get(field))
        for field in _GROUP_FIELDS
        if released.get(field) != live.get(field)
    ]
    for kind, title in KINDS.items():
        ours = {part["identifier"]: part for part in released.get(kind) or []}
        others = {part["identifier"]: part for part in live.get(kind) or []}
        for identifier in sorted(ours.keys() | others.keys()):
            one, other = ours.get(identifier), others.get(identifier)
            if one is None or other is None:
                name = component_name(kind, one or other or {})
                there = ("there" if one else None), ("there" if other else None)
                found.append(Difference(flow, name, title, *there, identifier))
            else:
                found += _component(flow, kind, one, other)
    return found


def fingerprint(contents: Json) -> str:
    """SHA-256 of all that `unlike` would compare, in a form that neither order nor NiFi's own ids change."""
    document = {field: contents.get(field) for field in _GROUP_FIELDS}
    for kind in KINDS:
        parts = sorted(contents.get(kind) or [], key=lambda part: str(part["identifier"]))
        document[kind] = [_comparable(part) for part in parts]
    return hashlib.sha256(canonical(document)).hexdigest()


def component_name(kind: str, part: Json) -> str:
    """How people call a component: a connection by its ends, a label by its first words."""
    if kind == "connections":
        return line_name(part)
    if kind == "labels":
        return " ".join(str(part.get("label", "")).split()[:4]) or str(part["identifier"])
    return str(part.get("name") or part["identifier"])


def _component(flow: str, kind: str, released: Json, live: Json) -> Iterator[Difference]:
    name, identifier = component_name(kind, released), released["identifier"]
    for end in _ENDS:
        if end in released and released[end]["id"] != live[end]["id"]:
            yield Difference(flow, name, end, released[end].get("name"), live[end].get("name"), identifier)
    for field in sorted(released.keys() - _NOT_COMPARED - set(_ENDS)):
        if _plain(released[field]) != _plain(live.get(field)):
            yield Difference(flow, name, field, released[field], live.get(field), identifier)
    one, other = _properties(released), _properties(live)
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) != other.get(key):
            yield Difference(flow, name, key, one.get(key), other.get(key), identifier)


def _comparable(part: Json) -> Json:
    fields = part.keys() - _NOT_COMPARED - set(_ENDS)
    ends = {end: part[end]["id"] for end in _ENDS if end in part}
    plain = {field: _plain(part[field]) for field in fields if part[field] is not None}
    return {**plain, **ends, "properties": _properties(part)}


def _properties(part: Json) -> Json:
    """A component's properties with the defaults of its type; NiFi writes them out and files leave them out."""
    type_ = find_type(part.get("type", ""))
    defaults = {key: value.default for key, value in type_.properties.items()} if type_ else {}
    return {key: value for key, value in {**defaults, **(part.get("properties") or {})}.items() if value is not None}


def _plain(value: object) -> object:
    """Order means nothing in a list of relationships, nor an empty value beside none."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value)
    return None if value in ("", {}) else value
