"""Where the witnesses differ: one function per pair of witnesses, each yielding the gaps that it sees.

Witnesses are the landing (journals, `delivery.json`, the files themselves, evidence), the ledger, the receipts, and the
handoff's own list. None of these functions writes anything.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processors.landing import journal
from processors.landing.delivery import Delivery, is_sealed, read_delivery
from processors.landing.errors import DeliveryUnreadableError
from processors.landing.evidence import witnessed
from processors.landing.filling import JOURNAL_FILE
from processors.landing.journal import AssociationLine, DeliveryLine
from processors.landing.layout import Layout
from processors.landing.results import CLAIM_FILE
from processors.ledger import deliveries, evidence

FIRST_FILE_BYTES: Final = 144
"""What precedes a data set in a file of ours is longer than this."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Something that one witness says and another does not."""

    subject: str
    """Id of an association, delivery, shipment or piece of evidence."""
    kind: str
    detail: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two gaps the same one."""
        return self.subject, self.kind


@dataclass(frozen=True, slots=True)
class HandoffShipment:
    """A shipment as the handoff lists it."""

    sha256: str
    delivered: int
    withheld: int


def in_landing(layout: Layout, ledger: sqlite3.Connection, *, receiver_runs: bool) -> Iterator[Gap]:
    """The landing's deliveries, each against its own journal and files, and against the ledger's rows."""
    known = {row[0]: row[1] for row in ledger.execute("SELECT id, instance_count FROM deliveries")}
    removed = deliveries.removed_ids(ledger)
    present = set()
    for folder in layout.delivery_folders():
        present.add(folder.name)
        if not is_sealed(folder):
            yield from _compare_journal(folder)
            if not receiver_runs:
                yield Gap(folder.name, "unsealed", "no receiver is running that could seal it")
            continue
        try:
            delivery = read_delivery(folder)
        except DeliveryUnreadableError:
            yield Gap(folder.name, "delivery-unreadable")
            continue
        if folder.name not in known:
            yield Gap(folder.name, "not-in-ledger", f"{len(delivery.instances)} instances")
            continue
        yield from _compare_rows(delivery, ledger)
        yield from _compare_files(folder, delivery, originals_removed=folder.name in removed)
    for delivery_id in sorted(known.keys() - present):
        yield Gap(delivery_id, "not-in-landing", f"{known[delivery_id]} objects")
    for association_id in sorted(layout.open_association_ids()):
        if not journal.is_readable(layout.journal_of(association_id), AssociationLine):
            yield Gap(association_id, "journal-unreadable", "a later version wrote it, or the disk is damaged")


def in_associations(layout: Layout, ledger: sqlite3.Connection) -> Iterator[Gap]:
    """What each ended association brought, by its evidence file, against its rows."""
    rows = ledger.execute(
        """
        SELECT a.id, a.acknowledged, (SELECT count(*) FROM instances i WHERE i.association_id = a.id) AS entered,
            EXISTS (SELECT 1 FROM evidence e WHERE e.association_id = a.id) AS announced
        FROM associations a WHERE a.ending <> 'open'
        """
    )
    for row in rows:
        said = witnessed(layout.evidence_of(row["id"]))
        if not said == row["entered"] == row["acknowledged"]:
            counts = f"evidence {said}, association {row['acknowledged']}, instances {row['entered']}"
            yield Gap(row["id"], "association-counts", counts)
        if row["entered"] and not row["announced"]:
            yield Gap(row["id"], "no-evidence")


def in_ledger(ledger: sqlite3.Connection) -> Iterator[Gap]:
    """What contradicts itself inside the ledger, or would wait for ever."""
    queries = {
        "stalled": """
            SELECT id FROM deliveries WHERE due_at IS NULL AND state IN ('sealed', 'announced', 'seen', 'routed')""",
        "no-shipments": """
            SELECT id FROM deliveries d WHERE state IN ('routed', 'terminal')
            AND NOT EXISTS (SELECT 1 FROM shipments s WHERE s.delivery_id = d.id)""",
        "terminal-too-early": """
            SELECT id FROM deliveries d WHERE state = 'terminal' AND EXISTS (
                SELECT 1 FROM shipments s WHERE s.delivery_id = d.id AND s.state IN ('routed', 'packaged'))""",
        "shipment-counts": """
            SELECT s.id FROM shipments s JOIN deliveries d ON d.id = s.delivery_id
            WHERE s.state IN ('packaged', 'quarantined', 'confirmed') AND (
                s.passed + s.withheld <> d.instance_count
                OR s.passed <> (SELECT count(*) FROM shipment_instances si
                                WHERE si.shipment_id = s.id AND si.state = 'passed')
                OR s.withheld <> (SELECT count(*) FROM shipment_instances si
                                  WHERE si.shipment_id = s.id AND si.state = 'withheld'))""",
        "duplicate-of-nothing": """
            SELECT DISTINCT association_id FROM instances i JOIN associations a ON a.id = i.association_id
            WHERE disposition = 'duplicate' AND duplicate_of IS NULL AND NOT EXISTS (
                SELECT 1 FROM associations o WHERE o.ending = 'open')""",
    }
    for kind, query in queries.items():
        for row in ledger.execute(query):
            yield Gap(row[0], kind)
    for evidence_id in evidence.stalled(ledger):
        yield Gap(evidence_id, "evidence-stalled")


def in_receipts(layout: Layout, ledger: sqlite3.Connection) -> Iterator[Gap]:
    """Each confirmed shipment against the receipt in the ledger and the receipt's file in the landing."""
    rows = ledger.execute(
        "SELECT id, delivery_id, package_sha256, package_size, receipt FROM shipments WHERE state = 'confirmed'"
    )
    for row in rows:
        said = {"id": row["id"], "sha256": row["package_sha256"], "size": row["package_size"]}
        kept = layout.delivery(row["delivery_id"]) / f"receipt-{row['id']}.json"
        if not _is_about(row["receipt"], said):
            yield Gap(row["id"], "no-receipt", "in the ledger")
        elif not (kept.is_file() and _is_about(kept.read_text("utf-8"), said)):
            yield Gap(row["id"], "no-receipt", "in the landing")


