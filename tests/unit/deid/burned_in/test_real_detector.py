"""RapidOCR itself, where the extra `ocr` is installed: a folder of what shows text, as an operator cleans it."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from processors.deid.commands import deid
from processors.deid.keys import KeyFile
from tests.burned_in_images import BurnedIn, _draw, _image

pytestmark = pytest.mark.skipif(
    find_spec("rapidocr") is None or find_spec("onnxruntime") is None, reason="the extra `ocr` is not installed"
)


def small_capture() -> BurnedIn:
    """Two lines on 160 rows of a screen: a detector needs no second for each picture."""
    drawn = _draw(
        np.full((160, 400), 40.0), np.random.default_rng(3), ((20, 30), (60, 100)), 2, sizes=(18, 22), bright=1
    )
    made = _image(SecondaryCaptureImageStorage, "OT", drawn.picture.astype("u1")[None, ..., None], "MONOCHROME2", 8)
    made.ConversionType = "WSD"
    return BurnedIn(made, drawn.texts, drawn.boxes)


def test_lines_on_a_screen_are_black_in_what_passes(tmp_path):
    image = small_capture()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sc.dcm").write_bytes(image.part10)
    KeyFile.create(tmp_path / "site.key")
    more = ("--key-file", str(tmp_path / "site.key"), "--workers", "1")
    result = CliRunner().invoke(deid, ["apply", str(tmp_path / "in"), str(tmp_path / "out"), *more])
    said = json.loads(result.stdout)
    assert (said["files"], said["passed"], said["quarantined"]) == (1, 1, {})
    after = dcmread(tmp_path / "out" / "sc.dcm")
    for box in image.boxes:
        assert (after.pixel_array[box.top : box.bottom, box.left : box.right] == 0).all()
    assert (after.pixel_array[60:80] == 40).all()
    assert after.pixel_array[130:].min() == 40
    assert "113101" in {item.CodeValue for item in after.DeidentificationMethodCodeSequence}
