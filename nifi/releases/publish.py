"""Publish a release in a NiFi Registry, and read back what it made of it.

1. Each flow that differs from its newest version becomes one version more; the others stay as they are.
2. Each new version is read back and compared with what was sent: every field that was lost is named, and the flow must
   come back whole all the same.
3. A version of the flow `release` names them all; if it would say what the newest says, nothing is published.
"""

from dataclasses import asdict, dataclass

from nifi.errors import ForeignVersionError
from nifi.nar import Nar
from nifi.progress import Report, silent
from nifi.releases.bucket import Bucket
from nifi.releases.compare import fingerprint
from nifi.releases.flow import Flow, Json
from nifi.releases.full_copy import full_copy, lost_fields, restore, with_full_copy
from nifi.releases.published import RELEASE_FLOW, Manifest, PublishedFlow, find_release
from nifi.releases.release import Release
from nifi.rest import Registry


@dataclass(frozen=True, slots=True)
class FlowVersion:
    """What became of one flow."""

    flow: str
    version: int
    new: bool
    lost: dict[str, int]
    """Fields that the Registry dropped or changed, with how often; all of them are in the full copy."""

    over: str = ""
    """Whose version, made outside Sluice, was the newest before."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing did."""

    registry: str
    release: str
    version: int
    new: bool
    flows: tuple[FlowVersion, ...]

    @property
    def lost(self) -> dict[str, int]:
        """All lost fields, with how often."""
        names = sorted({name for flow in self.flows for name in flow.lost})
        return {name: sum(flow.lost.get(name, 0) for flow in self.flows) for name in names}

    def as_json(self) -> Json:
        """For machines."""
        return {**asdict(self), "flows": [asdict(flow) for flow in self.flows], "lost": self.lost}

    def as_text(self) -> str:
        """For people."""
        lines = [f"release {self.release}"]
        for flow in self.flows:
            lines.append(f"{flow.flow:10}  version {flow.version}{' (new)' if flow.new else ''}")
            if flow.over:
                lines.append(f"{flow.flow:10}  the version before was made outside Sluice by {flow.over}; it is kept")
        lines.append(f"release {self.version} in {self.registry}{'' if self.new else ': nothing new'}")
        if self.lost:
            lines.append(f"The Registry lost {len(self.lost)} fields; every flow is kept whole beside them:")
            lines += [f"  {name} ({count} times)" for name, count in self.lost.items()]
        return "\n".join(lines)


def publish(url: str, release: Release, nar: Nar, message: str = "", report: Report = silent) -> Publication:
    """Publish a release.

    Args:
        url: of the Registry.
        release: what to publish.
        nar: the processors that it runs with; only named, not sent.
        message: goes before the release's digest in the comment of each new version.
        report: hears of each step.

    Raises:
        NoRegistryError: none answers.
        RegistryError: it refuses, or does not give back what was sent.
    """
    digest = release.digest(nar.digest)
    comments = f"{message.strip()}\nrelease {digest}".strip()
    with Registry(url) as registry:
        bucket = Bucket(registry)
        versions = []
        for flow in release.flows:
            report(f"Publishing {flow.name}")
            versions.append(_publish_flow(bucket, flow, comments))
        flows = {
            flow.name: PublishedFlow(version=done.version, digest=flow.digest, fingerprint=fingerprint(flow.contents))
            for flow, done in zip(release.flows, versions, strict=True)
        }
        manifest = Manifest(
            release=digest,
            nar_version=nar.version,
            nar_digest=nar.digest,
            flows=flows,
            assembly=release.assembly_text,
            parameters=release.parameters_text,
        )
        number, new = _publish_manifest(bucket, manifest, comments)
        return Publication(registry.url, digest, number, new, tuple(versions))


def _publish_flow(bucket: Bucket, flow: Flow, comments: str) -> FlowVersion:
    there = bucket.versions(flow.name)
    over = ""
    if there:
        newest = bucket.fetch(flow.name, there[0].number)
        kept = _kept(flow, newest)
        if kept:
            return FlowVersion(flow.name, there[0].number, new=False, lost=lost_fields(flow.snapshot, newest))
        if full_copy(flow.name, newest) is None:
            over = there[0].by
    number = there[0].number + 1 if there else 1
    bucket.add(flow.name, number, with_full_copy(flow), comments)
    answer = bucket.fetch(flow.name, number)
    restore(flow.name, answer, flow.digest, fingerprint(flow.contents))
    return FlowVersion(flow.name, number, new=True, lost=lost_fields(flow.snapshot, answer), over=over)


def _kept(flow: Flow, answer: Json) -> bool:
    """Whether a version holds this very flow, whole."""
    try:
        restore(flow.name, answer, flow.digest, fingerprint(flow.contents))
    except ForeignVersionError:
        return False
    return True


def _publish_manifest(bucket: Bucket, manifest: Manifest, comments: str) -> tuple[int, bool]:
    there = bucket.versions(RELEASE_FLOW)
    try:
        newest = find_release(bucket)
    except ForeignVersionError:
        newest = None
    if newest is not None and newest.manifest == manifest:
        return newest.version, False
    number = there[0].number + 1 if there else 1
    bucket.add(RELEASE_FLOW, number, manifest.as_snapshot(), comments)
    return number, True
