"""One DICOM file on its way in: its head is read and left behind, its data set goes where that of a C-STORE goes."""

from dataclasses import dataclass

from processors.dicom import status
from processors.dicom.admission import ABSTRACT_SYNTAX_NOT_SUPPORTED, ACCEPTANCE, Admission
from processors.dicom.engine import AssociationListener, Reception, StoreCommand
from processors.dicom.errors import IdentifierError, TruncatedError
from processors.dicom.header_scan import is_uid
from processors.dicom.status import Refusal
from processors.dicom.upload.errors import NotPart10Error
from processors.dicom.upload.file_meta import FileMeta


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """What became of one file. PHI: it has no revealing repr."""

    sop_class_uid: str
    sop_instance_uid: str
    """Both are empty if the file did not say them so that they can be repeated."""
    status: int
    """As a C-STORE would have had it."""

    def __repr__(self) -> str:
        return "Stored(…)"


class Terms:
    """What a sender may send, asked once for each kind of instance."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._answers: dict[tuple[str, str], int] = {}

    def refusal(self, sop_class_uid: str, transfer_syntax_uid: str) -> Refusal | None:
        """Why such an instance may not come; None if it may."""
        kind = (sop_class_uid, transfer_syntax_uid)
        if kind not in self._answers:
            self._answers[kind] = self._admission.context(sop_class_uid, [transfer_syntax_uid]).result
        if self._answers[kind] == ACCEPTANCE:
            return None
        if self._answers[kind] == ABSTRACT_SYNTAX_NOT_SUPPORTED:
            return status.class_not_allowed()
        return status.syntax_not_allowed()


class Arriving:
    """Takes one file."""

    def __init__(self, listener: AssociationListener, terms: Terms, study_instance_uid: str | None) -> None:
        """Begin.

        Args:
            listener: The association.
            terms: What may come over it.
            study_instance_uid: What the file must belong to; None if it may be any study.
        """
        self._listener, self._terms, self._study = listener, terms, study_instance_uid
        self._meta = FileMeta()
        self._reception: Reception | None = None
        self._refusal: Refusal | None = None

    def take(self, piece: memoryview) -> None:
        """The next bytes; after a refusal they are passed over."""
        if self._refusal is not None:
            return
        if self._reception is not None:
            self._reception.write(piece)
            return
        try:
            rest = self._meta.feed(piece)
        except NotPart10Error as error:
            self._refusal = status.unreadable(error.code)
            return
        if self._meta.is_whole:
            self._begin()
            if self._reception is not None:
                self._reception.write(*rest)

    def refuse(self, refusal: Refusal) -> None:
        """It is not to be stored, whatever it is."""
        self._refusal = refusal

    def end(self) -> Stored:
        """All of it has come; on return it is durable or gone."""
        if self._reception is not None:
            reception, self._reception = self._reception, None
            return self._outcome(reception.finish())
        code = TruncatedError.code if self._meta.has_begun else NotPart10Error.code
        return self._outcome(self._listener.refuse(self._refusal or status.unreadable(code)))

    def abandon(self) -> None:
        """The rest will not come."""
        if self._reception is not None:
            reception, self._reception = self._reception, None
            reception.abandon()

    def _begin(self) -> None:
        meta = self._meta
        if not all(map(is_uid, (meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid))):
            self._refusal = status.unreadable(IdentifierError.code)
            return
        self._refusal = self._terms.refusal(meta.sop_class_uid, meta.transfer_syntax_uid)
        if self._refusal is None:
            self._reception = self._listener.begin(
                StoreCommand(meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid, self._study)
            )

    def _outcome(self, answer: int) -> Stored:
        uids = (self._meta.sop_class_uid, self._meta.sop_instance_uid)
        return Stored(*uids, answer) if all(map(is_uid, uids)) else Stored("", "", answer)
