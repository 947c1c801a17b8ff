"""The object as the PACS gets it: allowed attributes only, each UID an original or a new one, identity written anew.

| attribute | becomes |
|---|---|
| name, id and more of the patient; date, id and more of the study (`study_facts`) | what the originals say |
| UIDs of study, series, instances, frame of reference | those of the originals |
| SOP Instance UID, Series Instance UID, and UIDs that name nothing outside the object | new ones, minted here |
| dates and times of series, content and creation | when the object was fetched: the run's own are shifted or made up |
| Patient Identity Removed | NO; no mark of de-identification stays |
| anything not in the profile, private attributes among them | dropped |
| pixel data | the same bytes |
"""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from pydicom._uid_dict import UID_dictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from handoff.contract.returned import Claim
from processors.deid.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from processors.delivery.study_facts import KEYWORDS
from processors.delivery.workplace import Workplace
from processors.results.mint import minted
from processors.results.profile import Kind, ReturnProfile
from processors.results.reasons import HeldError, Reason
from processors.results.resolve import Original, require_belonging

TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Must be there, and may be empty (PS3.3 C.7.1.1, C.7.2.1)."""
_OWN = frozenset({"SOPInstanceUID", "SeriesInstanceUID", *KEYWORDS, "SpecificCharacterSet"})
"""Of the top level; written anew whatever the object says."""
_LO = 64


@dataclass(frozen=True, slots=True, repr=False)
class Returned:
    """A finished object. PHI: it has no revealing repr."""

    content: bytes
    sop_instance_uid: str
    series_instance_uid: str
    dropped: int
    """How many elements were not allowed."""

    def __repr__(self) -> str:
        return "Returned(…)"


class _Cleaner:
    """Copies what is allowed, with UIDs of this side."""

    def __init__(self, place: Workplace, claim: Claim, profile: ReturnProfile, kind: Kind, original: Original) -> None:
        self._place = place
        self._claim = claim
        self._original = original
        self._allowed = profile.allowed[kind.sop_class]
        self._minted = frozenset(profile.mint)
        self.dropped = 0

    def clean(self, dataset: Dataset, *, top: bool = False) -> Dataset:
        """The allowed part of a data set or an item."""
        result = Dataset()
        for element in dataset:
            keyword = element.keyword
            if element.tag.is_private or keyword not in self._allowed or (top and keyword in _OWN):
                self.dropped += not (top and keyword in _OWN)
            elif element.VR == "SQ":
                result.add(DataElement(element.tag, "SQ", [self.clean(item) for item in element.value]))
            elif element.VR == "UI":
                result.add(DataElement(element.tag, "UI", self._uids(element)))
            else:
                result.add(element)
        return result

    def _uids(self, element: DataElement) -> list[str] | str:
        values = [str(value) for value in ([element.value] if element.VM < 2 else element.value) if value]
        found = [self._uid(element.keyword, value) for value in values]
        return found[0] if len(found) == 1 else found

    def _uid(self, keyword: str, value: str) -> str:
        if value in UID_dictionary:
            return value
        if keyword in self._minted:
            return minted(self._place.keys, self._claim.id, f"{keyword}\n{value}")
        original = self._place.vault.original_of(self._claim.project, value)
        if original is None:
            raise HeldError(Reason.UNKNOWN_PSEUDONYM)
        require_belonging(self._place, self._claim.project, self._original, keyword, original)
        return original


def reidentify(  # noqa: PLR0917
    place: Workplace, claim: Claim, dataset: Dataset, kind: Kind, original: Original, fetched_at: datetime
) -> Returned:
    """Make the object that goes back; the same bytes whenever it is asked for the same object.

    Raises:
        HeldError: a UID of the object is unknown here, or another study's.
    """
    cleaner = _Cleaner(place, claim, place.return_profile, kind, original)
    result = cleaner.clean(dataset, top=True)
    result.SOPInstanceUID = minted(place.keys, claim.id, "instance")
    result.SeriesInstanceUID = minted(place.keys, claim.id, f"series\n{dataset.get('SeriesInstanceUID', '')}")
    _write_identity(result, original)
    _write_moment(result, fetched_at)
    _write_origin(result, claim, kind)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = result.SOPClassUID
    meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID.decode())
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME.decode()
    result.file_meta = meta
    buffer = BytesIO()
    result.save_as(buffer, enforce_file_format=True)
    return Returned(buffer.getvalue(), str(result.SOPInstanceUID), str(result.SeriesInstanceUID), cleaner.dropped)


def _write_identity(result: Dataset, original: Original) -> None:
    """Patient and study as the originals say, in UTF-8, which every name of theirs has a form in."""
    result.SpecificCharacterSet = "ISO_IR 192"
    for element in original.facts:
        result.add(element)
    for keyword in TYPE_2:
        if keyword not in result:
            setattr(result, keyword, None)
    result.StudyInstanceUID = original.study_uid
    result.PatientIdentityRemoved = "NO"


def _write_moment(result: Dataset, at: datetime) -> None:
    for keyword in ("SeriesDate", "ContentDate", "InstanceCreationDate"):
        setattr(result, keyword, f"{at:%Y%m%d}")
    for keyword in ("SeriesTime", "ContentTime", "InstanceCreationTime"):
        setattr(result, keyword, f"{at:%H%M%S}")


def _write_origin(result: Dataset, claim: Claim, kind: Kind) -> None:
    """Say that a model made it, which one, and that its identity was put back here."""
    result.Modality = kind.modality
    result.SeriesDescription = f"AI result {claim.model or 'without a model'}"[:_LO]
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = "109103", "DCM"
    purpose.CodeMeaning = "Modifying Equipment"
    item = Dataset()
    item.Manufacturer = "Sluice"
    item.ContributionDescription = f"Re-identified; object {claim.id} of handoff {claim.handoff}"
    item.PurposeOfReferenceCodeSequence = [purpose]
    result.ContributingEquipmentSequence = [*(result.get("ContributingEquipmentSequence") or []), item]
