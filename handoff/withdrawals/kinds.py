"""The kinds of copies, as data. A copy's URI says where it is without a path of a machine, so it outlives a move."""

from dataclasses import dataclass
from typing import Literal

from handoff.store.store import batch_path, package_path, prepared_path

KindName = Literal["package", "batch", "prepared", "result", "run", "model", "engine", "download", "mirror", "backup"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What holds for every copy of a kind.

    Attributes:
        what: in plain words.
        stays: why no copy of it is purged here, as a code; None where one can be.
        waits: whether a run may still write to it, so that it is purged only once its handoff has ended.
    """

    what: str
    stays: str | None = None
    waits: bool = False


KINDS: dict[KindName, Kind] = {
    "package": Kind("a package in the store"),
    "batch": Kind("the lines of a batch"),
    "prepared": Kind("the lines of a prepared batch", waits=True),
    "result": Kind("what a run left: volumes, objects, reports", waits=True),
    "run": Kind("the folder where a run happened: its log and what its steps gave each other", waits=True),
    "model": Kind("a model that was trained on it", stays="derived-model", waits=True),
    "engine": Kind("what a cluster keeps of a run", stays="at-engine", waits=True),
    "download": Kind("what somebody fetched", stays="downloaded"),
    "mirror": Kind("ids and figures that another system was told", stays="ids-and-figures"),
    "backup": Kind("a backup of the service", stays="in-backup"),
}
STORE = "store:"
"""Before the path of a file of the store."""
RESULTS = "results:"
"""Before the key of a handoff whose result it is."""


def package_uri(sha256: str) -> str:
    """A package of the store."""
    return f"{STORE}{package_path(sha256)}"


def digest_of_package(uri: str) -> str:
    """The SHA-256 of the package that a URI names."""
    return uri.rpartition("/")[2].removesuffix(".zip")


def batch_uri(batch_id: str) -> str:
    """The lines of a batch."""
    return f"{STORE}{batch_path(batch_id)}"


def prepared_uri(batch_id: str, prepare_key: str) -> str:
    """The lines of a prepared batch."""
    return f"{STORE}{prepared_path(batch_id, prepare_key)}"


def result_uri(key: str) -> str:
    """Everything below a handoff's result."""
    return f"{RESULTS}{key}"


def run_uri(place: str, key: str) -> str:
    """The folder of a run in one home."""
    return f"run:{place}/{key}"


def engine_uri(target: str, handoff_id: str) -> str:
    """What an engine elsewhere keeps of a run."""
    return f"engine:{target}/{handoff_id}"


def model_uri(model_id: str) -> str:
    """A model version."""
    return f"model:{model_id}"


def download_uri(subject: str, who: str) -> str:
    """What somebody fetched of a batch or of a handoff."""
    return f"download:{subject}/{who}"


def backup_uri(identifier: str) -> str:
    """A backup of the service, by the id that it says of itself."""
    return f"backup:{identifier}"


def mirror_uri(mirror: str, batch_id: str) -> str:
    """What a mirror was told of a batch, and of what came of it."""
    return f"mirror:{mirror}/{batch_id}"
