"""A head that cannot be vouched for does not pass, and what is no head is said to be none only when all agree."""

import numpy as np
import pytest

from processors.deid.faces import Verdict, deface
from tests.unit.deid.faces.builders import written
from tests.unit.deid.faces.phantom import Scan, chest, turned

CHEST = {"shape": chest, "extent": ((-170, 170), (-112, 112), (-60, 60)), "spacing": (6.0, 6.0, 6.0)}


def said(keyword: str, value: object):
    return lambda made, _: setattr(made, keyword, value)


def verdict(tmp_path, change=None, **scan) -> Verdict:
    labels = Scan(**{"spacing": (6.0, 5.0, 5.0)} | scan).write(tmp_path / "in", change=change)
    (tmp_path / "out").mkdir()
    made = deface(list(labels), tmp_path / "out")
    assert made.verdict is Verdict.DEFACED or not list((tmp_path / "out").iterdir())
    return made.verdict


def test_a_chest_that_says_so_is_no_head(tmp_path) -> None:
    assert verdict(tmp_path, said("BodyPartExamined", "CHEST"), **CHEST) is Verdict.NOT_A_HEAD


def test_a_chest_that_does_not_say_so_is_not_guessed(tmp_path) -> None:
    assert verdict(tmp_path, said("BodyPartExamined", ""), **CHEST) is Verdict.CAVITY_NOT_FOUND


def test_a_head_that_says_it_is_a_chest_is_a_head(tmp_path) -> None:
    """The header alone never decides."""
    assert verdict(tmp_path, said("BodyPartExamined", "CHEST"), spacing=(5.0, 4.0, 4.0)) is Verdict.DEFACED


@pytest.mark.parametrize(
    "turn", [turned(yaw=180), turned(roll=180), turned(pitch=180)], ids=["back to front", "head down", "both"]
)
def test_a_head_whose_axes_are_wrong_is_refused(tmp_path, turn) -> None:
    """Else the back of the head would be cut, and the face stay."""
    found = verdict(tmp_path, turn=turn, extent=((-105, 105), (-145, 145), (-150, 150)), spacing=(5.0, 5.0, 5.0))
    assert not found.passes


def test_a_head_without_its_face_in_the_volume_is_refused(tmp_path) -> None:
    extent = ((-105, 105), (-145, 120), (-20, 90))
    assert verdict(tmp_path, extent=extent, spacing=(4.0, 5.0, 5.0)) is Verdict.FACE_NOT_FOUND


REFUSED = {
    "localizer": (said("ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]), Verdict.LOCALIZER),
    "no position": (lambda made, _: delattr(made, "ImagePositionPatient"), Verdict.GEOMETRY_MISSING),
    "no numbers": (said("ImageOrientationPatient", [0, 0, 0, 0, 0, 0]), Verdict.GEOMETRY_MISSING),
    "upside down grey": (said("PhotometricInterpretation", "MONOCHROME1"), Verdict.PIXELS_UNSUPPORTED),
    "a slice missing": (lambda _, number: number != 9, Verdict.GAPS),
    "several frames without geometry": (said("NumberOfFrames", 3), Verdict.GEOMETRY_MISSING),
    "a secondary capture": (said("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7"), Verdict.NOT_CT_OR_MR),
}


@pytest.mark.parametrize(("change", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_understood_is_refused(tmp_path, change, expected: Verdict) -> None:
    assert verdict(tmp_path, change, spacing=(6.0, 8.0, 8.0)) is expected


def test_a_damaged_file_is_refused(tmp_path) -> None:
    head = written(tmp_path / "in", spacing=(6.0, 8.0, 8.0))
    file = next(iter(head.labels))
    file.write_bytes(file.read_bytes()[:-7])
    assert head.deface(tmp_path / "out").verdict is Verdict.UNREADABLE


def test_noise_is_no_head(tmp_path) -> None:
    def noise(left, posterior, up):
        chance = np.random.default_rng(3)
        return chance.integers(0, 3, np.broadcast_shapes(left.shape, posterior.shape, up.shape))

    assert verdict(tmp_path, shape=noise, spacing=(6.0, 8.0, 8.0)) is Verdict.CAVITY_NOT_FOUND
