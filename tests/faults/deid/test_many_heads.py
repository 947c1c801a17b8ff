"""Heads as they lie: every orientation, turned, raised, lowered and leaning, compressed and in other encodings."""

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from processors.deid.faces import Verdict
from tests.unit.deid.faces.builders import written
from tests.unit.deid.faces.phantom import turned
from tests.unit.deid.faces.test_heads import require_faceless

pytestmark = pytest.mark.faults

HEADS = {
    "ct coronal": {"orientation": "coronal"},
    "ct oblique": {"orientation": "oblique"},
    "mr coronal": {"modality": "MR", "orientation": "coronal"},
    "mr oblique": {"modality": "MR", "orientation": "oblique"},
    "ct turned to the other side": {"turn": turned(yaw=-20)},
    "mr turned": {"modality": "MR", "turn": turned(yaw=20)},
    "ct raised": {"turn": turned(pitch=-15)},
    "mr raised": {"modality": "MR", "turn": turned(pitch=-15)},
    "ct lowered": {"turn": turned(pitch=5), "spacing": (4.0, 3.0, 3.0)},
    "mr lowered": {"modality": "MR", "turn": turned(pitch=5), "spacing": (4.0, 3.0, 3.0)},
    "ct leaning": {"turn": turned(roll=10), "spacing": (4.0, 3.0, 3.0)},
    "mr leaning": {"modality": "MR", "turn": turned(roll=-10), "spacing": (4.0, 3.0, 3.0)},
    "ct infant": {"size": 0.72, "extent": ((-78, 78), (-108, 90), (-110, 66)), "spacing": (3.0, 3.0, 3.0)},
    "ct large": {"size": 1.12, "extent": ((-120, 120), (-165, 135), (-170, 100))},
    "ct without neck": {"extent": ((-105, 105), (-145, 120), (-100, 90)), "spacing": (4.0, 4.0, 4.0)},
    "mr noisy": {"modality": "MR", "noise": 40.0},
}


@pytest.mark.parametrize("scan", HEADS.values(), ids=HEADS)
def test_the_face_is_gone_and_the_brain_is_not(scan: dict, tmp_path) -> None:
    head = written(tmp_path / "in", **scan)
    require_faceless(head, head.deface(tmp_path / "out"))


@pytest.mark.parametrize("syntax", ["implicit", "deflated"])
def test_the_encoding_makes_no_difference(syntax: str, tmp_path) -> None:
    head = written(tmp_path / "in")
    again = type(head)(_encoded(tmp_path / "again", head, syntax), tmp_path / "again")
    require_faceless(again, again.deface(tmp_path / "out"))


def _encoded(folder, head, syntax: str) -> dict:
    from tests.standard.corpus import encoded

    folder.mkdir()
    made = {}
    for file, label in head.labels.items():
        (folder / file.name).write_bytes(encoded(dcmread(file), syntax))
        made[folder / file.name] = label
    return made


def test_compressed_slices_become_explicit_little_endian(tmp_path) -> None:
    head = written(tmp_path / "in")
    for file in head.labels:
        made = dcmread(file)
        made.compress(RLELossless, generate_instance_uid=False)
        made.save_as(file)
    outcome = head.deface(tmp_path / "out")
    require_faceless(head, outcome)
    for file, after in outcome.written.items():
        before, now = dcmread(file), dcmread(after)
        assert now.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert [each.tag for each in now] == [each.tag for each in before]
        assert all(now[each.tag] == each for each in before if each.keyword != "PixelData")


def test_a_head_far_lowered_is_refused_or_has_no_nose(tmp_path) -> None:
    """Beyond the stated range nothing is promised but this."""
    head = written(tmp_path / "in", turn=turned(pitch=25))
    outcome = head.deface(tmp_path / "out")
    assert outcome.verdict is not Verdict.STEP_FAILED
    if outcome.verdict is Verdict.DEFACED:
        from tests.unit.deid.faces.phantom import BRAIN, MOUTH, NOSE, kept

        share = kept(head.labels, outcome)
        assert (share[BRAIN], share[NOSE], share[MOUTH]) == (1, 0, 0)
