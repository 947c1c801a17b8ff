"""pynetdicom's negotiation, with our policy: reject before anything is said, accept no context beyond it."""

from collections.abc import Callable
from typing import Any

from pynetdicom.acse import ACSE

from processors.dicom.admission import ACCEPTANCE, Admission, Rejection
from processors.dicom.rejections import rejection


class Negotiation(ACSE):  # type: ignore[misc] # pynetdicom is untyped
    """Takes the place of an association's own."""

    def __init__(self, association: Any, ask: Callable[[], Admission | Rejection]) -> None:
        """Begin; `ask` is called once, when the request has come."""
        super().__init__(association)
        self._ask = ask
        self._admission = Admission()

    def negotiate_association(self) -> None:
        """Ask the policy before anything is said; whatever goes wrong with that is a rejection."""
        try:
            answer = self._ask()
        except Exception:  # noqa: BLE001 - pynetdicom would go on without an answer
            answer = rejection("stopping")
        if isinstance(answer, Rejection):
            self.send_reject(answer.result, answer.source, answer.diagnostic)
            self.assoc.kill()  # waits until the answer has been sent
            return
        self._admission = answer
        super().negotiate_association()

    def send_accept(self) -> None:
        """Answer each context as the admission does, unless pynetdicom has refused it for good."""
        proposed = {
            context.context_id: [str(uid) for uid in context.transfer_syntax]
            for context in self.requestor.primitive.presentation_context_definition_list
        }
        contexts = [*self.assoc.accepted_contexts, *self.assoc.rejected_contexts]
        for context in contexts:
            answer = self._admission.context(str(context.abstract_syntax), proposed[context.context_id])
            if context.result == ACCEPTANCE:
                context.result = answer.result
                context.transfer_syntax = [answer.transfer_syntax]
        # pynetdicom has no other place for what a policy refuses.
        self.assoc._accepted_cx = {one.context_id: one for one in contexts if one.result == ACCEPTANCE}  # noqa: SLF001
        self.assoc._rejected_cx = [one for one in contexts if one.result != ACCEPTANCE]  # noqa: SLF001
        super().send_accept()
