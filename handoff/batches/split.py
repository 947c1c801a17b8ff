"""Which patients test. Decided by each patient's pseudonym alone, so no growth of a project ever moves anyone."""

import hashlib

from handoff.contract.batch import Split

TEST_PERCENT = 25


def split_of(project: str, patient: str, test_percent: int = TEST_PERCENT) -> Split:
    """The side of a patient: a hash of project and pseudonym, in hundredths."""
    digest = hashlib.sha256(f"{project}/{patient}".encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") % 100 < test_percent else "train"
