"""The scan of a finished object, by other code than made it: the raw bytes, read by the strict parser.

Nothing of the research side may be in it, and each reference must lead to an original of the one study.
"""

import re
from collections.abc import Iterator

from processors.deid.parse import PIXEL_GROUP, Element, Parser
from processors.deid.part10 import opened
from processors.deid.reasons import RejectedError
from processors.results.reasons import HeldError, Reason
from processors.results.references import REFERENCED_INSTANCE
from processors.results.reidentify import Returned
from processors.results.resolve import Original

_UID = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
_STUDY, _SERIES, _PATIENT_ID, _REMOVED = 0x0020000D, 0x0020000E, 0x00100020, 0x00120062
_DEIDENTIFIED = frozenset((0x00120063, 0x00120064, 0x00280303))
_PIXELS = 0x7FE00010


def verify(returned: Returned, original: Original, source: bytes, own_uids: frozenset[str]) -> None:
    """Let an object go only if it is what it must be.

    Args:
        returned: The finished object.
        original: The study that it is about.
        source: The object as the run made it.
        own_uids: UIDs of its own that the run gave it.

    Raises:
        HeldError: it is not.
    """
    try:
        part = opened(memoryview(returned.content))
        elements = Parser(part.buffer, part.form).parse(part.start)
        before = opened(memoryview(source))
        pixels = _value(Parser(before.buffer, before.form).parse(before.start), _PIXELS, bytes(before.buffer))
    except RejectedError as error:
        raise HeldError(Reason.VERIFY_HIT) from error
    buffer = bytes(part.buffer)
    header = buffer[: next((each.start for each in elements if each.tag >> 16 == PIXEL_GROUP), len(buffer))]
    foreign = {value.encode() for value in (*original.pseudonyms, *own_uids)}
    patient = {value for value in foreign if not _UID.fullmatch(value)}
    referenced = set(_all(elements, REFERENCED_INSTANCE, buffer))
    wrong = (
        not foreign.isdisjoint(_UID.findall(header)),
        any(value in header for value in patient),
        not referenced <= {uid.encode() for uid in original.instances},
        _value(elements, _STUDY, buffer) != original.study_uid.encode(),
        not set(_all(elements, _STUDY, buffer)) <= {original.study_uid.encode()},
        not set(_all(elements, _SERIES, buffer))
        <= {uid.encode() for uid in (*original.series, returned.series_instance_uid)},
        _value(elements, _REMOVED, buffer) != b"NO",
        any(each.tag in _DEIDENTIFIED or each.tag >> 16 & 1 for each in elements),
        _value(elements, _PIXELS, buffer) != pixels,
        _value(elements, _PATIENT_ID, buffer).decode() != str(original.facts.get("PatientID", "")),
    )
    if any(wrong):
        raise HeldError(Reason.VERIFY_HIT)


def _value(elements: list[Element], tag: int, buffer: bytes) -> bytes:
    """A top level value without padding; empty when there is none."""
    return next((buffer[each.value : each.end].strip(b" \0") for each in elements if each.tag == tag), b"")


def _all(elements: list[Element], tag: int, buffer: bytes) -> Iterator[bytes]:
    for each in elements:
        if each.tag == tag:
            yield from buffer[each.value : each.end].strip(b" \0").split(b"\\")
        for item in each.items or ():
            yield from _all(item, tag, buffer)
