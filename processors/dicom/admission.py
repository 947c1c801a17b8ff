"""Who may open an association, with what in it, and how much: what an engine asks while it negotiates.

An engine keeps to this order (PS3.8 7.1, 9.3):
    1. When the A-ASSOCIATE-RQ has been read, it asks `Policy.admit`. A `Rejection` is sent as A-ASSOCIATE-RJ and told
       to the receiver by `Listener.troubled`; nothing else follows.
    2. Each proposed presentation context is answered as `Admission.context` says.
    3. The admission goes to `Listener.opened` with the peer. From then on it is the receiver's, which closes it when
       the association has ended. An engine that cannot go so far closes it itself; closing twice is harmless.
How many objects and bytes may come is the receiver's matter: an engine needs to know nothing of it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from processors.dicom.allowance import Allowance
from processors.dicom.services import SERVED
from processors.dicom.sop_class import is_storage

VERIFICATION: Final = "1.2.840.10008.1.1"
UNCOMPRESSED: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
"""Transfer syntaxes of data sets that are no objects."""

ACCEPTANCE: Final = 0
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4
CONTEXT_CAUSES: Final = frozenset({"no-sop-class", "no-transfer-syntax", "some-contexts-refused"})
_MOST_WORDS: Final = 4
_UID: Final = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate that a client showed and that our authorities vouch for."""

    names: tuple[str, ...]
    """Its common name, then its DNS names and addresses."""
    sha256: str
    """Fingerprint of the certificate (DER), 64 hexadecimal digits."""
    expires_at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of who asks for an association, before it is answered."""

    calling_ae: str
    called_ae: str
    address: str
    """Without port."""
    encrypted: bool = False
    certificate: ClientCertificate | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """An A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    cause: str
    """Which row of `processors.dicom.causes` explains it."""
    result: Literal[1, 2]
    """1 permanent, 2 transient."""
    source: Literal[1, 2, 3]
    diagnostic: int
    peer: str = ""
    """Name of the peer in the peers file that comes nearest; empty if none does."""
    detail: str = ""
    """What the cause's sentence names, without values of a patient."""


class ContextAnswer(NamedTuple):
    """What to answer to one proposed presentation context (PS3.8 table 9-18). A tuple, for it is often compared."""

    result: Literal[0, 3, 4]
    transfer_syntax: str
    """The chosen one; the first that was proposed if the context is not accepted."""


