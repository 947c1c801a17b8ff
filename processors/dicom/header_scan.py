"""Read a data set's identifiers and the facts that rules need, once, while it comes.

Only top-level elements of the list below are looked at. The pydicom reader would cost ten times as much for this and
would not tell whether the data set is whole.
"""

from dataclasses import dataclass
from typing import Final

from processors.dicom.elements import ElementWalk, encoding_of
from processors.dicom.errors import IdentifierError
from processors.dicom.inflate import Inflater

_IDENTIFIERS: Final = {
    0x00080016: "SOPClassUID",
    0x00080018: "SOPInstanceUID",
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
}
_FACTS: Final = {
    0x00080008: "ImageType",
    0x00080060: "Modality",
    0x00080064: "ConversionType",
    0x00080068: "PresentationIntentType",
    0x00080070: "Manufacturer",
    0x00081010: "StationName",
    0x00081030: "StudyDescription",
    0x0008103E: "SeriesDescription",
    0x00081090: "ManufacturerModelName",
    0x00100020: "PatientID",
    0x00100021: "IssuerOfPatientID",
    0x00120062: "PatientIdentityRemoved",
    0x00180015: "BodyPartExamined",
    0x00181030: "ProtocolName",
    0x00200013: "InstanceNumber",
    0x00280008: "NumberOfFrames",
    0x00280301: "BurnedInAnnotation",
    0x00280302: "RecognizableVisualFeatures",
}
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_SOUGHT: Final = {**_IDENTIFIERS, **_FACTS, _SPECIFIC_CHARACTER_SET: "SpecificCharacterSet"}
_DELIMITERS: Final = {0x5C}  # the backslash resets the character set (PS3.5 6.1.2.5.3)
_LONGEST_UID: Final = 64
_UID_CHARACTERS: Final = set("0123456789.")


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """What a data set says of itself. PHI: it has no revealing repr."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    facts: dict[str, str]

    def __repr__(self) -> str:
        return "Header(…)"


class HeaderScan:
    """Takes a data set piece by piece."""

    def __init__(self, transfer_syntax_uid: str) -> None:
        """Begin.

        Args:
            transfer_syntax_uid: The transfer syntax that was negotiated for the data set.
        """
        encoding = encoding_of(transfer_syntax_uid)
        self._walk = ElementWalk(encoding, _SOUGHT)
        self._inflater = Inflater() if encoding.deflated else None

    def feed(self, data: memoryview) -> None:
        """The next bytes of the data set as received, without preamble and file meta.

        Raises:
            MalformedError: the bytes are no elements in this transfer syntax.
        """
        if self._inflater is None:
            self._walk.feed(data)
        else:
            for block in self._inflater.inflate(data):
                self._walk.feed(block)

    def finish(self) -> Header:
        """The header of the data set, all of whose bytes have come.

        Raises:
            TruncatedError: the data set ends inside an element.
            IdentifierError: SOP Class UID or SOP Instance UID is missing, empty or no UID, or that of study or series
                is too long or holds control characters.
        """
        if self._inflater is not None:
            self._inflater.finish()
        self._walk.finish()
        return _header({_SOUGHT[tag]: value for tag, value in self._walk.found.items()})


def scan(data: memoryview, transfer_syntax_uid: str) -> Header:
    """Read the header of a whole data set.

    Raises:
        TruncatedError: the data set ends inside an element.
        MalformedError: the bytes are no elements in this transfer syntax.
        IdentifierError: SOP Class UID or SOP Instance UID is missing, empty or no UID.
    """
    one = HeaderScan(transfer_syntax_uid)
    one.feed(data)
    return one.finish()


def _header(found: dict[str, bytes]) -> Header:
    character_sets = _ascii(found.pop("SpecificCharacterSet", b""))
    uids = {keyword: _ascii(found.pop(keyword, b"")) for keyword in _IDENTIFIERS.values()}
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if not is_uid(uids[keyword]):
            raise IdentifierError(f"{keyword} is missing or no UID.")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):  # may be empty; some devices write letters
        if len(uids[keyword]) > _LONGEST_UID or not (uids[keyword].isascii() and uids[keyword].isprintable()):
            raise IdentifierError(f"{keyword} is no UID.")
    facts = {keyword: text for keyword, value in found.items() if (text := _text(value, character_sets))}
    return Header(
        sop_class_uid=uids["SOPClassUID"],
        sop_instance_uid=uids["SOPInstanceUID"],
        study_instance_uid=uids["StudyInstanceUID"],
        series_instance_uid=uids["SeriesInstanceUID"],
        facts=facts,
    )


def is_uid(text: str) -> bool:
    """Whether `text` has the characters and the length of a UID (PS3.5 9.1); leading zeros are forgiven."""
    return 0 < len(text) <= _LONGEST_UID and _UID_CHARACTERS.issuperset(text)


def _ascii(value: bytes) -> str:
    """A UID or code string; other bytes than ASCII are kept one to one, so that nothing different becomes equal."""
    return value.decode("latin-1").strip(" \0")


def _text(value: bytes, character_sets: str) -> str:
    """A text value in the data set's character sets; where they do not fit, byte for byte as Latin-1.

    Never a replacement character: two different PatientIDs must not become one.
    """
    if value.isascii() and b"\x1b" not in value and not _redefines_ascii(character_sets):
        return _ascii(value)
    from pydicom.charset import convert_encodings, decode_bytes

    try:
        encodings = convert_encodings(character_sets.split("\\"))
        text = decode_bytes(value, encodings, _DELIMITERS)
        text.encode()  # half a surrogate pair is no character, and no file takes it
    except (LookupError, ValueError):
        return _ascii(value)
    return _ascii(value) if "\ufffd" in text else text.strip(" \0")


def _redefines_ascii(character_sets: str) -> bool:
    """Whether 7-bit bytes may mean something else: ISO-IR 13 has a yen sign for the backslash."""
    return "13" in character_sets
