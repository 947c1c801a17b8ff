"""What the step for faces says of a series: a closed list of codes, safe to show anywhere."""

from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """One code a series; `VERDICTS` says each in a sentence."""

    DEFACED = "defaced"
    NOT_A_HEAD = "not-a-head"
    NOT_CT_OR_MR = "not-ct-or-mr"
    UNREADABLE = "unreadable"
    LOCALIZER = "localizer"
    TOO_FEW_SLICES = "too-few-slices"
    TOO_LARGE = "too-large"
    GEOMETRY_MISSING = "geometry-missing"
    MIXED_ORIENTATIONS = "mixed-orientations"
    MIXED_SIZES = "mixed-sizes"
    POSITIONS_REPEAT = "positions-repeat"
    GAPS = "gaps"
    SLICES_TOO_FAR = "slices-too-far"
    GANTRY_TILT = "gantry-tilt"
    PIXELS_UNSUPPORTED = "pixels-unsupported"
    CAVITY_NOT_FOUND = "cavity-not-found"
    FACE_NOT_FOUND = "face-not-found"
    ORIENTATION_DOUBTFUL = "orientation-doubtful"
    FACE_LEFT = "face-left"
    STEP_FAILED = "step-failed"

    @property
    def passes(self) -> bool:
        """Whether the series may go on: without its face, or because it never had one."""
        return self in (Verdict.DEFACED, Verdict.NOT_A_HEAD)


VERDICTS: Final[dict[Verdict, str]] = {
    Verdict.DEFACED: "The face and the ears are removed, and the second look found nothing left of them.",
    Verdict.NOT_A_HEAD: "Header and geometry both say that it is another part of the body; nothing is claimed of it.",
    Verdict.NOT_CT_OR_MR: "The step knows CT and MR images alone.",
    Verdict.UNREADABLE: "A file cannot be read, or is not well-formed.",
    Verdict.LOCALIZER: "A localizer: single views that may show a profile, and no volume.",
    Verdict.TOO_FEW_SLICES: "Too few slices for a volume.",
    Verdict.TOO_LARGE: "The volume is larger than any patient.",
    Verdict.GEOMETRY_MISSING: "A slice or frame does not say where it lies.",
    Verdict.MIXED_ORIENTATIONS: "Slices do not lie parallel.",
    Verdict.MIXED_SIZES: "Slices differ in rows, columns or spacing.",
    Verdict.POSITIONS_REPEAT: "Two slices lie in the same place: several volumes in one series.",
    Verdict.GAPS: "A slice is missing, or lies beside the line of the others.",
    Verdict.SLICES_TOO_FAR: "Slices lie too far apart to tell a surface.",
    Verdict.GANTRY_TILT: "The gantry was tilted more than this step was tried with.",
    Verdict.PIXELS_UNSUPPORTED: "The pixels are none that this step reads: one sample of 8 or 16 bits, MONOCHROME2.",
    Verdict.CAVITY_NOT_FOUND: "No cranial cavity was found, and nothing says that it is no head.",
    Verdict.FACE_NOT_FOUND: "A cranial cavity and no face below it: not in the volume, or the axes are wrong.",
    Verdict.ORIENTATION_DOUBTFUL: "No nose where the face should be: not in the volume, or the axes are wrong.",
    Verdict.FACE_LEFT: "The second look found surface of the face that was still there.",
    Verdict.STEP_FAILED: "The step failed on this series; that is a bug.",
}
"""Each code in a sentence, for people."""


class SeriesRefusedError(Exception):
    """This series does not pass; carries the code and nothing of the series."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.value)
        self.verdict = verdict
