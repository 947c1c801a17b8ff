"""What to do about each reason: whoever reads a code in a report or in quarantine finds here what helps."""

from typing import Final

from processors.deid.reasons import Reason

_SENDER: Final = "Have the sender mend its export and send the object again"
_PROFILE: Final = "if research needs it, use a profile"

REMEDIES: Final[dict[Reason, str]] = {
    Reason.UNREADABLE: "See who may read it and whether the disk is whole, then run again.",
    Reason.NOT_DICOM: "Leave it out, or have it exported as DICOM files.",
    Reason.META_INVALID: f"{_SENDER}; sent over the network it gets file meta information anew.",
    Reason.META_MISMATCH: f"{_SENDER}: what wrote the file changed one of the two.",
    Reason.TRANSFER_SYNTAX_UNSUPPORTED: "Have it sent uncompressed; docs/conformance.md lists what is read.",
    Reason.DEFLATE_INVALID: "Have it sent as explicit VR little endian.",
    Reason.TRUNCATED: "Send it again: a transfer or a copy ended early, or something was appended.",
    Reason.VR_UNKNOWN: f"{_SENDER}.",
    Reason.VALUE_INVALID: f"{_SENDER}: `sluice deid explain` names attributes until the value.",
    Reason.VALUE_TOO_LONG: f"{_SENDER}: an attribute of at most 64 KiB holds more, mostly as VR UN by mistake.",
    Reason.OUT_OF_ORDER: f"{_SENDER}.",
    Reason.DUPLICATE_TAG: f"{_SENDER}.",
    Reason.ITEM_INVALID: f"{_SENDER}.",
    Reason.TOO_DEEP: f"{_SENDER}; no IOD nests so deep.",
    Reason.TOO_MANY_ELEMENTS: "Have the series sent as more than one object.",
    Reason.KIND_UNSUPPORTED: f"It stays here; {_PROFILE} that passes its class, where one can.",
    Reason.PIXELS_UNCHECKED: f"It stays here; {_PROFILE} with `clean: {{pixel_data: true}}`.",
    Reason.PIXELS_NO_DETECTOR: "Install the extra `ocr`, then release it from quarantine to be treated again.",
    Reason.PIXELS_MISSING: f"{_SENDER}: the image came without its pixels.",
    Reason.PIXELS_MISMATCH: f"{_SENDER}, uncompressed if it was compressed.",
    Reason.PIXELS_BITS_UNKNOWN: f"{_SENDER}: the three must agree (PS3.5 8.1.1).",
    Reason.PIXELS_UNDECODABLE: "Have it sent uncompressed, or look at it in quarantine.",
    Reason.PIXELS_SHOW_TEXT: "Look at it in quarantine, or add a rule for this device (`device_rules`).",
    Reason.PIXELS_DEVICE_WITHHELD: "It stays here as the site's rules say; change the rule if it is wrong.",
    Reason.FACE_UNCHECKED: f"It stays here: the step knows series of CT and MR alone; {_PROFILE} without the switch.",
    Reason.FACE_NOT_REMOVED: "Run `sluice deid deface` on a copy of the series: its report has the code that says why.",
    Reason.PATIENT_ID_EMPTY: "Have the ID corrected at the modality or in the PACS, and send it again.",
    Reason.PATIENT_ID_JUNK: "Have the ID corrected and send it again; if it is real, drop the rule in a profile.",
    Reason.IDENTITY_INCOMPLETE: f"{_SENDER}, with one UID for each of the three.",
    Reason.VERIFY_HIT: "Look at it in quarantine; an everyday word is exempt by `innocent_words` of the profile.",
    Reason.ENGINE_ERROR: "Report it with the kind of object and its device; nothing of it left.",
}
"""Each reason of the engine."""
