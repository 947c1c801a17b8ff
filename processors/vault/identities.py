"""Which identities a person must look at before anything of them goes on."""

from processors.deid.profile import Profile

PATIENT_ID_EMPTY = "patient-id-empty"
PATIENT_ID_JUNK = "patient-id-junk"
STUDY_WITH_TWO_IDENTITIES = "study-with-two-identities"


def unusable(patient_id: str, profile: Profile) -> str | None:
    """The code of what makes a Patient ID unusable: it is empty, or one that many patients share."""
    value = patient_id.strip(" \0")
    if not value:
        return PATIENT_ID_EMPTY
    return PATIENT_ID_JUNK if value in profile.junk else None
