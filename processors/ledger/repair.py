"""Mend what reconciling found: enter what only the landing knows, announce again what waits for nothing.

Only a gap whose cause is plain is mended; the rest stays and is named again by the next `reconcile`.
"""

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from pydantic import ValidationError

from handoff.contract.returned import Claim
from processors.landing.closing import enter_sealed
from processors.landing.errors import DeliveryUnreadableError, LandingTakenError
from processors.landing.labels import RECEIPT_FILE, whole_imports
from processors.landing.layout import Layout
from processors.landing.lock import hold
from processors.landing.recover import Recovered, as_sealed, recover
from processors.landing.results import CLAIM_FILE, RETURNED_FILE, Ended, Kept
from processors.ledger import evidence, label_documents, results
from processors.ledger.damaged import is_sound, set_aside
from processors.ledger.gaps import Gap, results_not_in
from processors.ledger.label_documents import LabelDocument
from processors.ledger.results import ResultObject
from processors.ledger.schema import connect, record_event, transaction


def repair(landing: Path, ledger: Path, found: Iterable[Gap]) -> None:
    """Mend gaps, each in its own transaction."""
    layout = Layout(landing)
    with closing(connect(ledger)) as connection:
        with suppress(LandingTakenError), hold(layout.receiver_lock, "receiver"):
            recover(layout, connection)
        for gap in found:
            _mend(layout, connection, gap)


def rebuild(landing: Path, ledger: Path) -> Recovered:
    """Enter all that the landing knows and the ledger does not; with a new ledger that is everything up to routing.

    What was decided and delivered since is found again when deliveries are announced: decisions and receipts lie beside
    them, and the handoff answers a package that it has with the same receipt.

    A ledger that is damaged gets another name first.

    Raises:
        LandingTakenError: a receiver runs; stop it first.
    """
    layout = Layout(landing)
    layout.prepare()
    with hold(layout.receiver_lock, "receiver"):
        aside = "" if is_sound(ledger) else set_aside(ledger).name
        with closing(connect(ledger)) as connection:
            done = recover(layout, connection)
            done.set_aside = aside
            done.labels = _enter_labels(layout, connection)
            done.results = _enter_results(layout, connection)
            return done


def _enter_labels(layout: Layout, connection: sqlite3.Connection) -> int:
    """Enter the imports that only the landing knows; what has its receipt beside it is confirmed."""
    known = {row.id for row in label_documents.every(connection)}
    missing = [part for part in whole_imports(layout) if part.id not in known]
    with transaction(connection):
        for part in missing:
            receipt = layout.labels_of(part.id).with_name(RECEIPT_FILE)
            text = receipt.read_text("utf-8") if receipt.is_file() else None
            facts = part.model_dump(exclude={"parts"})
            row = LabelDocument(**facts, state="confirmed" if text else "pending", receipt=text)
            label_documents.add(connection, [row], time.time())
    return len(missing)


def _enter_results(layout: Layout, connection: sqlite3.Connection) -> int:
    """Enter the objects that only the landing knows: nobody would fetch them again, as they were acknowledged."""
    done = 0
    for folder in results_not_in(layout, connection):
        with suppress(OSError, ValidationError):  # it stays a gap
            done += results.found_again(connection, _result_of(layout, folder), time.time())
    return done


def _result_of(layout: Layout, folder: Path) -> ResultObject:
    """An object as its folder tells of it: ended, or to be judged once more, which gives the same bytes."""
    claim = Claim.model_validate_json((folder / CLAIM_FILE).read_bytes())
    kept, ended, returned = Kept.read(folder), Ended.read(folder), folder / RETURNED_FILE
    return ResultObject(
        id=claim.id,
        handoff_id=claim.handoff,
        path=claim.path,
        sha256=claim.sha256,
        size=claim.size,
        project=claim.project,
        destination=ended.destination if ended else "",
        state=ended.state if ended else "fetched",
        reason=ended.reason if ended else None,
        study_uid=ended.study_uid if ended else None,
        sop_instance_uid=ended.sop_instance_uid if ended else None,
        file=str(returned.relative_to(layout.root)) if ended and returned.is_file() else None,
        fetched_at=kept.fetched_at if kept else (folder / CLAIM_FILE).stat().st_mtime,
        sent_at=ended.at if ended and ended.state == "sent" else None,
    )


def _mend(layout: Layout, connection: sqlite3.Connection, gap: Gap) -> None:
    if gap.kind == "not-in-ledger":
        with suppress(DeliveryUnreadableError):
            enter_sealed(connection, as_sealed(layout.delivery(gap.subject)))
    elif gap.kind in {"stalled", "terminal-too-early", "no-shipments"}:
        _announce_again(connection, gap.subject, gap.kind)
    elif gap.kind == "evidence-stalled":
        with transaction(connection):
            evidence.announce_again(connection, gap.subject)
            record_event(connection, time.time(), gap.subject, "repaired", gap.kind)
    elif gap.kind == "labels-stalled":
        with transaction(connection):
            label_documents.announce_again(connection, gap.subject)
            record_event(connection, time.time(), gap.subject, "repaired", gap.kind)
    elif gap.kind == "labels-not-in-ledger":
        _enter_labels(layout, connection)
    elif gap.kind == "result-not-in-ledger":
        _enter_results(layout, connection)
    elif gap.kind == "not-at-handoff":
        _send_again(layout, connection, gap.subject)


def _announce_again(connection: sqlite3.Connection, delivery_id: str, why: str) -> None:
    with transaction(connection):
        connection.execute(
            "UPDATE deliveries SET due_at = 0, state = iif(state = 'terminal', 'routed', state) WHERE id = ?",
            (delivery_id,),
        )
        record_event(connection, time.time(), delivery_id, "repaired", why)


def _send_again(layout: Layout, connection: sqlite3.Connection, shipment_id: str) -> None:
    """Send a kept package that the handoff has lost; a package that is gone is a person's to decide on."""
    row = connection.execute("SELECT delivery_id FROM shipments WHERE id = ?", (shipment_id,)).fetchone()
    if not (layout.delivery(row["delivery_id"]) / f"{shipment_id}.zip").is_file():
        return
    with transaction(connection):
        connection.execute(
            "UPDATE shipments SET state = 'packaged', receipt = NULL, terminal_at = NULL WHERE id = ?", (shipment_id,)
        )
        record_event(connection, time.time(), shipment_id, "repaired", "not-at-handoff")
    _announce_again(connection, row["delivery_id"], "not-at-handoff")
