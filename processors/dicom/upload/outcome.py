"""What became of each instance of an upload, and the answer that says so (PS3.18 10.5.3 and annex I.2).

| instances | HTTP |
|---|---|
| all stored | 200 |
| some stored | 202 |
| none, and for one there was no room or the day is used up | 503 with Retry-After |
| none, for any other reasons | 409 |
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from processors.dicom.status import OUT_OF_RESOURCES, SUCCESS
from processors.dicom.upload.instance import Stored
from processors.dicom.upload.order import ANSWER_TYPE

RETRY_SECONDS: Final = 60
_RETRIEVE_URL: Final = "00081190"
_FAILURE_REASON: Final = "00081197"
_FAILED_SOP_SEQUENCE: Final = "00081198"
_REFERENCED_SOP_SEQUENCE: Final = "00081199"
_OTHER_FAILURES_SEQUENCE: Final = "0008119A"
_REFERENCED_SOP_CLASS_UID: Final = "00081150"
_REFERENCED_SOP_INSTANCE_UID: Final = "00081155"
_Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of HTTP."""

    status: int
    content_type: str
    content: bytes
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Outcome:
    """Gathers what became of instances, some 200 bytes for each."""

    stored: list[Stored] = field(default_factory=list)
    failed: list[Stored] = field(default_factory=list)

    def add(self, one: Stored) -> None:
        """One more."""
        (self.stored if one.status == SUCCESS else self.failed).append(one)

    def __len__(self) -> int:
        """How many there were."""
        return len(self.stored) + len(self.failed)

    def answer(self, status: int | None = None) -> Answer:
        """The response.

        Args:
            status: Of HTTP, where the request as a whole decides it; default: what the instances say.
        """
        chosen = status or self._status()
        later = (("Retry-After", str(RETRY_SECONDS)),) if chosen == 503 else ()
        return Answer(chosen, ANSWER_TYPE, json.dumps(self._document(), separators=(",", ":")).encode(), later)

    def _status(self) -> int:
        if not self.failed:
            return 200
        if self.stored:
            return 202
        return 503 if any(one.status == OUT_OF_RESOURCES for one in self.failed) else 409

    def _document(self) -> _Item:
        """A DICOM JSON object (PS3.18 annex F); what was stored cannot be retrieved here, so its URL is empty."""
        known = [one for one in self.failed if one.sop_instance_uid]
        other = [one for one in self.failed if not one.sop_instance_uid]
        document: _Item = {_RETRIEVE_URL: {"vr": "UR"}}
        sequences: dict[str, Iterable[_Item]] = {
            _FAILED_SOP_SEQUENCE: [_reference(one) | _reason(one) for one in known],
            _REFERENCED_SOP_SEQUENCE: [_reference(one) | {_RETRIEVE_URL: {"vr": "UR"}} for one in self.stored],
            _OTHER_FAILURES_SEQUENCE: [_reason(one) for one in other],
        }
        return document | {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}


def in_words(status: int, sentence: str, *fields: tuple[str, str]) -> Answer:
    """A response that is one sentence."""
    return Answer(status, "text/plain; charset=utf-8", f"{sentence}\n".encode(), fields)


def _reference(one: Stored) -> _Item:
    return {
        _REFERENCED_SOP_CLASS_UID: {"vr": "UI", "Value": [one.sop_class_uid]},
        _REFERENCED_SOP_INSTANCE_UID: {"vr": "UI", "Value": [one.sop_instance_uid]},
    }


def _reason(one: Stored) -> _Item:
    return {_FAILURE_REASON: {"vr": "US", "Value": [one.status]}}
