"""Where things are in a landing. Every name is a running number or a random id of ours; none comes from outside."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from processors.landing.durable import sync_folder
from processors.landing.errors import LandingUnusableError

_ID: Final = re.compile(r"[0-9a-f]{32}")
_PART: Final = re.compile(r"[0-9a-f]{32}\.[0-9]+\.part")


@dataclass(frozen=True)
class Layout:
    """The paths of one landing."""

    root: Path

    @cached_property
    def incoming(self) -> Path:
        """Parts being received, and a folder for the journal of each association that needs one."""
        return self.root / "incoming"

    @cached_property
    def deliveries(self) -> Path:
        """One folder per delivery."""
        return self.root / "deliveries"

    @cached_property
    def evidence(self) -> Path:
        """One file per association that stored something: how it ended and what it brought."""
        return self.root / "evidence"

    @cached_property
    def labels(self) -> Path:
        """One folder per label document."""
        return self.root / "labels"

    @cached_property
    def results(self) -> Path:
        """One folder per object of a result on its way back into the PACS."""
        return self.root / "results"

    @cached_property
    def results_inbox(self) -> Path:
        """Objects as NiFi fetched them, until they are kept."""
        return self.results / "incoming"

    @cached_property
    def commitments(self) -> Path:
        """One file per request for storage commitment."""
        return self.root / "commitments"

    @cached_property
    def performed_steps(self) -> Path:
        """One file per performed procedure step."""
        return self.root / "performed-steps"

    @cached_property
    def notify(self) -> Path:
        """The FIFO that gets a byte for each news."""
        return self.root / "notify"

    @cached_property
    def receiver_lock(self) -> Path:
        """Held by the one receiver."""
        return self.root / "receiver.lock"

    @cached_property
    def importer_lock(self) -> Path:
        """Held by the one import of labels."""
        return self.root / "importer.lock"

    @cached_property
    def announcer_lock(self) -> Path:
        """Held by the one announcer."""
        return self.root / "announcer.lock"

    def delivery_folders(self) -> list[Path]:
        """The folders of all deliveries; whatever a person has left among them is none of ours."""
        return _of_ours(self.deliveries)

    def open_association_ids(self) -> set[str]:
        """The associations that have a journal of their own."""
        return {folder.name for folder in _of_ours(self.incoming)}

    def parts(self) -> list[Path]:
        """Objects that are not whole yet, or that nobody was told of."""
        return [entry for entry in self.incoming.iterdir() if _PART.fullmatch(entry.name)]

    def delivery(self, delivery_id: str) -> Path:
        """The folder of a delivery."""
        return self.deliveries / delivery_id

    def evidence_of(self, association_id: str) -> Path:
        """The evidence file of an association."""
        return self.evidence / f"{association_id}.json"

    def label_folders(self) -> list[Path]:
        """The folders of all label documents."""
        return _of_ours(self.labels) if self.labels.is_dir() else []

    def labels_of(self, document_id: str) -> Path:
        """The file of a label document, byte by byte what is sent; its receipt will lie beside it."""
        return self.labels / document_id / "labels.json"

    def result_folders(self) -> list[Path]:
        """The folders of all objects of results."""
        return _of_ours(self.results) if self.results.is_dir() else []

    def result(self, result_id: str) -> Path:
        """The folder of an object of a result."""
        return self.results / result_id

    def commitment_of(self, request_id: str) -> Path:
        """The file of a request for storage commitment."""
        return self.commitments / f"{request_id}.json"

    def performed_step(self, step_id: str) -> Path:
        """The file of a performed procedure step."""
        return self.performed_steps / f"{step_id}.json"

    def journal_of(self, association_id: str) -> Path:
        """The journal of an association that is open."""
        return self.incoming / association_id / "journal.jsonl"

    def kept_journal_of(self, association_id: str) -> Path:
        """The journal of an association that has ended, kept so that a lost ledger can be made anew."""
        return self.evidence / f"{association_id}.jsonl"

    def prepare(self) -> None:
        """Make the folders, durably, and prove that they can be written.

        Raises:
            LandingUnusableError: they cannot.
        """
        try:
            for folder in (
                self.root,
                self.incoming,
                self.deliveries,
                self.evidence,
                self.labels,
                self.results,
                self.results_inbox,
                self.commitments,
                self.performed_steps,
            ):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.notify.is_fifo():
                os.mkfifo(self.notify, 0o600)
            probe = self.incoming / ".probe"
            probe.write_bytes(b"\0")
            probe.unlink()
            sync_folder(self.root)
            sync_folder(self.root.parent)
        except OSError as error:
            raise LandingUnusableError(f"The landing {self.root} cannot be written: {error.strerror}.") from error

    def free_bytes(self) -> int:
        """What the disk has left for this user."""
        disk = os.statvfs(self.incoming)
        return disk.f_bavail * disk.f_frsize


def _of_ours(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if _ID.fullmatch(entry.name) and entry.is_dir())
