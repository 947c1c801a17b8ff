"""How well the trained model found the nodules of patients it never saw, beside the best that needs no model."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ml.evaluation.baseline import Baseline, Judged, best_threshold
from ml.evaluation.dice import dice
from sluice.demo.studies import Study

Mask = NDArray[np.bool_]

REQUIRED_DICE = 0.6
REQUIRED_LEAD = 0.2
"""How far the model must be ahead of the best threshold with connected components."""


@dataclass(frozen=True, slots=True)
class Score:
    """Mean Dice over the unseen patients, of the model and of the best threshold; one Dice for each patient."""

    model: float
    threshold: Baseline
    patients: tuple[float, ...]

    @property
    def good(self) -> bool:
        """Whether the model is worth having."""
        return self.model >= REQUIRED_DICE and self.model >= self.threshold.dice + REQUIRED_LEAD


@dataclass(slots=True)
class Answer:
    """What inference said of one study: a mask, (slices, rows, columns), lowest slice first, and where it stands."""

    mask: Mask
    file: Path | None = None


def find_answers(
    segmentations: Iterable[Path], studies: Sequence[Study], original_of: Callable[[str], str | None]
) -> dict[int, Answer]:
    """Put each result back onto the patient it belongs to, by the instances that it references.

    Args:
        segmentations: DICOM SEG files as inference wrote them, with pseudonymous references.
        studies: the studies as they were sent.
        original_of: the original of a pseudonymous SOP Instance UID, as only the trusted side knows it.

    Returns:
        Answers by seed; an empty mask where no result refers to the study.
    """
    places = {uid: (study.seed, index) for study in studies for index, uid in enumerate(study.instance_uids)}
    answers = {study.seed: Answer(np.zeros_like(study.phantom.truth)) for study in studies}
    for file in segmentations:
        segmentation = pydicom.dcmread(file)
        frames = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
        for frame, groups in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
            original = original_of(_source_of(groups))
            if original in places:
                seed, index = places[original]
                answers[seed].mask[index] |= frame > 0
                answers[seed].file = file
    return answers


def _source_of(groups: Dataset) -> str:
    """The instance that a frame was derived from (PS3.3 C.7.6.16.2.6)."""
    source = groups.DerivationImageSequence[0].SourceImageSequence[0]
    return str(source.ReferencedSOPInstanceUID)


def score(studies: Sequence[Study], answers: dict[int, Answer]) -> Score:
    """Compare with the truth that was never sent."""
    patients = tuple(dice(answers[study.seed].mask, study.phantom.truth) for study in studies)
    judged = [
        Judged(study.phantom.volume, study.phantom.truth, float(np.prod(study.phantom.spacing)) / 1000.0)
        for study in studies
    ]
    return Score(float(np.mean(patients)), best_threshold(judged), patients)
