"""Deploy a release to a NiFi: NAR, parameters, the groups, what connects them; then start.

1. Refuse before anything changes: when a bundle is missing, when somebody changed a group that would be replaced, or
   when a group is under version control of a registry client.
2. Upload the NAR. One of the same version and other bytes goes first, and the groups with it: NiFi is disposable.
3. Set the parameters of the context `sluice`.
4. Take away groups and links that the release does not have any more. Import each group that is missing; replace in
   place each whose flow changed. Queues survive a replacement.
5. Connect the groups.
6. Enable the services, wait until every processor is valid, then start all, and compare the canvas with what was meant.

Doing it again with the same release changes nothing. Each group's comment names the digest of the flow that it was made
from, and the parent's that of the release.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nifi.errors import DeployError, UnlikeError
from nifi.nar import Nar
from nifi.progress import Report, silent
from nifi.releases import extensions, services
from nifi.releases.bundles import require_bundles
from nifi.releases.compare import fingerprint, unlike
from nifi.releases.context import set_parameters
from nifi.releases.edits import Editors, refuse_edits
from nifi.releases.flow import Flow
from nifi.releases.groups import (
    Group,
    children,
    connect,
    find_parent,
    import_flow,
    make_parent,
    remove,
    replace_flow,
    require_free,
)
from nifi.releases.marks import Marks
from nifi.releases.parameters import complete
from nifi.releases.release import Release, release_of_files
from nifi.releases.retire import retire
from nifi.releases.rights import ensure_rights
from nifi.releases.schedule import start, stop, wait_until_valid
from nifi.rest import NiFi

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment did."""

    release: str
    group: str
    changed: tuple[str, ...]


def deploy(
    url: str,
    parameters: Mapping[str, str],
    nar: Nar,
    *,
    release: Release | None = None,
    start_flows: bool = True,
    discard: bool = False,
    registry_url: str | None = None,
    report: Report = silent,
) -> Deployment:
    """Bring the NiFi at `url` to a release, and start it.

    Args:
        url: of NiFi, without a path.
        parameters: the site's values by name; see `nifi/parameters/sluice.yaml`.
        nar: the processors, from `nifi.nar.build`.
        release: what to deploy; without it the committed files.
        start_flows: whether to start the groups at the end.
        discard: drop what was changed by hand on the canvas, instead of refusing.
        registry_url: of the Registry that earlier releases came from, to tell what was changed by hand.
        report: hears of each step.

    Raises:
        MissingBundleError: NiFi lacks something that a flow needs; nothing was changed.
        EditedError: a group was changed by hand; nothing was changed.
        UnlikeError: the canvas is not what was meant.
        DeployError: NiFi refuses, or something stays invalid; the message says what.
    """
    release = release or release_of_files()
    assembly, digest = release.assembly, release.digest(nar.digest)
    values = complete(parameters, digest, release.parameters_text)
    marks = Marks(release=digest, origin=release.origin)
    changed: list[str] = []
    with NiFi(url) as nifi:
        report("Looking at what is there")
        changed += ensure_rights(nifi)
        require_bundles(nifi, release.flows, nar)
        parent = find_parent(nifi, assembly.group)
        edited = _edited(nifi, parent, release, discard=discard, registry_url=registry_url)
        if not extensions.is_installed(nifi, nar):
            report("Uploading the processors' NAR")
            parent = _make_way(nifi, nar, parent)
            extensions.install(nifi, nar)
            changed.append("nar")
        report("Setting parameters")
        context, set_names = set_parameters(nifi, values, release.parameters_text)
        changed += set_names
        report("Deploying flows")
        parent = parent or make_parent(nifi, assembly.group, marks.write(assembly.about), context)
        changed += retire(nifi, parent, release)
        changed += _bring_groups(nifi, parent, release, edited)
        there = children(nifi, parent)
        for link in assembly.links:
            if connect(nifi, parent, there, link):
                changed.append(f"{link.source} to {link.destination}")
        report("Waiting for the processors")
        services.enable(nifi, parent)
        wait_until_valid(nifi, parent)
        if start_flows:
            start(nifi, parent)
        report("Comparing the canvas with the release")
        _verify(nifi, parent, release)
        parent.remark(nifi, marks.write(assembly.about))
    return Deployment(digest, parent.id, tuple(changed))


def _edited(nifi: NiFi, parent: Group | None, release: Release, *, discard: bool, registry_url: str | None) -> set[str]:
    """Names of the groups that somebody changed and that go back to the release.

    Raises:
        EditedError: there are some, and nobody said that they may be dropped.
        DeployError: a group is under version control of a registry client.
    """
    there = children(nifi, parent) if parent else {}
    editors = Editors(nifi, registry_url)
    edited = set()
    for flow in release.flows:
        if flow.name in there:
            group = there[flow.name]
            require_free(nifi, group)
            live = group.download(nifi)["flowContents"]
            if edits := editors.edits(group, live):
                planned = unlike(flow.name, flow.contents, live)
                if not discard:
                    refuse_edits(edits, planned)
                if planned:
                    edited.add(flow.name)
    return edited


def _make_way(nifi: NiFi, nar: Nar, parent: Group | None) -> Group | None:
    """Take the flows away before their NAR goes: NiFi 2.3.0 can lock up while it loads processors under a flow anew."""
    if parent is None or not extensions.would_replace(nifi, nar):
        return parent
    stop(nifi, parent)
    services.disable(nifi, parent)
    remove(nifi, parent)
    return None


def _bring_groups(nifi: NiFi, parent: Group, release: Release, edited: set[str]) -> list[str]:
    there = children(nifi, parent)
    changed: list[str] = []
    for flow in release.flows:
        group = there.get(flow.name)
        if group is not None and Marks.read(group.comments).flow == flow.digest and flow.name not in edited:
            continue
        if group is None:
            group = import_flow(nifi, parent, flow, release.assembly.positions[flow.name])
        else:
            _replace(nifi, group, flow, changed)
        # Without a fingerprint yet: whatever comes next may fail.
        group.remark(nifi, Marks(flow=flow.digest, origin=release.origin).write(flow.contents["comments"]))
        changed.append(flow.name)
    return changed


def _replace(nifi: NiFi, group: Group, flow: Flow, before: list[str]) -> None:
    try:
        replace_flow(nifi, group, flow)
    except DeployError as error:
        if not before:
            raise
        message = f"{error} Changed before that: {', '.join(before)}."
        raise DeployError(message) from error


def _verify(nifi: NiFi, parent: Group, release: Release) -> None:
    """Compare each group with its flow, and only then write into its comment what it is.

    Raises:
        UnlikeError: one differs; the message names the first few values.
    """
    there = children(nifi, parent)
    for flow in release.flows:
        group = there[flow.name]
        live = group.download(nifi)["flowContents"]
        if found := unlike(flow.name, flow.contents, live):
            more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            message = f"NiFi made something else of it: {'; '.join(str(each) for each in found[:_SHOWN])}{more}."
            raise UnlikeError(message)
        marks = Marks(flow=flow.digest, canvas=fingerprint(live), origin=release.origin)
        old = Marks.read(group.comments)
        if replace(marks, origin=old.origin) != old:
            group.remark(nifi, marks.write(flow.contents["comments"]))
