"""How each group of a deployment stands: what it was made from, what the Registry has, what was changed by hand."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from nifi.errors import RegistryError
from nifi.releases.bucket import Bucket, Version
from nifi.releases.edits import Edit, Editors
from nifi.releases.groups import Group
from nifi.releases.marks import Marks
from nifi.releases.published import RELEASE_FLOW, PublishedRelease, find_release
from nifi.rest import Json, NiFi, Registry


@dataclass(frozen=True, slots=True)
class GroupStanding:
    """One group."""

    name: str
    flow: str
    """Digest of the flow that it was made from."""

    origin: str
    version: int | None
    """Of that flow in the Registry; None where it is not published there, or nobody knows."""

    latest: Version | None
    """The newest that the Registry has."""

    edits: tuple[Edit, ...]

    def as_json(self) -> Json:
        """For machines."""
        return {
            "name": self.name,
            "flow": self.flow,
            "origin": self.origin,
            "version": self.version,
            "latest": asdict(self.latest) if self.latest else None,
            "edits": [edit.as_json() for edit in self.edits],
        }

    def as_text(self) -> list[str]:
        """For people."""
        version = f"version {self.version}" if self.version else "not in the Registry"
        text = f"{self.name:10}  flow {self.flow[:12] or 'unknown'} from {self.origin}"
        if self.latest:
            text += f", {version}, newest {self.latest.number} by {self.latest.by} at {self.latest.at}"
        return [text, *(f"{self.name:10}  CHANGED BY HAND {edit}" for edit in self.edits)]


@dataclass(frozen=True, slots=True)
class RegistryStanding:
    """What a Registry has, as far as it answers."""

    url: str
    problem: str = ""
    release: PublishedRelease | None = None
    older: PublishedRelease | None = None
    """The one that the deployment came from, where that is not the newest."""

    latest: dict[str, Version] | None = None

    def version_of(self, flow: str, digest: str) -> int | None:
        """Which version of a flow has that digest."""
        for found in (self.release, self.older):
            part = found.manifest.flows.get(flow) if found else None
            if part is not None and part.digest == digest:
                return part.version
        return None

    def as_json(self) -> Json:
        """For machines."""
        release = {"version": self.release.version, "release": self.release.manifest.release} if self.release else None
        return {"url": self.url, "problem": self.problem or None, "latest": release}

    def as_text(self) -> str:
        """For people."""
        if self.problem:
            return f"registry {self.url}: {self.problem}"
        if self.release is None:
            return f"registry {self.url}: no release is published"
        return f"registry {self.url}: newest release {self.release.version} ({self.release.manifest.release[:12]})"


def ask_registry(url: str, names: list[str], origin: str) -> RegistryStanding:
    """Ask a Registry what it has; one that does not answer is part of the answer."""
    try:
        with Registry(url) as registry:
            bucket = Bucket(registry)
            newest = _quietly(lambda: find_release(bucket))
            _, _, number = origin.partition("registry:")
            older = _quietly(lambda: find_release(bucket, int(number))) if number.isdigit() else None
            versions = {name: bucket.versions(name) for name in [*names, RELEASE_FLOW]}
            latest = {name: found[0] for name, found in versions.items() if found}
            return RegistryStanding(registry.url, release=newest, older=older, latest=latest)
    except RegistryError as error:
        return RegistryStanding(url, problem=str(error))


def group_standings(nifi: NiFi, groups: dict[str, Group], registry: RegistryStanding | None) -> list[GroupStanding]:
    """Look at each group."""
    usable = registry if registry and not registry.problem else None
    editors = Editors(nifi, usable.url if usable else None)
    found = []
    for name, group in groups.items():
        marks = Marks.read(group.comments)
        edits = tuple(editors.edits(group, group.download(nifi)["flowContents"]))
        version = usable.version_of(name, marks.flow) if usable else None
        latest = (usable.latest or {}).get(name) if usable else None
        found.append(GroupStanding(name, marks.flow, marks.origin, version, latest, edits))
    return found


def _quietly(find: Callable[[], PublishedRelease | None]) -> PublishedRelease | None:
    """What was published by other means is no reason to say nothing of the rest."""
    try:
        return find()
    except RegistryError:
        return None
