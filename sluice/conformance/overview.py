"""What is offered, and how it is put together (PS3.2: overview, introduction, implementation model)."""

from processors.dicom.services import SERVED
from processors.results.profile import ReturnProfile
from sluice.conformance.markdown import name_of, sections, table


def overview() -> str:
    """The services, each with the role in which we take part."""
    served = [[name_of(uid), uid, "SCP", "default off; 4.1.5"] for uid in SERVED]
    return sections(
        "## 1. Overview",
        """
        Sluice takes DICOM objects from modalities and archives, keeps them durably, de-identifies them, and hands them
        to research; what research finds goes back into the archive. It is no archive, no viewer and no medical device.
        """,
        table(
            ("Service", "SOP class", "role", "where"),
            [
                ["Storage", "every storage class, standard and private", "SCP", "4.1.4"],
                ["Verification", "1.2.840.10008.1.1", "SCP, SCU", "4.1.3, 4.2"],
                *served,
                ["Query, study root", "1.2.840.10008.5.1.4.1.2.2.1", "SCU", "4.2"],
                ["Retrieve by C-MOVE, study root", "1.2.840.10008.5.1.4.1.2.2.2", "SCU", "4.2"],
                ["Retrieve by C-GET, study root", "1.2.840.10008.5.1.4.1.2.2.3", "SCU", "4.2"],
                ["Storage of results", ", ".join(_results()), "SCU", "4.2"],
            ],
        ),
        "Media interchange: none. DICOMweb: STOW-RS as origin server, default off: [uploads.md](uploads.md).",
    )


def introduction() -> str:
    """For whom this is, and what it cannot promise."""
    return sections(
        "## 2. Introduction",
        """
        For whoever connects a device, and for whoever answers for that. The structure is that of PS3.2, the words are
        DICOM's; our own are in the [glossary](glossary.md). That two systems have conformance statements that fit does
        not prove that they work together: `sluice peers check` tries a peer both ways, `sluice doctor` says in words
        why an association failed.
        """,
    )


def model() -> str:
    """Application entities and data flow (PS3.2: implementation model)."""
    return sections(
        "## 3. Implementation model",
        """
        ```
        modality, archive ──C-STORE, C-ECHO, N-ACTION, N-CREATE, N-SET──▶ RECEIVER ──▶ landing, ledger
        archive ◀──C-FIND, C-MOVE, C-GET, C-ECHO── REQUESTER ◀── pull, expect, peers check
        archive ◀──C-STORE── REQUESTER ◀── results
        ```
        """,
        table(
            ("AE", "process", "does"),
            [
                ["RECEIVER", "`sluice receive`", "accepts associations; answers Success for what is durable"],
                [
                    "REQUESTER",
                    "`sluice pull`, `expect`, `peers check`; SendDICOM",
                    "opens associations, one purpose each",
                ],
            ],
        ),
        """
        An object is *durable* when its file and the names that lead to it have been synced to the disk (fsync): it
        would survive a power cut. C-STORE Success is sent after that and never before. What is refused is not kept,
        and stays the sender's. Objects that C-GET brings and those that a C-MOVE sends all go through RECEIVER.
        """,
        """
        Data sets are kept byte by byte as they came; group 0002 is written anew. The same data set under the same SOP
        Instance UID is answered with Success and kept once. Other bytes under a known SOP Instance UID are kept too,
        as a new revision.
        """,
    )


def _results() -> list[str]:
    """The SOP classes that go back into an archive."""
    return [name_of(kind.sop_class) for kind in ReturnProfile.load().kinds]
