"""Of a head in a regular series no nose, mouth or eye is left, and no voxel of brain changes (PS3.15 E.3.2)."""

import numpy as np
import pytest
from pydicom import dcmread

from processors.deid.faces import Verdict
from tests.unit.deid.faces.builders import written
from tests.unit.deid.faces.phantom import BRAIN, EAR, EYE, MOUTH, NOSE, kept, turned

HEADS = {
    "ct axial": {},
    "mr sagittal": {"modality": "MR", "orientation": "sagittal"},
    "ct coronal, feet first": {"orientation": "coronal"},
    "mr oblique": {"modality": "MR", "orientation": "oblique"},
    "ct turned and leaning": {"turn": turned(yaw=18, roll=8)},
    "mr raised": {"modality": "MR", "turn": turned(pitch=-15)},
    "ct infant": {"size": 0.72, "extent": ((-78, 78), (-108, 90), (-110, 66)), "spacing": (3.0, 3.0, 3.0)},
}


@pytest.mark.parametrize("scan", HEADS.values(), ids=HEADS)
def test_the_face_is_gone_and_the_brain_is_not(scan: dict, tmp_path) -> None:
    head = written(tmp_path / "in", **scan)
    outcome = head.deface(tmp_path / "out")
    assert outcome.verdict is Verdict.DEFACED
    share = kept(head.labels, outcome)
    assert share[BRAIN] == 1
    assert share[NOSE] == share[MOUTH] == 0
    assert share[EYE] < 0.1
    assert share[EAR] < 0.5


def test_nothing_but_removed_voxels_changes(tmp_path) -> None:
    head = written(tmp_path / "in")
    outcome = head.deface(tmp_path / "out")
    changed = 0
    for file, after in outcome.written.items():
        before, now = dcmread(file), dcmread(after)
        changed += np.count_nonzero(before.pixel_array != now.pixel_array)
        now.PixelData = before.PixelData
        assert now == before
        assert file.read_bytes()[: -len(before.PixelData)] == after.read_bytes()[: -len(before.PixelData)]
    assert changed == outcome.facts["changed_voxels"]
    assert outcome.facts["distance_to_cavity_mm"] >= 4
    assert 0 < outcome.facts["changed_share"] <= outcome.facts["removed_share"] < 0.5


def test_what_is_removed_in_ct_is_air(tmp_path) -> None:
    head = written(tmp_path / "in")
    outcome = head.deface(tmp_path / "out")
    assert outcome.facts["stored_value"] == 24, "-1000 HU with slope 1 and intercept -1024"


def test_the_files_written_are_their_owners_alone(tmp_path) -> None:
    outcome = written(tmp_path / "in").deface(tmp_path / "out")
    assert {file.stat().st_mode & 0o777 for file in outcome.written.values()} == {0o600}
    assert "PNG" not in repr(outcome)
    assert outcome.picture.startswith(b"\x89PNG")
