"""What senders write is what the demo believes, so it must be read right."""

from collections import Counter
from pathlib import Path

import pytest

from sluice.demo import dcmsend, storescu
from sluice.demo.errors import SenderFailedError
from sluice.demo.send import push
from sluice.demo.sent import Push, Route, SentFile, together

ROUTE = Route("127.0.0.1", 11112, "CT_EAST", "SLUICE")

DCMSEND_LOG = """\
I: determining input files ...
E: cannot add DICOM file to the transfer list: /x/rtstruct.dcm: File meta information header missing
W: bad DICOM file: /x/rtstruct.dcm: File meta information header missing, ignoring file
E: cannot add DICOM file to the transfer list: /x/nested.dcm: Invalid SOP Class UID
I: starting association #1
I: Sending C-STORE Request (MsgID 1, CT)
I: Received C-STORE Response (Success)
E: cannot send SOP instance from file: /x/cut.dcm: I/O suspension or premature end of stream
I: Sending C-STORE Request (MsgID 2, RD)
I: Received C-STORE Response (Error: CannotUnderstand)
E: Cannot send SOP instance, missing information:
E:   SOP Class UID    :
I: Sending C-STORE Request (MsgID 3, SC)
E: Failed sending C-STORE request: 0006:0101 ASC Bad presentation context ID
I: Sending C-STORE Request (MsgID 4, MR)
E: Failed receiving DIMSE response: 0006:0317 Peer aborted Association (or never connected)
"""

DCMSEND_REPORT = "".join(
    f"Number        : {number}\nFilename      : /x/{name}\nSOP Instance  : 1.2.{number}\nDIMSE Status  : {status}\n\n"
    for number, (name, status) in enumerate(
        [
            ("good.dcm", "0x0000 (Success)"),
            ("cut.dcm", "<not sent>"),
            ("dose.dcm", "0xc000 (Error: CannotUnderstand)"),
            ("DICOMDIR", "<not sent>"),
            ("jpeg.dcm", "<not sent>"),
            ("last.dcm", "<not sent>"),
        ],
        1,
    )
)

STORESCU_LOG = """\
E: Bad DICOM file: /x/README.txt
E: Unknown SOP Class or Transfer Syntax UID: /x/DICOMDIR
I: Requesting Association
I: Association Accepted
I: Sending file: /x/good.dcm
I: Sending Store Request: MsgID 1, (CT)
I: Received Store Response (Status: 0x0000 - Success)
I: Sending file: /x/dose.dcm
I: Sending Store Request: MsgID 2
I: Received Store Response (Status: 0xA900 - Data Set Does Not Match SOP Class)
I: Sending file: /x/bad.dcm
E: Store failed: /x/bad.dcm
Traceback (most recent call last):
ValueError: Failed to encode the supplied Dataset
I: Sending file: /x/jpeg.dcm
E: Store failed: /x/jpeg.dcm
ValueError: No presentation context for 'Secondary Capture Image Storage' has been accepted by the peer
I: Sending file: /x/last.dcm
I: Sending Store Request: MsgID 3
I: Association Aborted
"""


def test_dcmsends_log_and_report_give_each_file_one_fate_with_its_reason() -> None:
    fates = {sent.file.name: (sent.outcome, sent.reason) for sent in dcmsend.read_log(DCMSEND_LOG, DCMSEND_REPORT)}
    assert fates == {
        "rtstruct.dcm": ("unsent", "no-file-meta"),
        "nested.dcm": ("unsent", "no-identifiers"),
        "good.dcm": ("acknowledged", ""),
        "cut.dcm": ("unsent", "unreadable"),
        "dose.dcm": ("refused", "status-c000"),
        "DICOMDIR": ("unsent", "no-identifiers"),
        "jpeg.dcm": ("refused", "no-presentation-context"),
        "last.dcm": ("unanswered", "association-ended"),
    }


def test_storescus_log_gives_each_file_one_fate_with_its_reason() -> None:
    fates = {sent.file.name: (sent.outcome, sent.reason) for sent in storescu.read_log(STORESCU_LOG, "")}
    assert fates == {
        "README.txt": ("unsent", "no-file-meta"),
        "DICOMDIR": ("unsent", "no-identifiers"),
        "good.dcm": ("acknowledged", ""),
        "dose.dcm": ("refused", "status-a900"),
        "bad.dcm": ("unsent", "unreadable"),
        "jpeg.dcm": ("refused", "no-presentation-context"),
        "last.dcm": ("unanswered", "association-ended"),
    }


def test_a_warning_status_counts_as_stored() -> None:
    report = "Filename      : /x/a\nDIMSE Status  : 0xb000 (Warning: CoercionOfDataElements)\n"
    assert [sent.outcome for sent in dcmsend.read_log("I: Received C-STORE Response (Warning)", report)] == [
        "acknowledged"
    ]


def test_a_file_without_an_answer_is_sent_again_and_the_retry_is_told(tmp_path: Path) -> None:
    lost, answered = Path("/x/lost.dcm"), Path("/x/answered.dcm")
    asked: list[list[str]] = []

    def run(command: list[str], log: Path) -> None:
        asked.append(command)
        said = "I: Association Accepted\n"
        for file in (lost, answered):
            if str(file) in command:
                said += f"I: Sending file: {file}\n"
                if file is answered or len(asked) > 1:
                    said += "I: Received Store Response (Status: 0x0000 - Success)\n"
        log.write_text(said)

    sent = push([answered, lost], ROUTE, tmp_path, sender=storescu, run=run)
    assert (sent.retries, sent.associations, sent.count("acknowledged")) == (1, 2, 2)
    assert str(answered) not in asked[1]


def test_a_file_that_no_answer_comes_for_stays_unanswered_and_counts_as_sent(tmp_path: Path) -> None:
    def run(command: list[str], log: Path) -> None:
        log.write_text("I: Association Accepted\nI: Sending file: /x/a\nI: Association Aborted\n")

    sent = push([Path("/x/a")], ROUTE, tmp_path, sender=storescu, run=run)
    assert (sent.count("unanswered"), sent.sent, sent.retries) == (1, 1, 2)


def test_a_sender_that_finds_no_peer_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    def run(command: list[str], log: Path) -> None:
        log.write_text("F: cannot negotiate network association: DUL Association Rejected\n")

    with pytest.raises(SenderFailedError, match="Association Rejected"):
        push([Path("/x/a")], ROUTE, tmp_path, sender=dcmsend, run=run)


def test_pushes_add_up() -> None:
    first = Push("dcmsend", (SentFile(Path("a"), "acknowledged"),), 1, 0)
    second = Push("dcmsend", (SentFile(Path("b"), "unsent", "unreadable"),), 2, 3)
    both = together([first, second])
    assert (both.sender, both.associations, both.retries, both.sent) == ("dcmsend", 3, 3, 1)
    assert both.reasons() == Counter({("unsent", "unreadable"): 1})
