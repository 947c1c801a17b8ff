"""Of a head in a regular series no nose, mouth or eye is left, and no voxel of brain changes (PS3.15 E.3.2)."""

import numpy as np
import pytest

from processors.deid.faces import Outcome, Verdict
from tests.unit.deid.faces.builders import Written, written
from tests.unit.deid.faces.phantom import BRAIN, EAR, EYE, MOUTH, NOSE, kept, turned

HEADS = {
    "mr sagittal": {"modality": "MR", "orientation": "sagittal"},
    "ct turned and leaning": {"turn": turned(yaw=18, roll=8)},
}


@pytest.fixture(scope="module")
def upright(tmp_path_factory):
    """A head in CT, and what became of it."""
    folder = tmp_path_factory.mktemp("upright")
    head = written(folder / "in")
    return head, head.deface(folder / "out")


def require_faceless(head: Written, outcome: Outcome) -> None:
    assert outcome.verdict is Verdict.DEFACED
    share = kept(head.labels, outcome)
    assert share[BRAIN] == 1
    assert share[NOSE] == share[MOUTH] == 0
    assert share[EYE] < 0.1
    assert share[EAR] < 0.5


@pytest.mark.parametrize("scan", HEADS.values(), ids=HEADS)
def test_the_face_is_gone_and_the_brain_is_not(scan: dict, tmp_path) -> None:
    head = written(tmp_path / "in", **scan)
    require_faceless(head, head.deface(tmp_path / "out"))


def test_nothing_but_removed_voxels_changes(upright) -> None:
    head, outcome = upright
    require_faceless(head, outcome)
    changed = 0
    for file, after in outcome.written.items():
        before, now = file.read_bytes(), after.read_bytes()
        size = 2 * head.labels[file].size
        assert now[:-size] == before[:-size], "pixel data is the last element"
        changed += np.count_nonzero(np.frombuffer(now[-size:], "<u2") != np.frombuffer(before[-size:], "<u2"))
    assert changed == outcome.facts["changed_voxels"]
    assert outcome.facts["distance_to_cavity_mm"] >= 5
    assert 0 < outcome.facts["changed_share"] <= outcome.facts["removed_share"] < 0.5


def test_what_is_removed_in_ct_is_air(upright) -> None:
    assert upright[1].facts["stored_value"] == 24, "-1000 HU with slope 1 and intercept -1024"


def test_the_files_written_are_their_owners_alone(upright) -> None:
    assert {file.stat().st_mode & 0o777 for file in upright[1].written.values()} == {0o600}
    assert repr(upright[1]) == "Outcome('defaced')"
    assert upright[1].picture.startswith(b"\x89PNG")
