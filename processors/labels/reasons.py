"""Why a row is listed instead of imported: a closed list of codes, safe to show anywhere."""

from enum import StrEnum


class Reason(StrEnum):
    """One code a cause; `REASONS` says each in a sentence."""

    CELL_COUNT = "cell-count"
    NO_KEY = "no-key"
    NO_VALUE = "no-value"
    KEY_MALFORMED = "key-malformed"
    KEY_UNKNOWN = "key-unknown"
    KEY_AMBIGUOUS = "key-ambiguous"
    KEYS_DISAGREE = "keys-disagree"
    SEVERAL_PATIENTS = "several-patients"
    PATIENT_UNKNOWN = "patient-unknown"
    OTHER_DESTINATION = "other-destination"
    NOT_CONFIRMED = "not-confirmed"
    WITHHELD = "withheld"
    HELD = "held"
    OTHER_KEY_EPOCH = "other-key-epoch"
    NO_CONSENT = "no-consent"
    VALUE_NOT_ALLOWED = "value-not-allowed"
    NUMBER_TOO_LONG = "number-too-long"
    DATE_LIKE = "date-like"
    TOO_MANY_CODES = "too-many-codes"
    IDENTIFYING_VALUE = "identifying-value"
    CONTRADICTION = "contradiction"
    DUPLICATE_ROW = "duplicate-row"


REASONS: dict[Reason, str] = {
    Reason.CELL_COUNT: "The line has more or fewer cells than the header.",
    Reason.NO_KEY: "All key cells are empty.",
    Reason.NO_VALUE: "All label cells are empty.",
    Reason.KEY_MALFORMED: "A UID has other characters than digits and dots; spreadsheets spoil long numbers.",
    Reason.KEY_UNKNOWN: "Nothing with this key is known here.",
    Reason.KEY_AMBIGUOUS: "The keys fit several objects or patients; add a key that tells them apart.",
    Reason.KEYS_DISAGREE: "The keys of the line belong to different objects or patients.",
    Reason.SEVERAL_PATIENTS: "The study came with two identities; a person must decide whose it is.",
    Reason.PATIENT_UNKNOWN: "The vault does not know whose study this is.",
    Reason.OTHER_DESTINATION: "It was received, and not sent to this destination.",
    Reason.NOT_CONFIRMED: "The destination has not confirmed it; import the line again when it has.",
    Reason.WITHHELD: "De-identification withheld it, so the destination has nothing to label.",
    Reason.HELD: "It waits for a person, so the destination has nothing to label.",
    Reason.OTHER_KEY_EPOCH: "It was sent under pseudonyms of another key epoch: replay the project, then import again.",
    Reason.NO_CONSENT: "Nobody allowed it for this patient now, or they withdrew.",
    Reason.VALUE_NOT_ALLOWED: "A value is no number, true, false or code that is allowed; free text never is.",
    Reason.NUMBER_TOO_LONG: "A number has so many digits that it may be somebody's.",
    Reason.DATE_LIKE: "A number reads as a date.",
    Reason.TOO_MANY_CODES: "The column has more different codes than a list of findings; give a vocabulary.",
    Reason.IDENTIFYING_VALUE: "A value equals or holds something that identifies this patient.",
    Reason.CONTRADICTION: "Two lines say different things of one label of one object; neither is imported.",
    Reason.DUPLICATE_ROW: "An earlier line says all of this already.",
}
"""Each code in a sentence, for people."""
