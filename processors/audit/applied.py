"""What `sluice deid apply` did with a folder, in the chain of a home: no shipment, no package, the same facts.

That it begins is durable before the first file is written. What became of files follows in batches, known by digests:
their names may be a patient's. A run that ended early has no last record, and a reader sees it.
"""

import hashlib
import time
from collections import Counter
from pathlib import Path
from typing import Final

from processors.audit.chain import Chain
from processors.audit.lines import Record
from processors.audit.treated import verifier
from processors.deid.files import content
from processors.deid.folder import Outcome

BEGUN: Final = "apply-begun"
APPLIED: Final = "applied"
ENDED: Final = "apply-ended"
_BATCH: Final = 256
"""Records under one signature, and so the most that a crash leaves untold."""


class Applied:
    """The record of one run."""

    def __init__(self, chain: Chain, source: Path, treatment: dict[str, str]) -> None:
        """Nothing is recorded yet.

        Args:
            chain: of the project.
            source: the folder that is read.
            treatment: what decides the output, as `Engine.facts` has it.
        """
        self._chain, self._source, self._treatment = chain, source, treatment
        self._waiting: list[Record] = []
        self._became: Counter[str] = Counter()

    def begin(self, files: int) -> None:
        """Make durable that so many files are to be treated.

        Raises:
            AuditUnwritableError: it cannot be recorded, and nothing is to be written.
        """
        self._chain.append([{"kind": BEGUN, "files": files, "treatment": self._treatment}], time.time())

    def add(self, outcome: Outcome) -> None:
        """Tell what became of one file.

        Raises:
            AuditUnwritableError: the record cannot be written.
        """
        made, reason = outcome.made, outcome.reason
        self._became["withheld" if reason else "passed"] += 1
        self._waiting.append(
            {
                "kind": APPLIED,
                "profile_digest": self._treatment["profile_digest"],
                "key_epoch": self._treatment["key_epoch"],
                "in": _digest(self._source / outcome.file),
                "out": made.digest if made else None,
                "instance": made.instance if made else None,
                "actions": made.actions if made else {},
                "performed": list(made.performed) if made else [],
                "verifier": verifier(reason),
                "outcome": "withheld" if reason else "passed",
                "reason": reason,
            }
        )
        if len(self._waiting) == _BATCH:
            self._write()

    def end(self) -> str:
        """Tell the rest and how many passed; returns the digest of the chain's end.

        Raises:
            AuditUnwritableError: the record cannot be written.
        """
        counts = {"passed": self._became["passed"], "withheld": self._became["withheld"]}
        self._waiting.append({"kind": ENDED, **counts})
        return self._write()

    def _write(self) -> str:
        digest = self._chain.append(self._waiting, time.time()).digest
        self._waiting = []
        return digest


def _digest(file: Path) -> str | None:
    """SHA-256 of a whole file; None where it cannot be read, or is no plain one."""
    try:
        return hashlib.sha256(content(file)).hexdigest()
    except OSError:
        return None
