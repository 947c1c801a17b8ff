"""Why an object is held, not sent: a closed list of codes, safe to show anywhere. A person must look."""

from enum import StrEnum


class Reason(StrEnum):
    """One code a cause; `REASONS` says each in a sentence."""

    TOO_LARGE = "too-large"
    DIGEST_MISMATCH = "digest-mismatch"
    MALFORMED = "malformed"
    CLASS_NOT_ALLOWED = "class-not-allowed"
    TRANSFER_SYNTAX_NOT_ALLOWED = "transfer-syntax-not-allowed"
    NO_REFERENCES = "no-references"
    UNKNOWN_PSEUDONYM = "unknown-pseudonym"
    MIXED_PROJECT = "mixed-project"
    NOT_DELIVERED = "not-delivered"
    TWO_STUDIES = "two-studies"
    TWO_PATIENTS = "two-patients"
    STUDY_DISAGREES = "study-of-object-disagrees"
    PATIENT_DISAGREES = "patient-of-object-disagrees"
    KNOWN_SOP_INSTANCE = "known-sop-instance"
    IDENTITY_HELD = "identity-held"
    ORIGINAL_GONE = "original-gone"
    NO_DESTINATION = "no-destination"
    VERIFY_HIT = "verify-hit"
    WITHDRAWN = "withdrawn"


REASONS: dict[Reason, str] = {
    Reason.TOO_LARGE: "The object is larger than what is taken back.",
    Reason.DIGEST_MISMATCH: "The object's bytes are not those that the handoff recorded for the run.",
    Reason.MALFORMED: "The object is no well-formed DICOM file.",
    Reason.CLASS_NOT_ALLOWED: "The object is of a kind that is not taken back.",
    Reason.TRANSFER_SYNTAX_NOT_ALLOWED: "The object is encoded in a way that is not taken back.",
    Reason.NO_REFERENCES: "The object refers to no image, so nobody can say whose it is.",
    Reason.UNKNOWN_PSEUDONYM: "The object names a UID that this site never made for this project.",
    Reason.MIXED_PROJECT: "The object, or its run's batch, mixes what belongs to different projects.",
    Reason.NOT_DELIVERED: "The object refers to an image that this site did not deliver to that run.",
    Reason.TWO_STUDIES: "The object refers to images of more than one study.",
    Reason.TWO_PATIENTS: "The object refers to images of more than one patient.",
    Reason.STUDY_DISAGREES: "The object says that it belongs to another study than the images it refers to.",
    Reason.PATIENT_DISAGREES: "The object says that it belongs to another patient than the images it refers to.",
    Reason.KNOWN_SOP_INSTANCE: "The object carries the SOP Instance UID of an image, or of an earlier object.",
    Reason.IDENTITY_HELD: "The study came with an identity that a person must decide on first.",
    Reason.ORIGINAL_GONE: "Nothing is kept here of what the study's originals said of patient and study.",
    Reason.NO_DESTINATION: "The site's settings name no PACS for the results of this project.",
    Reason.VERIFY_HIT: "The scan of the finished object found something of the research side, or a wrong reference.",
    Reason.WITHDRAWN: "The patient took their consent back: `sluice withdraw` once more ends the object.",
}
"""Each code in a sentence, for people."""


class HeldError(Exception):
    """This object does not go back; carries the code and nothing of the object."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
