"""Take away what a release does not have any more: links whose port goes, and groups that an earlier release made.

What waits in them is dropped; it is only references, and the ledger announces again what was not confirmed. Groups that
somebody else put beside ours carry no mark and are left alone.
"""

from nifi.releases import services
from nifi.releases.groups import Group, children, remove
from nifi.releases.marks import Marks
from nifi.releases.release import Release
from nifi.releases.schedule import stop
from nifi.rest import Json, NiFi, wait_for


def retire(nifi: NiFi, parent: Group, release: Release) -> list[str]:
    """Take it away; returns what went."""
    there = children(nifi, parent)
    ours = {name: group for name, group in there.items() if Marks.read(group.comments).flow}
    wanted = {flow.name for flow in release.flows}
    groups = [group for name, group in ours.items() if name not in wanted]
    links = [link for link in _links(nifi, parent) if _is_obsolete(link, ours, release)]
    if not groups and not links:
        return []
    stop(nifi, parent)
    for link in links:
        _remove_link(nifi, link)
    for group in groups:
        services.disable(nifi, group)
        remove(nifi, group)
    names = [f"{link['component']['source']['name']} to {link['component']['destination']['name']}" for link in links]
    return [f"without {name}" for name in [*names, *(group.name for group in groups)]]


def _links(nifi: NiFi, parent: Group) -> list[Json]:
    return list(nifi.get(f"/process-groups/{parent.id}/connections")["connections"])


def _is_obsolete(link: Json, ours: dict[str, Group], release: Release) -> bool:
    """Whether one of its ends is in a group of ours that goes, or is a port that goes."""
    names = {group.id: name for name, group in ours.items()}
    for end, kind in (("source", "outputPorts"), ("destination", "inputPorts")):
        name = names.get(link["component"][end]["groupId"])
        if name is not None:
            flow = release.flow(name)
            ports = {port["name"] for port in flow.parts(kind)} if flow else set()
            if link["component"][end]["name"] not in ports:
                return True
    return False


def _remove_link(nifi: NiFi, link: Json) -> None:
    queue = f"/flowfile-queues/{link['id']}/drop-requests"
    request = nifi.post(queue, {})["dropRequest"]["id"]
    wait_for("empty a queue", lambda: nifi.get(f"{queue}/{request}")["dropRequest"]["finished"])
    nifi.delete(f"{queue}/{request}")
    version = nifi.get(f"/connections/{link['id']}")["revision"]["version"]
    nifi.delete(f"/connections/{link['id']}", version=str(version))
