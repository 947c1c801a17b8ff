"""Why an instance is withheld whole: a closed list of codes, safe to show anywhere."""

from enum import StrEnum


class Reason(StrEnum):
    """One code a cause; `REASONS` says each in a sentence."""

    UNREADABLE = "unreadable"
    NOT_DICOM = "not-dicom"
    META_INVALID = "meta-invalid"
    META_MISMATCH = "meta-mismatch"
    TRANSFER_SYNTAX_UNSUPPORTED = "transfer-syntax-unsupported"
    DEFLATE_INVALID = "deflate-invalid"
    TRUNCATED = "truncated"
    VR_UNKNOWN = "vr-unknown"
    VALUE_INVALID = "value-invalid"
    VALUE_TOO_LONG = "value-too-long"
    OUT_OF_ORDER = "out-of-order"
    DUPLICATE_TAG = "duplicate-tag"
    ITEM_INVALID = "item-invalid"
    TOO_DEEP = "too-deep"
    TOO_MANY_ELEMENTS = "too-many-elements"
    KIND_UNSUPPORTED = "kind-unsupported"
    PIXELS_UNCHECKED = "pixels-unchecked"
    PIXELS_NO_DETECTOR = "pixels-no-detector"
    PIXELS_MISSING = "pixels-missing"
    PIXELS_MISMATCH = "pixels-mismatch"
    PIXELS_BITS_UNKNOWN = "pixels-bits-unknown"
    PIXELS_UNDECODABLE = "pixels-undecodable"
    PIXELS_SHOW_TEXT = "pixels-show-text"
    PIXELS_DEVICE_WITHHELD = "pixels-device-withheld"
    FACE_UNCHECKED = "face-unchecked"
    FACE_NOT_REMOVED = "face-not-removed"
    PATIENT_ID_EMPTY = "patient-id-empty"
    PATIENT_ID_JUNK = "patient-id-junk"
    IDENTITY_INCOMPLETE = "identity-incomplete"
    VERIFY_HIT = "verify-hit"
    ENGINE_ERROR = "engine-error"


REASONS: dict[Reason, str] = {
    Reason.UNREADABLE: "The file cannot be read, or is no plain file.",
    Reason.NOT_DICOM: "The file is not DICOM Part 10 (PS3.10 7.1).",
    Reason.META_INVALID: "The file meta information cannot be read or names no transfer syntax.",
    Reason.META_MISMATCH: "File meta information and data set name different SOP classes.",
    Reason.TRANSFER_SYNTAX_UNSUPPORTED: "The transfer syntax is none that this engine reads.",
    Reason.DEFLATE_INVALID: "The deflated data set does not inflate, or inflates beyond its limit.",
    Reason.TRUNCATED: "A length reaches beyond its sequence or the file.",
    Reason.VR_UNKNOWN: "A VR is none of PS3.5 6.2.",
    Reason.VALUE_INVALID: "A value that must be read is not a legal value of its VR.",
    Reason.VALUE_TOO_LONG: "A value is longer than an element of its VR can be (PS3.5 7.1.2).",
    Reason.OUT_OF_ORDER: "Data elements are not in ascending order of their tags.",
    Reason.DUPLICATE_TAG: "A data element occurs twice.",
    Reason.ITEM_INVALID: "A sequence or fragment has no well-formed items.",
    Reason.TOO_DEEP: "Sequences are nested deeper than 64 levels.",
    Reason.TOO_MANY_ELEMENTS: "The data set has more data elements than any image of its kind.",
    Reason.KIND_UNSUPPORTED: "The SOP class is not one that this profile passes.",
    Reason.PIXELS_UNCHECKED: "The pixels may show text, and the profile passes no such image: `clean.pixel_data` does.",
    Reason.PIXELS_NO_DETECTOR: "The pixels may show text, and nothing here can look: install the extra `ocr`.",
    Reason.PIXELS_MISSING: "An image without pixel data.",
    Reason.PIXELS_MISMATCH: "The pixel data is longer or shorter than rows, columns and frames say.",
    Reason.PIXELS_BITS_UNKNOWN: "Bits Allocated, Bits Stored and High Bit do not say which bits are pixels.",
    Reason.PIXELS_UNDECODABLE: "The pixels may show text, and nothing here can decode them.",
    Reason.PIXELS_SHOW_TEXT: "A second look found text that was still there after masking.",
    Reason.PIXELS_DEVICE_WITHHELD: "A rule of the site withholds what this device makes.",
    Reason.FACE_UNCHECKED: "It may show a face, and the step that removes faces from series did not see it.",
    Reason.FACE_NOT_REMOVED: "The step that removes faces from series did not vouch for its series.",
    Reason.PATIENT_ID_EMPTY: "There is no Patient ID to make a pseudonym of.",
    Reason.PATIENT_ID_JUNK: "The Patient ID is one that many patients share.",
    Reason.IDENTITY_INCOMPLETE: "The UID of the instance, its series or its study is missing, or names more than one.",
    Reason.VERIFY_HIT: "The scan of the output found an identifying value of this instance.",
    Reason.ENGINE_ERROR: "The engine failed on this instance; that is a bug.",
}
"""Each code in a sentence, for people."""


class RejectedError(Exception):
    """This instance does not pass; carries the code and nothing of the instance."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
