"""One upload from its first byte to its answer: files are taken out of the body and stored, one after the other."""

from collections.abc import Callable, Mapping
from typing import Final

from processors.dicom import status
from processors.dicom.admission import Admission
from processors.dicom.engine import AssociationListener
from processors.dicom.fast.errors import SilentError
from processors.dicom.upload.body import Body
from processors.dicom.upload.errors import NotPart10Error, RequestError, malformed
from processors.dicom.upload.instance import Arriving, Terms
from processors.dicom.upload.multipart import MultipartReader
from processors.dicom.upload.order import Order, is_whole_file
from processors.dicom.upload.outcome import Answer, Outcome, in_words

MOST_INSTANCES: Final = 20_000
"""Of one request: its answer names each."""
_AS_IT_IS: Final = frozenset({"binary", "8bit", "7bit"})


class Upload:
    """Takes the files of one request."""

    def __init__(
        self,
        listener: AssociationListener,
        admission: Admission,
        order: Order,
        is_stopping: Callable[[], bool],
        patience_seconds: float,
    ) -> None:
        """Begin.

        Args:
            listener: The association that this request is to the receiver.
            admission: On what terms.
            order: What is wanted.
            is_stopping: Whether no further file is to be begun.
            patience_seconds: For the words of an end by silence.
        """
        self._listener, self._order, self._is_stopping = listener, order, is_stopping
        self._terms = Terms(admission)
        self._patience_seconds = patience_seconds
        self._outcome = Outcome()
        self._one: Arriving | None = None
        self.is_whole = False
        """Whether the request came to its proper end."""

    def receive(self, body: Body) -> Answer:
        """Store what the body holds, and say what became of it.

        Raises:
            LostError: the connection ends before the body; of the file that was on its way nothing is kept.
        """
        try:
            self._read(body)
        except RequestError as error:
            return self._broken_off(error.status, str(error), error.cause, error.detail)
        except SilentError:
            return self._broken_off(408, "The body came too slowly.", "upload-slow", f"{self._patience_seconds:g}")
        self.is_whole = True
        return self._outcome.answer()

    def abandon(self) -> None:
        """No more will come: what is not whole is nothing."""
        one, self._one = self._one, None
        if one is not None:
            one.abandon()

    def begin(self, fields: Mapping[str, str]) -> None:
        """A file begins.

        Raises:
            RequestError: there are too many, or the receiver ends.
        """
        if self._is_stopping():
            raise RequestError(503, "The receiver is ending; send the rest again.", "ended by us", "stopping")
        if len(self._outcome) >= MOST_INSTANCES:
            sentence = f"A request may have {MOST_INSTANCES} instances; send the rest in another."
            raise RequestError(413, sentence, "too many instances")
        self._one = Arriving(self._listener, self._terms, self._order.study_instance_uid)
        encoding = fields.get("content-transfer-encoding", "binary").lower()
        if not is_whole_file(fields.get("content-type")) or encoding not in _AS_IT_IS:
            self._one.refuse(status.unreadable(NotPart10Error.code))

    def take(self, piece: memoryview) -> None:
        """Bytes of it."""
        if self._one is not None:
            self._one.take(piece)

    def end(self) -> None:
        """It is whole."""
        one, self._one = self._one, None
        if one is not None:
            self._outcome.add(one.end())

    def _read(self, body: Body) -> None:
        if self._order.boundary is None:
            self.begin({})
            for piece in body.pieces():
                self.take(piece)
            self.end()
            return
        reader = MultipartReader(self._order.boundary, self)
        for piece in body.pieces():
            reader.feed(piece)
        reader.finish()
        if not len(self._outcome):
            raise malformed("it has no part")

    def _broken_off(self, code: int, sentence: str, cause: str, detail: str) -> Answer:
        """The request as a whole failed; what was stored before is stored, and is named."""
        self.abandon()
        self._listener.troubled(cause, detail)
        return self._outcome.answer(code) if len(self._outcome) else in_words(code, sentence)
