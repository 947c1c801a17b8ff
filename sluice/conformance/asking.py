"""REQUESTER, the AE that calls others (PS3.2: AE specification)."""

from processors.dicom.associate import MAXIMUM_CONTEXTS, MAXIMUM_PDU_BYTES
from processors.dicom.storage_scu import STORED, outcome_of
from processors.peers import Peer
from processors.pull.get import TRANSFER_SYNTAXES
from processors.pull.question import COLUMNS
from sluice.conformance.markdown import name_of, sections, table

_SHOWN = (0x0000, 0xB000, 0xB006, 0xB007, 0xA700, 0x0110, 0xA900, 0xC000, 0x0122)
_OUTCOMES = {
    "stored": "stored",
    "again": "it is tried again, later and later",
    "refused": "it is parked for a person",
}


def asking() -> str:
    """Policies, contexts and what is made of answers."""
    fields = Peer.model_fields
    keys = ", ".join(sorted({*COLUMNS.values(), "StudyDate", "ModalitiesInStudy", "StudyDescription"}))
    return sections(
        "### 4.2 REQUESTER",
        "#### 4.2.1 Association policies",
        table(
            ("", "value"),
            [
                ["Calling AE title", f"of the peer in the peers file; default `{fields['calling_ae_title'].default}`"],
                ["Maximum PDU length that is announced", f"{MAXIMUM_PDU_BYTES} bytes"],
                ["Presentation contexts of one association", f"at most {MAXIMUM_CONTEXTS}; more become associations"],
                ["Time for connection and association", f"{fields['connect_timeout_seconds'].default:g} s by default"],
                ["Time for each answer", f"{fields['answer_timeout_seconds'].default:g} s by default"],
                ["Asynchronous operations", "not proposed"],
                ["Role selection", "SCP for the storage classes of C-GET; otherwise not proposed"],
                ["User identity, TLS", "not proposed"],
            ],
        ),
        "#### 4.2.2 Query and retrieve, study root",
        f"""
        C-FIND at levels STUDY, SERIES and IMAGE, in Explicit and Implicit VR Little Endian; no relational query, no
        fuzzy matching, no extended negotiation. Matching keys: {keys}, StudyInstanceUID and SeriesInstanceUID at the
        lower levels. Return keys: StudyInstanceUID, NumberOfStudyRelatedInstances, SeriesInstanceUID,
        NumberOfSeriesRelatedInstances, SOPInstanceUID, SOPClassUID. A peer that does not count by study is asked
        series by series. Keys beyond ASCII go as ISO_IR 192.
        """,
        """
        C-MOVE names RECEIVER's AE title as it stands in the peers file. C-GET proposes each storage class in each of
        these transfer syntaxes, in a context of its own, so that the peer need not re-encode what it has:
        """,
        ", ".join(name_of(uid) for uid in TRANSFER_SYNTAXES) + ".",
        "#### 4.2.3 Storage",
        """
        Objects go as they are, in the one transfer syntax that they have, one context for each pair; nothing is
        transcoded. Each object is asked once an attempt.
        """,
        table(
            ("answer", "what becomes of the object"),
            [
                *((f"{code:04X}", _OUTCOMES[outcome_of(code)]) for code in _SHOWN if code in STORED),
                *((f"{code:04X}", _OUTCOMES[outcome_of(code)]) for code in _SHOWN if code not in STORED),
                ("any other", _OUTCOMES[outcome_of(0xC001)]),
                ("none, or no association", _OUTCOMES["again"]),
                ("its context is not accepted", _OUTCOMES["refused"]),
            ],
        ),
        "#### 4.2.4 Verification",
        "C-ECHO in `sluice peers check` and `echo`; anything but 0000 is told as a fault.",
    )
