"""Attributes whose whole value names a patient, a visit, an order, a device or an institution."""

import re

from pydicom._dicom_dict import DicomDictionary

from processors.deid.table_e1_1 import table

_TEXT = frozenset(("AE", "LO", "LT", "SH", "ST", "UC", "UT"))
_NAMING = re.compile(
    r"\w*(?:ID|IDs|Identifier|Number|Numbers|AETitle|Address|Residence|Locator|BarcodeValue)"
    r"|\w*(?:Institution|Organization|Telephone|Telecom|Phone|Department|Location|RequestingService)\w*"
    r"|(?:Performed|Scheduled)?StationName|ClinicalTrial\w+Name|CameraOwnerName"
    r"|Placer\w+|Filler\w+|Originator"
)
"""Keywords of the table's rows that name someone or something, in contrast to those that describe."""

_HARDWARE = frozenset(
    ("DetectorID", "GantryID", "PlateID", "GeneratorID", "CassetteID", "XRaySourceID", "XRayDetectorID",
     "RTAccessoryHolderSlotID", "RTAccessoryDeviceSlotID", "PositionAcquisitionTemplateID")
)  # fmt: skip
"""Parts of a device, numbered alike in every device of a make."""

_UNLISTED = frozenset((0x00081048, 0x00101000, 0x00400009, 0x00400253))


def naming() -> frozenset[int]:
    """The tags, by the rule above from Table E.1-1, so that a new edition's rows come in by themselves; all names."""
    listed = (tag for tag in table() if tag in DicomDictionary and _names(*DicomDictionary[tag][::4]))
    return _UNLISTED.union(listed, (tag for tag, entry in DicomDictionary.items() if entry[0] == "PN"))


def _names(vr: str, keyword: str) -> bool:
    return vr in _TEXT and keyword not in _HARDWARE and _NAMING.fullmatch(keyword) is not None


NAMING = naming()
"""Compiled once: every original's attributes are asked."""
