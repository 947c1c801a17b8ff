"""What may be said about a patient's consent, and which word wins where several speak."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Answer(StrEnum):
    """One word. Only `ALLOW` lets anything go on."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"
    """Whoever should know could not be asked, which is no consent."""


_BY_WEIGHT: Final = (Answer.DENY, Answer.UNAVAILABLE, Answer.ALLOW, Answer.UNKNOWN)
_REASONS: Final = {
    Answer.DENY: "consent-denied",
    Answer.UNKNOWN: "consent-unknown",
    Answer.UNAVAILABLE: "consent-unavailable",
}


def of_sources(answers: Iterable[Answer]) -> Answer:
    """The word about one patient, of all who were asked about them: one denial denies, one silence holds."""
    said = set(answers)
    return next((answer for answer in _BY_WEIGHT if answer in said), Answer.UNKNOWN)


def of_people(answers: Iterable[Answer]) -> Answer:
    """The word about several patients at once: it is `ALLOW` only if it is for each of them, and there is one."""
    said = set(answers)
    if said == {Answer.ALLOW}:
        return Answer.ALLOW
    return next((each for each in (Answer.DENY, Answer.UNAVAILABLE) if each in said), Answer.UNKNOWN)


def reason(answer: Answer) -> str:
    """The code by which something is held; empty when it may go on."""
    return _REASONS.get(answer, "")
