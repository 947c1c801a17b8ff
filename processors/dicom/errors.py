"""The errors of talking DICOM: receiving, and asking peers.

```
DicomError                  (a ProcessorsError)
├── ListenError             the port cannot be bound
├── CertificateFilesError   the receiver's certificate, key or authorities cannot be used
├── HandshakeError          a caller and the receiver did not agree on TLS; `cause` says why
├── PeerError               a peer cannot be asked; `code` says why
│   ├── PeerDownError       nobody answers there
│   ├── PeerRefusesError    it rejects the association, or supports none of what is needed
│   ├── PeerTLSError        it and we do not agree on TLS, or our files for that cannot be used
│   └── PeerLostError       the association ended, or an answer did not come in time
└── DataSetError            a data set cannot be read; becomes a refusal, never a message
    ├── TruncatedError      it ends in the middle of an element
    ├── MalformedError      its bytes are no elements
    └── IdentifierError     it lacks a usable SOP Class or SOP Instance UID
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class DicomError(ProcessorsError):
    """Receiving cannot go on."""

    remedy: ClassVar[str] = "Look at the receiver's log."


class ListenError(DicomError):
    """The receiver cannot listen."""

    remedy: ClassVar[str] = "Give another --port or --host, or stop what listens there."


class CertificateFilesError(DicomError):
    """The files of the receiver's TLS cannot be used."""

    remedy: ClassVar[str] = "Give --tls-certificate, --tls-key and --tls-authority, each a PEM file that is readable."


class HandshakeError(DicomError):
    """A caller and the receiver did not agree on TLS; `cause` is a row of `processors.dicom.causes`."""

    remedy: ClassVar[str] = "Look at `sluice doctor`."

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"The TLS handshake failed: {cause}.")
        self.cause = cause
        self.detail = detail


class PeerError(DicomError):
    """A peer cannot be asked.

    `code` is a word without values; the message names the peer as peers.yaml does.
    """

    remedy: ClassVar[str] = "Try `sluice peers echo` with its name; what was being done can be done again."

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class PeerDownError(PeerError):
    """Nobody answers at the peer's host and port."""

    remedy: ClassVar[str] = "See that it runs, and that host and port in peers.yaml and the firewall let us reach it."


class PeerRefusesError(PeerError):
    """The peer rejects us."""

    remedy: ClassVar[str] = "Have its administrator enter our AE title and address, and compare peers.yaml with it."


class PeerTLSError(PeerError):
    """The peer is to be called by TLS, and that fails."""

    remedy: ClassVar[str] = "Compare `tls` of the peer in peers.yaml with what it says of its certificate and of ours."


class PeerLostError(PeerError):
    """The peer fell silent in the middle."""

    remedy: ClassVar[str] = "Do it again; if it persists, raise answer_timeout_seconds in peers.yaml."


class DataSetError(DicomError):
    """The data set cannot be read."""

    remedy: ClassVar[str] = "Have the sender check the object; nothing of it was kept."
    code: ClassVar[str] = "unparsable"


class TruncatedError(DataSetError):
    """The data set ends in the middle of an element."""

    code: ClassVar[str] = "truncated"


class MalformedError(DataSetError):
    """The bytes are no DICOM elements in the negotiated transfer syntax."""

    code: ClassVar[str] = "unparsable"


class IdentifierError(DataSetError):
    """The data set has no usable SOP Class UID or SOP Instance UID."""

    code: ClassVar[str] = "no-identifier"
