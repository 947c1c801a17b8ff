"""The bucket of a Registry that holds Sluice's flows: what is there, and one version more."""

from dataclasses import dataclass
from datetime import UTC, datetime

from nifi.errors import NotPublishedError, RegistryError
from nifi.releases.flow import BUCKET
from nifi.rest import Json, Registry

_NOT_FOUND, _CONFLICT = 404, 409


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a flow, without its contents."""

    flow: str
    number: int
    by: str
    at: str
    comments: str


class Bucket:
    """One bucket of one Registry, by its name."""

    def __init__(self, registry: Registry, name: str = BUCKET) -> None:
        self.registry, self.name = registry, name
        self._id = next(
            (str(found["identifier"]) for found in registry.get_list("/buckets") if found["name"] == name), ""
        )
        self._flows: dict[str, str] | None = None

    @property
    def exists(self) -> bool:
        """Whether the Registry has it."""
        return bool(self._id)

    def flows(self) -> dict[str, str]:
        """Ids of the flows in it, by name; none where there is no bucket."""
        if self._flows is None:
            found = self.registry.get_list(f"/buckets/{self._id}/flows") if self._id else []
            self._flows = {str(flow["name"]): str(flow["identifier"]) for flow in found}
        return self._flows

    def versions(self, flow: str) -> list[Version]:
        """All versions of a flow, newest first; none where there is no such flow."""
        if flow not in self.flows():
            return []
        found = self.registry.get_list(f"{self._path(flow)}/versions")
        return sorted((_version(flow, entry) for entry in found), key=lambda version: -version.number)

    def fetch(self, flow: str, number: int) -> Json:
        """One version with its contents.

        Raises:
            NotPublishedError: there is no such bucket, flow or version; the message says what there is.
        """
        if not self._id:
            message = f"The Registry at {self.registry.url} has no bucket {self.name}."
            raise NotPublishedError(message)
        if flow not in self.flows():
            message = f"The bucket {self.name} of the Registry at {self.registry.url} has no flow {flow}."
            raise NotPublishedError(message)
        try:
            return self.registry.get(f"{self._path(flow)}/versions/{number}")
        except RegistryError as error:
            if error.status != _NOT_FOUND:
                raise
            there = [version.number for version in self.versions(flow)]
            known = f"the newest is {there[0]}" if there else "it has none"
            message = f"The flow {flow} in the Registry has no version {number}; {known}."
            raise NotPublishedError(message) from error

    def add(self, flow: str, number: int, snapshot: Json, comments: str) -> None:
        """Save one version more, with the bucket and the flow where they are missing.

        Raises:
            RegistryError: someone else took that number meanwhile, or the Registry refuses.
        """
        if not self._id:
            self._id = str(self.registry.post("/buckets", {"name": self.name})["identifier"])
        if flow not in self.flows():
            body = {"name": flow, "bucketIdentifier": self._id, "type": "Flow"}
            self.flows()[flow] = str(self.registry.post(f"/buckets/{self._id}/flows", body)["identifier"])
        metadata = {
            "bucketIdentifier": self._id,
            "flowIdentifier": self.flows()[flow],
            "version": number,
            "comments": comments,
        }
        try:
            self.registry.post(f"{self._path(flow)}/versions", {**snapshot, "snapshotMetadata": metadata})
        except RegistryError as error:
            if error.status != _CONFLICT:
                raise
            message = f"Someone else published version {number} of {flow} at the same moment; publish again."
            raise RegistryError(message, error.status) from error

    def _path(self, flow: str) -> str:
        return f"/buckets/{self._id}/flows/{self.flows()[flow]}"


def _version(flow: str, entry: Json) -> Version:
    at = datetime.fromtimestamp(int(entry["timestamp"]) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Version(flow, int(entry["version"]), str(entry.get("author") or "unknown"), at, entry.get("comments") or "")
