"""Where landing, ledger and receipts tell different stories of label documents; nothing here writes anything."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from processors.landing.labels import RECEIPT_FILE, was_withdrawn
from processors.landing.layout import Layout
from processors.ledger import label_documents
from processors.ledger.gaps import Gap
from processors.ledger.label_documents import LabelDocument


def in_labels(layout: Layout, ledger: sqlite3.Connection) -> Iterator[Gap]:
    """Each label document: its row, its file, and its receipt where it is confirmed."""
    rows = {row.id: row for row in label_documents.every(ledger)}
    for row in rows.values():
        yield from _compare(layout, row)
    for folder in layout.label_folders():
        if folder.name not in rows and not was_withdrawn(folder):
            yield Gap(folder.name, "labels-not-in-ledger", "an import was broken off, or the ledger was lost")
    for document_id in label_documents.stalled(ledger):
        yield Gap(document_id, "labels-stalled")


def _compare(layout: Layout, row: LabelDocument) -> Iterator[Gap]:
    file = layout.labels_of(row.id)
    try:
        content = file.read_bytes()
    except OSError:
        if not was_withdrawn(file.parent):
            yield Gap(row.id, "labels-gone")
            return
        content = None
    if content is not None and hashlib.sha256(content).hexdigest() != row.sha256:
        yield Gap(row.id, "labels-differ", "the file is not the one that was imported")
    if row.state == "confirmed" and not _is_receipt(file.with_name(RECEIPT_FILE), row):
        yield Gap(row.id, "no-receipt", "of labels, in the landing")


def _is_receipt(file: Path, row: LabelDocument) -> bool:
    try:
        said = json.loads(file.read_text("utf-8"))["receipt"]
        return (said["kind"], said["id"], said["sha256"]) == ("labels", row.id, row.sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return False
