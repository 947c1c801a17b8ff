"""A release as a Registry keeps it: the flow `release`, whose versions name the versions of all the others.

Flows change at different times, so their version numbers drift apart; a version of `release` says which belong
together, with the assembly and the declared parameters. It is an empty group whose comment is this document.
"""

import json
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from nifi.errors import ForeignVersionError, NotPublishedError
from nifi.releases.bucket import Bucket
from nifi.releases.flow import Flow, Json, read_assembly, stable_id
from nifi.releases.full_copy import restore
from nifi.releases.release import Release
from nifi.rest import Registry

RELEASE_FLOW = "release"
_OPENING = "A release of Sluice, made by `sluice flows publish`: which versions of the flows belong together.\n"


class PublishedFlow(BaseModel):
    """One flow of a published release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    digest: str
    fingerprint: str


class Manifest(BaseModel):
    """What a version of the flow `release` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    nar_version: str
    nar_digest: str
    flows: dict[str, PublishedFlow]
    assembly: str
    parameters: str

    def as_snapshot(self) -> Json:
        """The group that carries it."""
        contents = {
            "identifier": stable_id(RELEASE_FLOW, "group", RELEASE_FLOW),
            "name": RELEASE_FLOW,
            "comments": _OPENING + json.dumps(self.model_dump(), sort_keys=True),
            "componentType": "PROCESS_GROUP",
            "position": {"x": 0.0, "y": 0.0},
        }
        empty = ("processors", "connections", "inputPorts", "outputPorts", "labels", "funnels")
        lists: Json = {kind: [] for kind in (*empty, "controllerServices", "processGroups", "remoteProcessGroups")}
        return {"flowEncodingVersion": "1.0", "flowContents": {**contents, **lists}}


@dataclass(frozen=True, slots=True)
class PublishedRelease:
    """A manifest and its version."""

    version: int
    manifest: Manifest


def find_release(bucket: Bucket, version: int | None = None) -> PublishedRelease | None:
    """A published release; without a version the newest, None where nothing was published.

    Raises:
        NotPublishedError: there is no such version.
        ForeignVersionError: that version was not made by `sluice flows publish`.
    """
    if version is None:
        there = bucket.versions(RELEASE_FLOW)
        if not there:
            return None
        version = there[0].number
    comments = bucket.fetch(RELEASE_FLOW, version)["flowContents"].get("comments") or ""
    try:
        manifest = Manifest.model_validate_json(comments.partition("\n")[2])
    except ValidationError as error:
        message = (
            f"Version {version} of the flow {RELEASE_FLOW} in the Registry was not made by `sluice flows publish`."
        )
        raise ForeignVersionError(message) from error
    return PublishedRelease(version, manifest)


def release_of_registry(url: str, version: int | None = None) -> Release:
    """Read a release from a Registry, every flow whole.

    Raises:
        NoRegistryError: none answers.
        NotPublishedError: there is no such release.
        ForeignVersionError: it is there, and not what was published.
    """
    with Registry(url) as registry:
        bucket = Bucket(registry)
        found = find_release(bucket, version)
        if found is None:
            message = f"No release was published in the Registry at {registry.url}."
            raise NotPublishedError(message)
        manifest = found.manifest
        # In the order of the assembly, which the digest of the release counts on.
        names = [name for name in read_assembly(manifest.assembly).positions if name in manifest.flows]
        flows = tuple(fetch_flow(bucket, name, manifest.flows[name]) for name in names)
    origin = f"registry:{found.version}"
    return Release(flows, manifest.assembly, manifest.parameters, origin, manifest.nar_digest)


def fetch_flow(bucket: Bucket, name: str, part: PublishedFlow) -> Flow:
    """One flow of a release, whole."""
    return restore(name, bucket.fetch(name, part.version), part.digest, part.fingerprint)
