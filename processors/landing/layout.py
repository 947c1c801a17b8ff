"""Where things are in a landing. Every name is a running number or a random id of ours; none comes from outside."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from processors.landing.durable import sync_folder
from processors.landing.errors import LandingUnusableError

_ID: Final = re.compile(r"[0-9a-f]{32}")
_NAMED_AGAIN: Final = re.compile(r"\.[0-9a-f]{32}\.again")
_PART: Final = re.compile(r"[0-9a-f]{32}\.[0-9]+\.part")


@dataclass(frozen=True)
class Layout:
    """The paths of one landing."""

    root: Path

    @cached_property
    def incoming(self) -> Path:
        """A folder for the journal of each association that needs one."""
        return self.root / "incoming"

    @cached_property
    def slots(self) -> Path:
        """Files that objects are received into: empty ones, parts, and what is not durable elsewhere yet."""
        return self.root / "slots"

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

    def deliveries_named_again(self) -> list[Path]:
        """Folders of deliveries that a crash came upon while they were given their names anew."""
        return [entry for entry in self.deliveries.iterdir() if _NAMED_AGAIN.fullmatch(entry.name)]

    def open_association_ids(self) -> set[str]:
        """The associations that have a journal of their own."""
        return {folder.name for folder in _of_ours(self.incoming)}

    def slot_files(self) -> list[Path]:
        """All slots; whatever a person has left among them is none of ours."""
        return sorted(entry for entry in self.slots.iterdir() if _PART.fullmatch(entry.name))

    def parts(self) -> list[Path]:
        """Slots that something was written into and that no delivery has: objects that are not whole yet."""
        return [slot for slot, about in _looked_at(self.slot_files()) if about.st_size and about.st_nlink == 1]

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
                self.slots,
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
            self._prove_links()
            sync_folder(self.root)
            sync_folder(self.root.parent)
        except OSError as error:
            raise LandingUnusableError(f"The landing {self.root} cannot be written: {error.strerror}.") from error

    def _prove_links(self) -> None:
        """Write a file and give it a second name; several processes may do so at one time."""
        name = f".probe-{secrets.token_hex(8)}"
        probe, link = self.slots / name, self.deliveries / name
        try:
            probe.write_bytes(b"\0")
            try:
                os.link(probe, link)
            except OSError as error:
                raise LandingUnusableError(
                    f"The landing {self.root} needs a file system with hard links: {error.strerror}."
                ) from error
        finally:
            for left in (probe, link):
                left.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """What the disk has left for this user."""
        disk = os.statvfs(self.incoming)
        return disk.f_bavail * disk.f_frsize


def _looked_at(files: list[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            yield file, file.stat()


def _of_ours(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if _ID.fullmatch(entry.name) and entry.is_dir())
