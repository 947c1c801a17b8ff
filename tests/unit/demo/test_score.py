"""Results are judged on the patient that they refer to, by references alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sluice.demo.montage import COLUMNS, draw
from sluice.demo.score import Answer, find_answers, score
from sluice.demo.studies import Study, write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return write_study(tmp_path_factory.mktemp("study"), 105)


def test_a_segmentation_is_put_back_by_the_originals_of_its_references(study: Study) -> None:
    answers = find_answers([study.files[-1]], [study], lambda uid: uid)
    assert np.array_equal(answers[study.seed].mask, study.phantom.truth)
    assert answers[study.seed].file == study.files[-1]
    assert score([study], answers).model == 1.0


def test_what_the_vault_does_not_know_is_nobodys(study: Study) -> None:
    answers = find_answers([study.files[-1]], [study], lambda uid: None)
    assert not answers[study.seed].mask.any()
    assert answers[study.seed].file is None


def test_marking_the_distractors_too_is_no_good_score(study: Study) -> None:
    dense = study.phantom.volume > -200
    assert not score([study], {study.seed: Answer(dense)}).good


def test_the_picture_has_a_row_for_each_patient(study: Study, tmp_path: Path) -> None:
    answers = {study.seed: Answer(study.phantom.truth)}
    file = draw([study], answers, score([study], answers), tmp_path / "picture.png")
    with Image.open(file) as image:
        assert image.width > 96 * 4 * len(COLUMNS)
        assert image.height > 96 * 4
