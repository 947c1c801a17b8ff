"""Deliver packages, evidence and labels; list what came, and the studies that it makes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from handoff.client.connection import Connection, read
from handoff.client.place import at
from handoff.contract.canonical import canonical_json
from handoff.contract.evidence import Evidence
from handoff.contract.labels import Labels
from handoff.contract.receipt import SignedReceipt
from handoff.schemas.labels import LabelsDetail, LabelsView
from handoff.schemas.page import Page
from handoff.schemas.shipments import ShipmentView
from handoff.schemas.studies import StudyView

_BLOCK = 1 << 20


class Arrivals(Connection):
    """What comes from the trusted side."""

    def put_shipment(self, shipment_id: str, package: Path) -> SignedReceipt:
        """Deliver a package, streamed."""
        with package.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        headers = {"Sluice-SHA256": sha256, "Content-Length": str(package.stat().st_size)}
        answer = self._send(
            "PUT",
            at("/v1/shipments/{}", shipment_id),
            content=_blocks(package),
            headers={**self._intake, **headers, "Content-Type": "application/zip"},
        )
        return read(SignedReceipt, answer)

    def put_evidence(self, evidence: Evidence) -> SignedReceipt:
        """Deliver an evidence message."""
        return self._put_document(at("/v1/evidence/{}", evidence.evidence_id), canonical_json(evidence))

    def put_labels(self, labels: Labels) -> SignedReceipt:
        """Deliver a label document."""
        return self._put_document(at("/v1/labels/{}", labels.labels_id), canonical_json(labels))

    def labels(self, project: str | None = None) -> Iterator[LabelsView]:
        """Every label document."""
        return self._pages(Page[LabelsView], "/v1/labels", project=project)

    def label_document(self, labels_id: str) -> LabelsDetail:
        """One label document, and what its rows still wait for."""
        return read(LabelsDetail, self._get(at("/v1/labels/{}", labels_id)))

    def shipments(self, project: str | None = None) -> Iterator[ShipmentView]:
        """Every shipment."""
        return self._pages(Page[ShipmentView], "/v1/shipments", project=project)

    def studies(self, project: str | None = None, state: str | None = None) -> Iterator[StudyView]:
        """Every study."""
        return self._pages(Page[StudyView], "/v1/studies", project=project, state=state)

    def _put_document(self, path: str, body: bytes) -> SignedReceipt:
        headers = {"Sluice-SHA256": hashlib.sha256(body).hexdigest(), "Content-Type": "application/json"}
        return read(SignedReceipt, self._send("PUT", path, content=body, headers={**self._intake, **headers}))


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block
