"""RapidOCR itself, where the extra `ocr` is installed: a folder of what shows text, as an operator cleans it."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from processors.deid.burned_in import Box
from processors.deid.commands import deid
from processors.deid.keys import KeyFile
from tests.burned_in_images import BurnedIn, Page, image

pytestmark = pytest.mark.skipif(
    find_spec("rapidocr") is None or find_spec("onnxruntime") is None, reason="the extra `ocr` is not installed"
)


def small_capture() -> BurnedIn:
    """Two lines on 160 rows of a screen: a detector needs no second for each picture."""
    page = Page(np.full((160, 400, 3), 40 / 255), np.random.default_rng(3))
    for zone in (Box(10, 10, 390, 60), Box(10, 80, 390, 128)):
        assert page.write(zone, (18, 22))
    values = (page.picture[..., :1] * 255).round().astype("u1")
    made = image(SecondaryCaptureImageStorage, "OT", values[None], "MONOCHROME2", 8)
    made.ConversionType = "WSD"
    return BurnedIn(made, tuple(page.lines))


def test_lines_on_a_screen_are_black_in_what_passes(tmp_path):
    capture = small_capture()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sc.dcm").write_bytes(capture.part10)
    KeyFile.create(tmp_path / "site.key")
    more = ("--key-file", str(tmp_path / "site.key"), "--workers", "1")
    result = CliRunner().invoke(deid, ["apply", str(tmp_path / "in"), str(tmp_path / "out"), *more])
    said = json.loads(result.stdout)
    assert (said["files"], said["passed"], said["quarantined"]) == (1, 1, {})
    after = dcmread(tmp_path / "out" / "sc.dcm")
    for box in capture.boxes:
        assert (after.pixel_array[box.top : box.bottom, box.left : box.right] == 0).all()
    assert after.pixel_array[146:].min() == 40
    assert "113101" in {item.CodeValue for item in after.DeidentificationMethodCodeSequence}
