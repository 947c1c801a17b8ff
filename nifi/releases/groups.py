"""Process groups on a NiFi's canvas: find, make, import, replace, connect."""

from dataclasses import dataclass

from nifi.errors import DeployError, NothingDeployedError
from nifi.releases.flow import Flow, Link
from nifi.rest import Json, NiFi, wait_for


@dataclass(frozen=True, slots=True)
class Group:
    """A process group as it is on the canvas."""

    id: str
    name: str
    comments: str

    def download(self, nifi: NiFi) -> Json:
        """The group as NiFi would write it into a file."""
        return nifi.get(f"/process-groups/{self.id}/download")

    def remark(self, nifi: NiFi, comments: str) -> None:
        """Set the group's comment, unless it says so already."""
        entity = nifi.get(f"/process-groups/{self.id}")
        if entity["component"].get("comments") != comments:
            body = {"revision": entity["revision"], "component": {"id": self.id, "comments": comments}}
            nifi.put(f"/process-groups/{self.id}", body)


def find_parent(nifi: NiFi, name: str) -> Group | None:
    """The group of that name on the root canvas."""
    return _children(nifi, "root").get(name)


def require_parent(nifi: NiFi, name: str) -> Group:
    """The group of that name on the root canvas.

    Raises:
        DeployError: there is none.
    """
    parent = find_parent(nifi, name)
    if parent is None:
        raise NothingDeployedError("Nothing is deployed on this NiFi.")
    return parent


def make_parent(nifi: NiFi, name: str, comments: str, context: str) -> Group:
    """Make it, bound to the parameter context; the groups inside bind themselves."""
    component = {
        "name": name,
        "comments": comments,
        "position": {"x": 0.0, "y": 0.0},
        "parameterContext": {"id": context},
    }
    return _group(
        nifi.post("/process-groups/root/process-groups", {"revision": {"version": 0}, "component": component})
    )


def children(nifi: NiFi, parent: Group) -> dict[str, Group]:
    """The groups directly inside, by name."""
    return _children(nifi, parent.id)


def import_flow(nifi: NiFi, parent: Group, flow: Flow, position: tuple[float, float]) -> Group:
    """Make a group from a committed flow; it arrives stopped."""
    body = {
        "revisionDTO": {"version": 0},
        "groupName": flow.name,
        "positionDTO": {"x": position[0], "y": position[1]},
        "flowSnapshot": flow.snapshot,
    }
    return _group(nifi.post(f"/process-groups/{parent.id}/process-groups/import", body))


def require_free(nifi: NiFi, group: Group) -> None:
    """A group can be replaced unless it is under version control of a registry client.

    Raises:
        DeployError: it is.
    """
    control = nifi.get(f"/process-groups/{group.id}")["component"].get("versionControlInformation")
    if control is not None:
        where = f"{control.get('registryName') or control.get('registryId')}"
        message = f"The group {group.name} is under version control of {where}; stop that on the canvas first."
        raise DeployError(message)


def replace_flow(nifi: NiFi, group: Group, flow: Flow) -> None:
    """Change a group in place into a committed flow; ids, queues and run states are kept.

    Raises:
        DeployError: NiFi refuses, for one because a connection that would go holds data.
    """
    entity = nifi.get(f"/process-groups/{group.id}")
    body = {"processGroupRevision": entity["revision"], "versionedFlowSnapshot": flow.snapshot}
    request = nifi.post(f"/process-groups/{group.id}/replace-requests", body)["request"]["requestId"]
    path = f"/process-groups/replace-requests/{request}"

    def finished() -> Json | None:
        state: Json = nifi.get(path)["request"]
        return state if state["complete"] else None

    try:
        state = wait_for(f"replace the group {flow.name}", finished)
    finally:
        # A request that stays holds the group's lock against the next one.
        nifi.delete(path)
    # NiFi calls a refused change complete as well; only the reason tells.
    if reason := state.get("failureReason"):
        message = f"NiFi does not replace the group {flow.name}: {reason[:300]}."
        raise DeployError(message)


def remove(nifi: NiFi, group: Group) -> None:
    """Remove a stopped group with all inside; what waits in its queues is dropped, and will be announced again."""
    request = nifi.post(f"/process-groups/{group.id}/empty-all-connections-requests", {})["dropRequest"]["id"]
    path = f"/process-groups/{group.id}/empty-all-connections-requests/{request}"
    wait_for("empty the queues", lambda: nifi.get(path)["dropRequest"]["finished"])
    nifi.delete(path)
    version = nifi.get(f"/process-groups/{group.id}")["revision"]["version"]
    nifi.delete(f"/process-groups/{group.id}", version=str(version))


def connect(nifi: NiFi, parent: Group, groups: dict[str, Group], link: Link) -> bool:
    """Connect two groups by their ports unless they are; returns whether anything changed."""
    source = _port(nifi, groups[link.source], "output", link.output)
    destination = _port(nifi, groups[link.destination], "input", link.input)
    there = nifi.get(f"/process-groups/{parent.id}/connections")["connections"]
    if any((entry["sourceId"], entry["destinationId"]) == (source["id"], destination["id"]) for entry in there):
        return False
    component = {
        "source": source,
        "destination": destination,
        "backPressureObjectThreshold": link.count,
        "backPressureDataSizeThreshold": link.size,
        "flowFileExpiration": "0 sec",
    }
    nifi.post(f"/process-groups/{parent.id}/connections", {"revision": {"version": 0}, "component": component})
    return True


def _port(nifi: NiFi, group: Group, way: str, name: str) -> Json:
    ports = nifi.get(f"/process-groups/{group.id}/{way}-ports")[f"{way}Ports"]
    for port in ports:
        if port["component"]["name"] == name:
            return {"id": port["id"], "groupId": group.id, "type": f"{way.upper()}_PORT"}
    message = f"The group {group.name} has no {way} port {name}."
    raise DeployError(message)


def _children(nifi: NiFi, parent: str) -> dict[str, Group]:
    entities = nifi.get(f"/process-groups/{parent}/process-groups")["processGroups"]
    return {entity["component"]["name"]: _group(entity) for entity in entities}


def _group(entity: Json) -> Group:
    return Group(entity["id"], entity["component"]["name"], entity["component"].get("comments") or "")