@dataclass(slots=True)
class Admission:
    """What one association may do. Made anew for each."""

    peer: str | None = None
    """Name in the peers file; None for one who is not in it."""
    project: str | None = None
    """The project that its data is for, as far as the peers file knows; a hint for rules."""
    hold: str | None = None
    """Why its deliveries wait for a person before they are routed; None if they need not."""
    sop_classes: frozenset[str] | None = None
    """UIDs of the storage classes that it may send; None for all."""
    transfer_syntaxes: frozenset[str] | None = None
    """UIDs; None for all."""
    allowance: Allowance = field(default_factory=Allowance)
    """How many objects and bytes more it may send; shared by all associations of a peer."""
    certificate: ClientCertificate | None = None
    """What the caller showed."""
    calling_ae: str = ""
    """What the caller is called in landing and ledger when it could not say an AE title, as by HTTP."""
    given_back: Callable[[], object] = lambda: None
    may_verify: bool = False
    """Whether C-ECHO was accepted, so that an association without an object may have been a test."""
    may_ask: bool = False
    """Whether a service other than storage was accepted, so that no object need come."""
    _answers: list[tuple[str, tuple[str, ...], int]] = field(default_factory=list)
    _closed: bool = False

    def context(self, abstract_syntax: str, proposed: Sequence[str]) -> ContextAnswer:
        """Answer one proposed context: the sender's first transfer syntax that is allowed wins.

        Args:
            abstract_syntax: UID.
            proposed: UIDs of transfer syntaxes, in the sender's order; at least one (PS3.8 9.3.2.2).
        """
        answer = self._answer(abstract_syntax, proposed)
        self._answers.append((abstract_syntax, tuple(proposed), answer.result))
        return answer

    def contexts(self) -> tuple[int, int]:
        """How many presentation contexts were accepted, and how many refused."""
        accepted = sum(result == ACCEPTANCE for _, _, result in self._answers)
        return accepted, len(self._answers) - accepted

    def refused_contexts(self) -> list[tuple[str, str]]:
        """Causes and details of `processors.dicom.causes`, of storage classes that no context was accepted for."""
        accepted = {uid for uid, _, result in self._answers if result == ACCEPTANCE}
        refused = [answer for answer in self._answers if answer[0] not in accepted]
        if not accepted and refused:
            of_syntax = [
                (uid, syntaxes) for uid, syntaxes, result in refused if result != ABSTRACT_SYNTAX_NOT_SUPPORTED
            ]
            if of_syntax:
                return [("no-transfer-syntax", _words(uid for _, syntaxes in of_syntax for uid in syntaxes))]
            return [("no-sop-class", _words(uid for uid, _, _ in refused))]
        storage = [uid for uid, _, _ in refused if is_storage(uid)]
        return [("some-contexts-refused", _words(storage))] if storage else []

    def _answer(self, abstract_syntax: str, proposed: Sequence[str]) -> ContextAnswer:
        if abstract_syntax == VERIFICATION:
            self.may_verify = True
            return ContextAnswer(ACCEPTANCE, proposed[0])
        if abstract_syntax in SERVED:
            return self._answer_service(proposed)
        if not is_storage(abstract_syntax):
            return ContextAnswer(ABSTRACT_SYNTAX_NOT_SUPPORTED, proposed[0])
        if self.sop_classes is not None and abstract_syntax not in self.sop_classes:
            return ContextAnswer(ABSTRACT_SYNTAX_NOT_SUPPORTED, proposed[0])
        for uid in proposed:
            is_allowed = self.transfer_syntaxes is None or uid in self.transfer_syntaxes
            if is_allowed and _UID.fullmatch(uid):  # it goes into the head of each file
                return ContextAnswer(ACCEPTANCE, uid)
        return ContextAnswer(TRANSFER_SYNTAXES_NOT_SUPPORTED, proposed[0])

    def _answer_service(self, proposed: Sequence[str]) -> ContextAnswer:
        """Of a service other than storage: everyone who is admitted may ask; what it is answered is the service's."""
        self.may_ask = True
        for uid in proposed:
            if uid in UNCOMPRESSED:
                return ContextAnswer(ACCEPTANCE, uid)
        return ContextAnswer(TRANSFER_SYNTAXES_NOT_SUPPORTED, proposed[0])

    def close(self) -> None:
        """The association has ended, or will never begin: give back its place."""
        if not self._closed:
            self._closed = True
            self.given_back()


class Policy(Protocol):
    """Decides about callers. Called from any thread; answers at once."""

    def admit(self, caller: Caller) -> Admission | Rejection:
        """Whether this caller may have an association now, and on what terms."""

    def admit_upload(self, caller: Caller, token: str | None) -> Admission | Rejection:
        """The same of one who comes by HTTP, whom its bearer token names; None if it showed none."""


class Everybody:
    """The policy without a peers file: everyone may send everything."""

    def admit(self, caller: Caller) -> Admission | Rejection:
        """Everyone."""
        return Admission(certificate=caller.certificate)

    def admit_upload(self, caller: Caller, token: str | None) -> Admission | Rejection:
        """Everyone; a token names nobody."""
        return Admission(certificate=caller.certificate, calling_ae=caller.calling_ae)


def _words(uids: Iterable[str]) -> str:
    """The first few UIDs by their keywords of PS3.6, each once."""
    from pydicom._uid_dict import UID_dictionary

    written = [uid if _UID.fullmatch(uid) else "no UID" for uid in uids]
    words = [UID_dictionary[uid][4] if uid in UID_dictionary else uid for uid in dict.fromkeys(written)]
    more = len(words) - _MOST_WORDS
    return ", ".join(words[:_MOST_WORDS]) + (f" and {more} more" if more > 0 else "")
