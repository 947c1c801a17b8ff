"""The profile and the options of PS3.15 E.2 and E.3, with their codes (PS3.16 CID 7050) and a profile's switches."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its code and meaning, its clause, and what it is called in profiles and in the table.

    `switch` is the path of the key in a profile file; `column` that of Table E.1-1, empty where the table has none.
    """

    code: str
    meaning: str
    clause: str
    switch: str
    column: str = ""


BASIC_PROFILE: Final = Option("113100", "Basic Application Confidentiality Profile", "E.2", "")
PIXEL_DATA: Final = Option("113101", "Clean Pixel Data Option", "E.3.1", "clean.pixel_data")
VISUAL_FEATURES: Final = Option("113102", "Clean Recognizable Visual Features Option", "E.3.2", "clean.visual_features")
GRAPHICS: Final = Option("113103", "Clean Graphics Option", "E.3.3", "clean.graphics", "clean_graphics")
STRUCTURED_CONTENT: Final = Option(
    "113104", "Clean Structured Content Option", "E.3.4", "clean.structured_content", "clean_structured_content"
)
DESCRIPTORS: Final = Option("113105", "Clean Descriptors Option", "E.3.5", "clean.descriptors", "clean_descriptors")
FULL_DATES: Final = Option(
    "113106",
    "Retain Longitudinal Temporal Information Full Dates Option",
    "E.3.6",
    "dates: full",
    "retain_full_dates",
)
MODIFIED_DATES: Final = Option(
    "113107",
    "Retain Longitudinal Temporal Information Modified Dates Option",
    "E.3.6",
    "dates: modified",
    "retain_modified_dates",
)
PATIENT_CHARACTERISTICS: Final = Option(
    "113108",
    "Retain Patient Characteristics Option",
    "E.3.7",
    "retain.patient_characteristics",
    "retain_patient_characteristics",
)
DEVICE_IDENTITY: Final = Option(
    "113109", "Retain Device Identity Option", "E.3.8", "retain.device_identity", "retain_device_identity"
)
UIDS: Final = Option("113110", "Retain UIDs Option", "E.3.9", "retain.uids", "retain_uids")
SAFE_PRIVATE: Final = Option(
    "113111", "Retain Safe Private Option", "E.3.10", "retain.safe_private", "retain_safe_private"
)
INSTITUTION_IDENTITY: Final = Option(
    "113112",
    "Retain Institution Identity Option",
    "E.3.11",
    "retain.institution_identity",
    "retain_institution_identity",
)

OF_SOME_INSTANCES: Final = frozenset((PIXEL_DATA, VISUAL_FEATURES, GRAPHICS))
"""Options that a profile allows and that only some instances need: they are marked where they were performed."""

OPTIONS: Final = (
    PIXEL_DATA,
    VISUAL_FEATURES,
    GRAPHICS,
    STRUCTURED_CONTENT,
    DESCRIPTORS,
    FULL_DATES,
    MODIFIED_DATES,
    PATIENT_CHARACTERISTICS,
    DEVICE_IDENTITY,
    UIDS,
    SAFE_PRIVATE,
    INSTITUTION_IDENTITY,
)
"""Every option of E.3, in the order of the codes."""

DATES: Final = {"full": FULL_DATES, "modified": MODIFIED_DATES}
"""The option that each word for `dates` stands for; `removed` is the profile alone."""
