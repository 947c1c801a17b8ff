"""What a request wants: which study, in what form; and what is not served here, with the words that say so.

| target | body | stores |
|---|---|---|
| `POST /studies` | multipart/related; type="application/dicom", or one application/dicom | instances of any studies |
| `POST /studies/{StudyInstanceUID}` | the same | instances of this study, no others |
| `POST /instances` | one application/dicom | one instance |
"""

from dataclasses import dataclass
from typing import Final

from processors.dicom.header_scan import is_uid
from processors.dicom.upload.body import length_of
from processors.dicom.upload.errors import RequestError, malformed
from processors.dicom.upload.fields import media_type
from processors.dicom.upload.head import RequestHead

ANSWER_TYPE: Final = "application/dicom+json"
_ACCEPTABLE: Final = frozenset({"*/*", "application/*", ANSWER_TYPE, "application/json"})
_FILE_TYPES: Final = frozenset({"application/dicom", "application/octet-stream"})
_MULTIPART: Final = "multipart/related"
_APART: Final = frozenset({"application/dicom+json", "application/dicom+xml"})


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """A request that can be served. PHI: it has no revealing repr."""

    length: int
    """Of the body in bytes; negative if it comes in chunks."""
    boundary: str | None
    """Between files; None if the body is one file."""
    study_instance_uid: str | None
    """What all instances must belong to; None if they need not."""
    wants_go_ahead: bool
    """Whether the sender waits for `100 Continue` (RFC 9110 10.1.1)."""

    def __repr__(self) -> str:
        return "Order(…)"


def read_order(head: RequestHead) -> Order:
    """Understand a request.

    Raises:
        RequestError: it is not served here, or cannot be understood.
    """
    study, takes_many = _target(head)
    _look_at_accept(head.fields.get("accept", "*/*"))
    if head.fields.get("content-encoding", "identity").lower() != "identity":
        raise _unserved(415, "Send the body as it is, without a content encoding.", "a content encoding")
    expected = head.fields.get("expect")
    if expected is not None and expected.lower() != "100-continue":
        raise _unserved(417, "Nothing but 100-continue can be expected here.", "an expectation")
    length = length_of(head.fields)
    if not length:
        what = "it has no body" if "content-length" in head.fields else "its body has no length and no chunks"
        raise RequestError(
            400 if "content-length" in head.fields else 411, f"The request cannot be read: {what}.", what
        )
    return Order(length, _boundary(head, takes_many=takes_many), study, expected is not None)


def is_whole_file(fields_type: str | None) -> bool:
    """Whether a part with this content type can be a DICOM file; one that says nothing can."""
    return fields_type is None or media_type(fields_type)[0] in _FILE_TYPES


def _target(head: RequestHead) -> tuple[str | None, bool]:
    """The study that is meant, and whether there may be several instances."""
    match head.path.split("/")[1:]:
        case ["instances"]:
            study, takes_many = None, False
        case ["studies"]:
            study, takes_many = None, True
        case ["studies", uid]:
            if not is_uid(uid):
                raise malformed("what follows /studies/ is no UID")
            study, takes_many = uid, True
        case _:
            raise _unserved(404, "Uploads go to /studies, /studies/{StudyInstanceUID} or /instances.", "another path")
    if head.method != "POST":
        raise _unserved(405, "Instances are stored by POST; nothing can be read here.", "another method than POST")
    return study, takes_many


def _boundary(head: RequestHead, *, takes_many: bool) -> str | None:
    kind, parameters = media_type(head.fields.get("content-type", ""))
    if kind in _FILE_TYPES:
        return None
    if kind != _MULTIPART or not takes_many:
        wanted = f'{_MULTIPART}; type="application/dicom" or application/dicom' if takes_many else "application/dicom"
        raise _unserved(415, f"The content type must be {wanted}.", "another content type")
    inner = parameters.get("type", "application/dicom").lower()
    if inner in _APART:
        sentence = "Metadata with bulk data apart is not taken here; send whole instances, type=application/dicom."
        raise _unserved(415, sentence, f"parts of {inner}")
    if inner != "application/dicom":
        raise _unserved(415, 'The type of the parts must be "application/dicom".', "parts of another type")
    if "boundary" not in parameters:
        raise malformed("its content type names no boundary")
    return parameters["boundary"]


def _look_at_accept(accept: str) -> None:
    for each in accept.split(","):
        kind, parameters = media_type(each)
        if kind in _ACCEPTABLE and parameters.get("q", "1").strip("0.") != "":
            return
    raise _unserved(406, f"Answers are {ANSWER_TYPE}; accept that.", "an answer of another type")


def _unserved(status: int, sentence: str, detail: str) -> RequestError:
    return RequestError(status, sentence, detail, "upload-not-served")
