"""What lies where in the store, whatever it is made of."""

from dataclasses import dataclass

from handoff.store.files import Condition, Files, room
from handoff.store.incoming import Incoming, Spool, Watch

BATCH_FILE = "batch.jsonl"


def package_path(sha256: str) -> str:
    """A package, by its own digest, so that keeping it twice is the same as once."""
    return f"packages/{sha256[:2]}/{sha256}.zip"


def batch_path(batch_id: str) -> str:
    """The lines of a batch."""
    return f"batches/{batch_id}/{BATCH_FILE}"


def prepared_path(batch_id: str, prepare_key: str) -> str:
    """The lines of a prepared batch, by the key of the handoff that prepared it."""
    return f"batches/{batch_id}/prepared-{prepare_key}.jsonl"


def pipeline_path(version: str) -> str:
    """The compiled YAML of a pipeline version."""
    return f"pipelines/{version}.yaml"


@dataclass(frozen=True, slots=True)
class Store:
    """Packages, batches and pipelines in `files`; one place per handoff key in `results`; bodies come in by `spool`."""

    files: Files
    results: Files
    spool: Spool

    def receive(self, watch: Watch | None = None) -> Incoming:
        """Open a part file for a body."""
        return self.spool.receive(watch)

    def uri(self, path: str) -> str:
        """The URI of a package, batch or pipeline."""
        return f"{self.files.uri}/{path}"

    def result(self, key: str) -> Files:
        """What the run of a handoff leaves; the last part of its URI is the key."""
        return self.results.below(key)

    def condition(self) -> Condition:
        """Whether deliveries can be taken: both the spool and the place where they are kept."""
        spool = room(self.spool.folder)
        return self.files.condition() if spool == "ok" else spool
