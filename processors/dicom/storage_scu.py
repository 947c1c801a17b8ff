"""Store files at a peer by C-STORE, as they are: never re-encoded, each asked once, each answer read.

| the peer's answer | outcome |
|---|---|
| 0000 Success; B000, B006, B007, stored with a warning (PS3.4 B.2.3) | stored |
| A7xx out of resources, 0110 processing failure | again |
| no answer: no association, it ended, or it was silent for too long | again |
| any other status; no presentation context for what the file is; not a DICOM file | refused |

An association that is rejected is `again` too: nothing was said of the file, and once the peer's administrator has
entered our AE title it goes through.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext

from processors.dicom.associate import MAXIMUM_CONTEXTS, associated, lost
from processors.dicom.errors import PeerError
from processors.dicom.silence import silence
from processors.peers import Peer

Outcome = Literal["stored", "again", "refused"]
STORED: Final = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
_PROCESSING_FAILURE: Final = 0x0110
_NO_ANSWER: Final = "no-answer"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file. `status` is None when the peer gave no answer; `code` is a word without values."""

    path: Path
    status: int | None
    outcome: Outcome
    code: str


@dataclass(frozen=True, slots=True)
class _Content:
    """What must be negotiated for a file."""

    path: Path
    sop_class: str
    transfer_syntax: str


def send(peer: Peer, files: Sequence[Path], confide: Callable[[str], object] = lambda _: None) -> tuple[Sent, ...]:
    """Send files over as few associations as their presentation contexts allow; never raises for the peer's sake.

    Args:
        peer: Where to.
        files: DICOM files (PS3.10).
        confide: Told the peer's own words (Error Comment), which may quote values: for the trusted zone's log alone.

    Returns:
        One entry per file, in the order of `files`.
    """
    silence()
    known: dict[Path, Sent] = {}
    contents = []
    for file in dict.fromkeys(files):
        content = _content(file)
        if isinstance(content, Sent):
            known[file] = content
        else:
            contents.append(content)
    for portion in _portions(contents):
        for sent in _send_portion(peer, portion, confide):
            known[sent.path] = sent
    return tuple(known[file] for file in files)


def _content(file: Path) -> _Content | Sent:
    try:
        meta = read_file_meta_info(file)
        sop_class, transfer_syntax = meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID
        if not (sop_class.is_valid and transfer_syntax.is_valid and meta.MediaStorageSOPInstanceUID.is_valid):
            return Sent(file, None, "refused", "not-dicom")
        return _Content(file, str(sop_class), str(transfer_syntax))
    except FileNotFoundError:
        return Sent(file, None, "refused", "file-missing")
    except OSError:
        return Sent(file, None, "again", "file-unreadable")
    except (InvalidDicomError, AttributeError, ValueError, NotImplementedError):
        return Sent(file, None, "refused", "not-dicom")


def _portions(contents: Sequence[_Content]) -> Iterator[list[_Content]]:
    """Split so that each part needs no more presentation contexts than one association may have."""
    numbers: dict[tuple[str, str], int] = {}
    for content in contents:
        numbers.setdefault((content.sop_class, content.transfer_syntax), len(numbers))

    def portion(content: _Content) -> int:
        return numbers[content.sop_class, content.transfer_syntax] // MAXIMUM_CONTEXTS

    for _, part in groupby(sorted(contents, key=portion), portion):
        yield list(part)


def _send_portion(peer: Peer, contents: list[_Content], confide: Callable[[str], object]) -> Iterator[Sent]:
    waiting = list(reversed(contents))
    needed = dict.fromkeys((content.sop_class, content.transfer_syntax) for content in contents)
    proposed = [_context(*pair) for pair in needed]
    try:
        with associated(peer, proposed) as association:
            accepted = {(str(cx.abstract_syntax), str(cx.transfer_syntax[0])) for cx in association.accepted_contexts}
            while waiting:
                content = waiting.pop()
                if (content.sop_class, content.transfer_syntax) not in accepted:
                    yield Sent(content.path, None, "refused", "no-presentation-context")
                    continue
                sent = _send_one(association, content.path, len(contents) - len(waiting), confide)
                yield sent
                if sent.code == _NO_ANSWER:  # pynetdicom may call the association established for a moment yet
                    raise lost(peer)
    except PeerError as error:
        outcome: Outcome = "refused" if error.code == "no-presentation-context" else "again"
        yield from (Sent(content.path, None, outcome, error.code) for content in reversed(waiting))


def _context(sop_class: str, transfer_syntax: str) -> PresentationContext:
    """A context with one transfer syntax, so that the peer cannot choose another than the file has."""
    return build_context(sop_class, transfer_syntax)


def _send_one(association: Any, file: Path, number: int, confide: Callable[[str], object]) -> Sent:
    try:
        answer: Dataset = association.send_c_store(file, msg_id=number % 65535 + 1)
    except (RuntimeError, OSError):  # it ended between two objects, or the file cannot be read any more
        return Sent(file, None, "again", _NO_ANSWER)
    except (AttributeError, ValueError):
        return Sent(file, None, "refused", "not-dicom")
    if "Status" not in answer:
        return Sent(file, None, "again", _NO_ANSWER)
    status = int(answer.Status)
    if status and "ErrorComment" in answer:
        confide(f"C-STORE status {status:04X}: {answer.ErrorComment}")
    return Sent(file, status, outcome_of(status), f"status-{status:04x}")


def outcome_of(status: int) -> Outcome:
    """What a C-STORE status means for the file (PS3.4 B.2.3, PS3.7 annex C)."""
    if status in STORED:
        return "stored"
    return "again" if status >> 8 == 0xA7 or status == _PROCESSING_FAILURE else "refused"
