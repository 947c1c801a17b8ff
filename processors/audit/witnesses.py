"""What the ledger knows of packages, and the chain must hold: an end that was cut off whole cannot be seen in a chain.

Each package and each shipment that was withheld whole is a row of the ledger, written after its record. So every such
row later than the first record of its project must have one; without any record, each but those of the engine before.
"""

import sqlite3
from datetime import datetime
from typing import Final

from processors.audit.lines import Record
from processors.audit.treated import PACKAGE
from processors.audit.verify import Fault

_BEFORE: Final = "1"
"""The engine of releases that kept no record."""
_ROWS: Final = """
    SELECT s.id, s.package_sha256, max(e.at) AS at, json_extract(s.treatment, '$.engine') AS engine FROM shipments s
    JOIN events e ON e.subject = s.id AND e.event IN ('packaged', 'quarantined')
    WHERE s.project = ? GROUP BY s.id ORDER BY s.id
"""


class Witnesses:
    """Collects what a chain says of packages while it is verified; `faults` then compares."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str | None]] = set()
        self._since: float | None = None

    def hear(self, record: Record) -> None:
        """One record of the chain."""
        if record.get("kind") == PACKAGE:
            self._told.add((record["shipment"], record["package"]))
            if self._since is None:
                self._since = datetime.fromisoformat(record["at"]).timestamp()

    def faults(self, ledger: sqlite3.Connection, project: str, *, begun: float | None = None) -> list[Fault]:
        """Packages of the ledger of which the chain says nothing.

        Args:
            ledger: may be read only.
            project: whose shipments.
            begun: Unix seconds from which on records are kept, if the chain's own first record is not believed.
        """
        since = self._since if begun is None else begun
        missing = []
        for row in ledger.execute(_ROWS, (project,)):
            known = (row["id"], row["package_sha256"]) in self._told
            expected = row["engine"] != _BEFORE if since is None else row["at"] >= since - 1
            if expected and not known:
                says = "the ledger knows this shipment's package" if row["package_sha256"] else "it was withheld whole"
                missing.append(Fault("no-record", f"shipment {row['id']}", f"{says}, and no record tells of it"))
        return missing
