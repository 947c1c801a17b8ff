"""The policy while something runs short that each association makes worse: who may come is rejected, for the moment."""

from collections.abc import Callable

from processors.dicom.admission import Admission, Caller, Policy, Rejection
from processors.dicom.rejections import rejection


class UnderCongestion:
    """Asks the real policy first, so that who may not come at all is told so."""

    def __init__(self, policy: Policy) -> None:
        """Begin by letting everybody through that `policy` admits."""
        self._policy = policy
        self.congestion: Callable[[], str | None] = lambda: None
        """What runs short now; None if nothing does."""

    def admit(self, caller: Caller) -> Admission | Rejection:
        """The policy's answer, or transient, local, temporary congestion (PS3.8 table 9-21)."""
        return self._judge(self._policy.admit(caller))

    def admit_upload(self, caller: Caller, token: str | None) -> Admission | Rejection:
        """The same by HTTP."""
        return self._judge(self._policy.admit_upload(caller, token))

    def _judge(self, answer: Admission | Rejection) -> Admission | Rejection:
        kind = self.congestion()
        if kind is None or isinstance(answer, Rejection):
            return answer
        answer.close()
        return rejection("congestion", peer=answer.peer or "", detail=kind)
