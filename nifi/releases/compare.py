"""What on the canvas differs from the release: somebody's change by hand, or a deployment that is due."""

from collections.abc import Iterator
from dataclasses import dataclass

from nifi.releases.flow import Flow, Json, read_assembly, read_flows
from nifi.releases.groups import children, find_parent
from nifi.releases.processor_types import read_types
from nifi.rest import NiFi

_KINDS = ("processors", "inputPorts", "outputPorts", "connections", "labels")
_NOT_COMPARED = {"groupIdentifier", "propertyDescriptors", "position", "bends", "source", "destination"}
"""What NiFi fills in, or what only moves boxes; a connection's ends are in its id."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs; None stands for something that is not there."""

    flow: str
    component: str
    field: str
    released: object
    live: object


def differences(nifi: NiFi) -> list[Difference]:
    """Compare every committed flow with its group."""
    assembly = read_assembly()
    parent = find_parent(nifi, assembly.group)
    there = children(nifi, parent) if parent else {}
    found: list[Difference] = []
    for flow in read_flows():
        if flow.name not in there:
            found.append(Difference(flow.name, "group", "group", "deployed", None))
        else:
            live = nifi.get(f"/process-groups/{there[flow.name].id}/download")["flowContents"]
            found += _group(flow, live)
    return found


def _group(flow: Flow, live: Json) -> Iterator[Difference]:
    for kind in _KINDS:
        released = {part["identifier"]: part for part in flow.parts(kind)}
        deployed = {part["identifier"]: part for part in live.get(kind, [])}
        for identifier in sorted(released.keys() | deployed.keys()):
            one, other = released.get(identifier), deployed.get(identifier)
            if one is None or other is None:
                name = (one or other or {}).get("name") or identifier
                there = kind.removesuffix("s")
                yield Difference(flow.name, name, there, "there" if one else None, "there" if other else None)
            else:
                yield from _component(flow, one, other)


def _component(flow: Flow, released: Json, live: Json) -> Iterator[Difference]:
    name = released.get("name") or released["identifier"]
    for field in sorted(released.keys() - _NOT_COMPARED - {"properties"}):
        if _plain(released[field]) != _plain(live.get(field)):
            yield Difference(flow.name, name, field, released[field], live.get(field))
    type_ = read_types().get(released.get("type", ""))
    defaults = {key: value.default for key, value in type_.properties.items()} if type_ else {}
    one, other = released.get("properties", {}), live.get("properties", {})
    for key in sorted(one.keys() | other.keys()):
        wanted = one.get(key, defaults.get(key))
        if wanted != other.get(key):
            yield Difference(flow.name, name, key, wanted, other.get(key))


def _plain(value: object) -> object:
    """Order means nothing in a list of relationships."""
    return sorted(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value
