"""RECEIVER, the AE that others call: association policies, Verification, Storage (PS3.2: AE specification)."""

import inspect

from processors.dicom import status
from processors.dicom.causes import CAUSES
from processors.dicom.fast.negotiate import APPLICATION_CONTEXT
from processors.dicom.fast.pdu import MAXIMUM_ASSOCIATE_BYTES, MAXIMUM_PDU_BYTES
from processors.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from processors.dicom.rejections import REJECTIONS
from processors.dicom.status import Refusal
from processors.limits import table as limits
from sluice.conformance.markdown import first_sentence, returning, sections, table

_RESULTS = {1: "rejected-permanent", 2: "rejected-transient"}
_SOURCES = {1: "service-user", 2: "service-provider (ACSE)", 3: "service-provider (presentation)"}
_DIAGNOSTICS = {
    (1, 2): "application-context-name-not-supported",
    (1, 3): "calling-AE-title-not-recognized",
    (1, 7): "called-AE-title-not-recognized",
    (2, 1): "no-reason-given",
    (2, 2): "protocol-version-not-supported",
    (3, 1): "temporary-congestion",
    (3, 2): "local-limit-exceeded",
}
"""Words of PS3.8 table 9-21."""


def association_policies() -> str:
    """What holds for every association that RECEIVER accepts."""
    return sections(
        "### 4.1 RECEIVER",
        "#### 4.1.1 Association policies",
        table(
            ("", "value"),
            [
                ["Application context", APPLICATION_CONTEXT],
                ["Implementation Class UID", IMPLEMENTATION_CLASS_UID],
                ["Implementation Version Name", IMPLEMENTATION_VERSION_NAME],
                ["Maximum PDU length that is announced and enforced", f"{MAXIMUM_PDU_BYTES} bytes"],
                ["Maximum PDU length that is sent", "what the requestor announces"],
                ["Longest A-ASSOCIATE-RQ", f"{MAXIMUM_ASSOCIATE_BYTES} bytes"],
                ["Asynchronous operations", "not supported: one operation at a time (PS3.7 D.3.3.3)"],
                ["Role selection", "RECEIVER is SCP; an SCP role of the requestor is refused (PS3.7 D.3.3.4)"],
                ["SOP class extended negotiation", "not answered (PS3.7 D.3.3.5)"],
                ["User identity", "accepted, not checked, not answered (PS3.7 D.3.3.7); identity is TLS's matter"],
            ],
        ),
        """
        Times and numbers are limits of the site, by `--limit` or in `sluice.yaml`. `request` is the ARTIM timer (PS3.8
        9.1.5); beyond `associations`, the answer is a rejection.
        """,
        limits().strip(),
        """
        Whose association is accepted is decided by the peers file (6.2), in this order: called AE title, calling AE
        title, address, TLS, number of associations. Without a peers file everyone is accepted.
        """,
        table(
            ("cause", "A-ASSOCIATE-RJ", "when"),
            [[f"`{cause}`", _rejection(cause), _when(cause)] for cause in REJECTIONS],
        ),
        """
        RECEIVER opens no association of its own, but for N-EVENT-REPORT (4.1.5). It aborts (A-ABORT) for what the
        protocol does not allow, for a PDU that is longer than agreed, after the silence above, and, after the object
        that is on its way, when it is stopped. A missing release leaves everything that was acknowledged as it is.
        """,
    )


def presentation_contexts() -> str:
    """Which contexts are accepted, and Verification."""
    return sections(
        "#### 4.1.2 Presentation contexts",
        table(
            ("abstract syntax", "transfer syntaxes", "accepted", "otherwise"),
            [
                ["Verification", "any", "always; the first proposed", ""],
                [
                    "every storage class (annex A), private classes",
                    "any (annex B), compressed or not, private ones",
                    "the requestor's first that its peer may send",
                    "3 (abstract syntax not supported), 4 (transfer syntaxes not supported)",
                ],
                [
                    "the services of 4.1.5",
                    "Implicit VR Little Endian, Explicit VR Little Endian, Explicit VR Big Endian",
                    "the requestor's first of these; who may use a service is said by its answers",
                    "4",
                ],
                ["all others, query and retrieve among them", "", "never", "3"],
            ],
        ),
        "Nothing is decoded or transcoded, so no transfer syntax is preferred to another.",
        "#### 4.1.3 Verification",
        "C-ECHO is answered with Success (0000), by whoever may open an association.",
    )


def storage() -> str:
    """Storage as SCP, and each of its answers."""
    rows = [_refusal(function) for _, function in returning(status, Refusal)]
    return sections(
        "#### 4.1.4 Storage",
        """
        Level 2 (full): all attributes are kept, private ones among them. No element is coerced or added. RECEIVER looks
        at SOP Class, SOP Instance, Study and Series Instance UID, and at the facts that rules ask for. Digital
        signatures stay intact, as the data set does.
        """,
        table(
            ("status", "reason in ledger and log", "meaning"),
            [[f"{status.SUCCESS:04X}", "", "the object is durable here, or was already"], *rows],
        ),
        """
        There is no warning status. A7xx and 0110 are worth another try later; the others need a person. Refused objects
        are counted by status and reason (`sluice doctor`, `sluice_stores_total`). Access to what is kept is by the
        trusted zone's own tools: RECEIVER answers no query.
        """,
    )


def troubles() -> str:
    """Every cause that the doctor knows."""
    return sections(
        "#### 4.1.6 What is told of failed associations",
        "Each of these leaves a sentence and a remedy in the log, in the ledger and in `sluice doctor`.",
        ", ".join(f"`{cause}`" for cause in CAUSES) + ".",
    )


def _rejection(cause: str) -> str:
    result, source, diagnostic = REJECTIONS[cause]
    words = f"{_RESULTS[result]}, {_SOURCES[source]}, {_DIAGNOSTICS[source, diagnostic]}"
    return f"{result}, {source}, {diagnostic}: {words}"


def _when(cause: str) -> str:
    """The doctor's sentence, of nobody in particular."""
    sentence = CAUSES[cause].sentence
    for name, word in _NOBODY.items():
        sentence = sentence.replace(f"{{{name}}}", word)
    return sentence


_NOBODY = {
    "calling_ae": "CALLING",
    "called_ae": "CALLED",
    "address": "ADDRESS",
    "peer": "PEER",
    "detail": "…",
}


def _refusal(function: object) -> tuple[str, str, str]:
    """One answer of `processors.dicom.status`, with a placeholder for what it is about."""
    assert inspect.isfunction(function)
    parameters = list(inspect.signature(function).parameters)
    refusal = function(*("…" for _ in parameters))
    return f"{refusal.status:04X}", f"`{refusal.reason}`", first_sentence(function)
