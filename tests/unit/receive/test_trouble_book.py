"""Troubles on their way to the ledger are few; what the ledger refuses makes room for the next ones."""

import io
import sqlite3
from pathlib import Path

import pytest

from processors.dicom import trouble_book
from processors.dicom.event_log import EventLog
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.trouble_book import TroubleBook
from processors.ledger import troubles
from processors.ledger.schema import connect
from processors.ledger.troubles import Trouble
from processors.ledger.writer import LedgerWriter
from tests.waiting import wait_for

_REFUSED = "192.0.2.66"


def test_troubles_that_the_ledger_refuses_keep_no_later_one_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else after a thousand of them the doctor would never hear of anything again."""
    real = troubles.add

    def add(connection: sqlite3.Connection, trouble: Trouble) -> None:
        if trouble.address == _REFUSED:
            raise sqlite3.IntegrityError
        real(connection, trouble)

    monkeypatch.setattr(troubles, "add", add)
    monkeypatch.setattr(trouble_book, "MOST_WAITING", 2)
    writer = LedgerWriter(tmp_path / "ledger.db", lambda *_: None)
    metrics = ReceiverMetrics(tmp_path / "ledger.db", lambda: 0, lambda: 0.0)
    book = TroubleBook(EventLog(io.StringIO()), metrics, writer)
    for _ in range(2):
        book.note("not-dicom", calling_ae="", called_ae="", address=_REFUSED)
    wait_for(lambda: writer.waiting == 0)
    book.note("not-dicom", calling_ae="", called_ae="", address="192.0.2.1")
    writer.close()
    ledger = connect(tmp_path / "ledger.db")
    assert [each.trouble.address for each in troubles.newest(ledger)] == ["192.0.2.1"]
    ledger.close()
