"""What an original says of its patient and study: kept in the vault, so that a result can go back to both.

Originals leave the landing after their retention, and a result may come much later.
"""

from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.dataset import Dataset

KEYWORDS: Final = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Patient and General Study modules as far as a derived object repeats them (PS3.3 C.7.1.1, C.7.2.1)."""


def study_facts(file: Path) -> tuple[str, dict[str, Any]] | None:
    """The original Study Instance UID, and the facts as DICOM JSON; None when an original cannot be read so.

    That is no reason to withhold anything: only a result would be held for it.
    """
    try:
        dataset = dcmread(file, stop_before_pixels=True, specific_tags=[*KEYWORDS, "SpecificCharacterSet"])
        chosen = Dataset()
        for keyword in KEYWORDS:
            if keyword in dataset:
                chosen[keyword] = dataset[keyword]
        return str(dataset.StudyInstanceUID), chosen.to_json_dict()
    except Exception:  # noqa: BLE001 - pydicom raises what it likes over odd values, and this is no judgement of them
        return None