def in_results(layout: Layout, ledger: sqlite3.Connection) -> Iterator[Gap]:
    """Each object on its way back: it lies in the landing, and what still moves will be announced."""
    for row in ledger.execute("SELECT id, state, file, due_at FROM results WHERE state IN ('fetched', 'ready')"):
        if row["due_at"] is None:
            yield Gap(row["id"], "result-stalled")
        if row["state"] == "ready" and not (layout.root / (row["file"] or "-")).is_file():
            yield Gap(row["id"], "result-missing", "in the landing")
    for folder in results_not_in(layout, ledger):
        yield Gap(folder.name, "result-not-in-ledger", "the ledger was lost")


def results_not_in(layout: Layout, ledger: sqlite3.Connection) -> list[Path]:
    """Folders of objects that were kept whole, and that the ledger does not know."""
    known = {row[0] for row in ledger.execute("SELECT id FROM results")}
    return [
        folder for folder in layout.result_folders() if folder.name not in known and (folder / CLAIM_FILE).is_file()
    ]


def at_handoff(ledger: sqlite3.Connection, listed: Mapping[str, HandoffShipment]) -> Iterator[Gap]:
    """The handoff's own list against the ledger's shipments."""
    rows = {
        row["id"]: row for row in ledger.execute("SELECT id, state, package_sha256, passed, withheld FROM shipments")
    }
    for shipment_id, row in rows.items():
        theirs = listed.get(shipment_id)
        if theirs is None:
            if row["state"] == "confirmed":
                yield Gap(shipment_id, "not-at-handoff")
        elif row["state"] in {"packaged", "confirmed"} and theirs != HandoffShipment(
            row["package_sha256"], row["passed"], row["withheld"]
        ):
            yield Gap(shipment_id, "handoff-differs", f"delivered {theirs.delivered}, withheld {theirs.withheld}")
    for shipment_id in sorted(listed.keys() - rows.keys()):
        yield Gap(shipment_id, "unknown-shipment", "the handoff has it, the ledger does not")


def _compare_journal(folder: Path) -> Iterator[Gap]:
    if not journal.is_readable(folder / JOURNAL_FILE, DeliveryLine):
        yield Gap(folder.name, "journal-unreadable", "a later version wrote it, or the disk is damaged")
    kept = [line.kept.instance for line in journal.read(folder / JOURNAL_FILE, DeliveryLine) if line.kept]
    absent = [one.file for one in kept if not (folder / one.file).is_file()]
    if absent:
        yield Gap(folder.name, "files-missing", f"{len(absent)} files absent, first {absent[0]}")


def _compare_rows(delivery: Delivery, ledger: sqlite3.Connection) -> Iterator[Gap]:
    rows = ledger.execute(
        "SELECT file, sop_instance_uid, digest, revision, size FROM instances WHERE delivery_id = ?", (delivery.id,)
    )
    entered = Counter(tuple(row) for row in rows)
    sealed = Counter((i.file, i.sop_instance_uid, i.digest, i.revision, i.size) for i in delivery.instances)
    if entered != sealed:
        yield Gap(
            delivery.id,
            "rows-differ",
            f"{(sealed - entered).total()} only in the landing, {(entered - sealed).total()} only in the ledger",
        )


def _compare_files(folder: Path, delivery: Delivery, *, originals_removed: bool) -> Iterator[Gap]:
    sealed = {instance.file for instance in delivery.instances}
    journaled = {line.kept.instance.file for line in journal.read(folder / JOURNAL_FILE, DeliveryLine) if line.kept}
    if journaled - sealed:  # it stays only then: recovery did not find the files of all its lines
        yield Gap(delivery.id, "journal-differs", f"journal {len(journaled)}, delivery.json {len(sealed)} instances")
    if originals_removed:
        return
    sizes = {file.name: file.stat().st_size for file in folder.glob("*.dcm")}
    wrong = [one for one in delivery.instances if sizes.get(one.file, 0) < one.size + FIRST_FILE_BYTES]
    if wrong:
        yield Gap(delivery.id, "files-missing", f"{len(wrong)} files absent or too short, first {wrong[0].file}")


def _is_about(receipt: str | None, said: dict[str, object]) -> bool:
    try:
        body = json.loads(receipt or "")["receipt"]
        return {name: body[name] for name in said} == said
    except (ValueError, KeyError, TypeError):
        return False
