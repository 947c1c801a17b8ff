"""What RECEIVER serves beside storage: one chapter a SOP class, from what `processors.dicom.services` serves."""

import inspect
import re
from collections.abc import Callable

from processors.dicom import services
from processors.dicom.commitment import judge
from processors.dicom.commitment.judge import REASONS
from processors.dicom.commitment.reporter import BACKOFF_SECONDS
from processors.dicom.performed_step.request import REQUIRED
from processors.dicom.performed_step.service import STATUSES
from processors.dicom.services import SERVED
from sluice.conformance.markdown import name_of, sections, table

COMMON = {
    services.SUCCESS: "done, and durable",
    services.PROCESSING_FAILURE: "it could not be done now, or the data set cannot be read",
    services.UNRECOGNIZED_OPERATION: "the operation is not offered for this SOP class",
    services.RESOURCE_LIMITATION: f"the data set is longer than {services.MAXIMUM_DATA_SET_BYTES} bytes",
}
"""What every service may answer."""


def beside_storage() -> str:
    """All of them."""
    chapters = [_chapter(uid) for uid in SERVED]
    return sections(
        "#### 4.1.5 Services beside storage",
        "Each is off by default. One request at a time; a data set is taken whole before it is looked at.",
        table(("status", "of every service"), [(f"{code:04X}", words) for code, words in COMMON.items()]),
        *(part for chapter in chapters for part in chapter),
    )


def _chapter(uid: str) -> list[str]:
    operations = ", ".join(operation.name.replace("_", "-") for operation in sorted(SERVED[uid]))
    return [f"##### {name_of(uid)}", f"{uid}; {operations}.", *CHAPTERS[uid]()]


def performed_steps() -> list[str]:
    """Modality Performed Procedure Step (PS3.4 F.7)."""
    required = ", ".join(REQUIRED)
    return [
        """
        **Default: off.** A peer of the peers file with `performed_steps: true` may make steps and change its own; all
        others are answered 0124. A step is durable, in landing and ledger, before it is answered, and is ended once:
        COMPLETED or DISCONTINUED. Another peer cannot change it. A lost ledger knows it again from the landing.
        """,
        f"""
        N-CREATE must have {required}, and a Study Instance UID in each item of the first; the state must be IN
        PROGRESS. Without a SOP Instance UID it gets one. N-SET may carry a state, and a Performed Series Sequence,
        which replaces the one before; each series and each instance must have its UIDs. COMPLETED needs series, then or
        before. Missing attributes of type 2 are forgiven. Nothing is kept but the step's UID, its state, the Study
        Instance UID, and the instances that it names: no attribute of the patient, no time, no dose.
        """,
        """
        Of a COMPLETED step, the instances of ReferencedImageSequence and ReferencedNonImageCompositeSOPInstanceSequence
        are evidence: the study is not taken for complete before they have all come. A step that names several studies
        is evidence of none. There is no N-GET, no N-EVENT-REPORT, and no modality worklist.
        """,
        table(("status", "meaning"), [(f"{code:04X}", words) for code, words in STATUSES.items()]),
    ]


def commitment() -> list[str]:
    """Storage Commitment Push Model (PS3.4 annex J)."""
    return [
        """
        **Default: off.** Every request is taken: N-ACTION is answered 0000 once the list is durable in the landing and
        in the ledger. What it is answered by is the N-EVENT-REPORT, and for a peer without `storage_commitment` in the
        peers file that says *failure* for every instance. The list is evidence whatever is reported: a study is not
        taken for complete before the instances on it have come.
        """,
        """
        Success is reported for an instance only if all of this holds:
        """,
        _conditions(),
        """
        So it is a promise to keep the originals for `storage_commitment.keep_days` from the request and no longer,
        not the promise of an archive: a peer should be given it only if IT answers for those days, disk failures
        included. Everything else fails:
        """,
        table(("Failure Reason (0008,1197)", "meaning"), [(f"{code:04X}", words) for code, words in REASONS.items()]),
        f"""
        The N-EVENT-REPORT goes over an association of our own, to `ae_title`, `host` and `port` of the peer in the
        peers file, in the SCP role, and is tried until it is answered with Success, across restarts,
        {BACKOFF_SECONDS[0]:g} to {BACKOFF_SECONDS[-1]:g} s after one another.
        A success that could not be reported before half of its days were over is reported as 0110. The same request
        once more, from the same AE title, is judged and reported once more.
        More: [storage-commitment.md](storage-commitment.md).
        """,
    ]


def _conditions() -> str:
    """What the judge itself says that it asks."""
    words = inspect.getdoc(judge) or ""
    return "\n".join(line.strip() for line in words.splitlines() if re.match(r"\s*\d\. ", line))


CHAPTERS: dict[str, Callable[[], list[str]]] = {
    services.STORAGE_COMMITMENT: commitment,
    services.PERFORMED_STEP: performed_steps,
}
"""What each service promises, by SOP class."""
