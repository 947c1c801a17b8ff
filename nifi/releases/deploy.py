"""Deploy a release to a NiFi: NAR, parameters, the four groups, what connects them; then start.

1. Upload the NAR. One of the same version and other bytes goes first, and the groups with it: NiFi is disposable.
2. Set the parameters of the context `sluice`.
3. Import each group that is missing; replace in place each whose flow changed. Queues survive a replacement.
4. Connect the groups.
5. Wait until every processor is valid, then start all.

Doing it again with the same release changes nothing. Each group's comment names the digest of the flow that it was made
from, and the parent's that of the release.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nifi.nar import Nar
from nifi.progress import Report, silent
from nifi.releases import extensions
from nifi.releases.context import set_parameters
from nifi.releases.flow import Flow, Link, read_assembly, read_flows, release_digest
from nifi.releases.groups import Group, children, connect, find_parent, import_flow, make_parent, remove, replace_flow
from nifi.releases.parameters import complete
from nifi.releases.schedule import start, stop, wait_until_valid
from nifi.rest import NiFi

FLOW_MARK = "flow "
RELEASE_MARK = "release "


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment did."""

    release: str
    group: str
    changed: tuple[str, ...]


def deploy(
    url: str, parameters: Mapping[str, str], nar: Nar, *, start_flows: bool = True, report: Report = silent
) -> Deployment:
    """Bring the NiFi at `url` to this release, and start it.

    Args:
        url: of NiFi, without a path.
        parameters: the site's values by name; see `nifi/parameters/sluice.yaml`.
        nar: the processors, from `nifi.nar.build`.
        start_flows: whether to start the groups at the end.
        report: hears of each step.

    Raises:
        DeployError: NiFi refuses, or something stays invalid; the message says what.
    """
    flows, assembly = read_flows(), read_assembly()
    release = release_digest(flows, nar.digest)
    values = complete(parameters, release)
    changed: list[str] = []
    with NiFi(url) as nifi:
        parent = find_parent(nifi, assembly.group)
        if not extensions.is_installed(nifi, nar):
            report("Uploading the processors' NAR")
            parent = _make_way(nifi, nar, parent)
            extensions.install(nifi, nar)
            changed.append("nar")
        report("Setting parameters")
        context, set_names = set_parameters(nifi, values)
        changed += set_names
        report("Deploying flows")
        mark = RELEASE_MARK + release
        parent = parent or make_parent(nifi, assembly.group, f"{assembly.about}\n{mark}", context)
        changed += _bring_groups(nifi, parent, flows, assembly.positions)
        changed += _bring_links(nifi, parent, assembly.links)
        parent.remark(nifi, f"{assembly.about}\n{mark}")
        report("Waiting for the processors")
        wait_until_valid(nifi, parent)
        if start_flows:
            start(nifi, parent)
    return Deployment(release, parent.id, tuple(changed))


def _make_way(nifi: NiFi, nar: Nar, parent: Group | None) -> Group | None:
    """Take the flows away before their NAR goes: NiFi 2.3.0 can lock up while it loads processors under a flow anew."""
    if parent is None or not extensions.would_replace(nifi, nar):
        return parent
    stop(nifi, parent)
    remove(nifi, parent)
    return None


def _bring_groups(
    nifi: NiFi, parent: Group, flows: list[Flow], positions: Mapping[str, tuple[float, float]]
) -> list[str]:
    there = children(nifi, parent)
    changed = []
    for flow in flows:
        mark = FLOW_MARK + flow.digest
        group = there.get(flow.name)
        if group is not None and mark in group.comments:
            continue
        if group is None:
            group = import_flow(nifi, parent, flow, positions[flow.name])
        else:
            replace_flow(nifi, group, flow)
        group.remark(nifi, f"{flow.contents['comments']}\n{mark}")
        changed.append(flow.name)
    return changed


def _bring_links(nifi: NiFi, parent: Group, links: tuple[Link, ...]) -> list[str]:
    there = children(nifi, parent)
    return [f"{link.source} to {link.destination}" for link in links if connect(nifi, parent, there, link)]
