"""Detectors: large pictures in tiles, and RapidOCR as it is called; it is in an extra of its own."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from textwrap import dedent
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from processors.deid.burned_in import Box, PixelCleaner, rapidocr_detector
from processors.deid.burned_in.tiles import Tiled
from processors.deid.errors import TextDetectorMissingError
from tests.unit.deid.burned_in.builders import file_of, image


class Bright:
    """Finds the box around all bright pixels of a picture."""

    name = "bright"

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def find(self, picture):
        self.shapes.append(picture.shape)
        rows, columns = np.nonzero(picture[..., 0] > 200)
        return [Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)] if rows.size else []


def picture(rows: int, columns: int, *lines: Box) -> np.ndarray:
    made = np.zeros((rows, columns, 3), "u1")
    for line in lines:
        made[line.top : line.bottom, line.left : line.right] = 255
    return made


def test_a_small_picture_is_one_tile():
    detector = Bright()
    assert Tiled(detector, side=100, overlap=20).find(picture(100, 90, Box(3, 4, 50, 9))) == [Box(3, 4, 50, 9)]
    assert detector.shapes == [(100, 90, 3)]


@pytest.mark.parametrize("size", [(101, 250), (333, 100), (500, 477)])
def test_every_pixel_is_in_a_tile_and_no_tile_is_larger(size):
    detector = Bright()
    found = Tiled(detector, side=100, overlap=20).find(picture(*size, Box(0, 0, size[1], size[0])))
    seen = np.zeros(size, bool)
    for box in found:
        seen[box.top : box.bottom, box.left : box.right] = True
    assert seen.all()
    assert {shape[:2] for shape in detector.shapes} == {(min(100, size[0]), min(100, size[1]))}


def test_a_line_of_the_overlaps_height_is_whole_in_some_tile_wherever_it_lies():
    """Side 100, overlap 20, 260 rows: tiles begin at 0, 80 and 160."""
    for top in range(240):
        line = Box(10, top, 60, top + 20)
        assert line in Tiled(Bright(), side=100, overlap=20).find(picture(260, 90, line))


def test_the_name_says_the_tiles():
    assert Tiled(Bright(), side=90, overlap=20).name == "bright, tiles of 90 with 20, of 30 where one is full"


class Grainy(Bright):
    """Takes pictures of more than 400 pixels for text all over, and sees lines in smaller ones."""

    def find(self, picture):
        found = super().find(picture)
        rows, columns = picture.shape[:2]
        return [*found[:0], Box(-50, -50, columns + 50, rows + 50)] if min(rows, columns) > 400 else found


def test_where_one_box_fills_a_tile_it_is_looked_at_more_closely():
    line = Box(310, 200, 390, 212)
    found = Tiled(Grainy(), side=960, overlap=160).find(picture(600, 800, line))
    assert found
    area = np.zeros((600, 800), bool)
    for box in found:
        area[box.top : box.bottom, box.left : box.right] = True
    assert area[line.top : line.bottom, line.left : line.right].all()
    assert area.sum() == line.area


def test_what_fills_a_smaller_tile_is_a_find():
    """A dark image with one bright corner of 320 pixels, and a detector that calls everything bright text."""

    class Everything(Bright):
        def find(self, picture):
            return [Box(0, 0, picture.shape[1], picture.shape[0])] if picture.any() else []

    found = Tiled(Everything(), side=960, overlap=160).find(picture(600, 800, Box(0, 0, 200, 200)))
    assert Box(0, 0, 320, 320) in found


def test_a_picture_that_is_no_higher_than_a_line_may_be_full():
    detector = Bright()
    assert Tiled(detector).find(picture(40, 300, Box(0, 0, 300, 40))) == [Box(0, 0, 300, 40)]
    assert len(detector.shapes) == 1


def missing(name: str) -> str:
    raise PackageNotFoundError(name)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(rapidocr_detector, "version", missing)
    with pytest.raises(TextDetectorMissingError) as raised:
        rapidocr_detector.rapidocr_detector()
    assert "extra" in raised.value.remedy


def test_what_cannot_be_imported_is_missing_when_it_is_needed(monkeypatch):
    monkeypatch.setattr(rapidocr_detector, "version", lambda name: "1")
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    detector = rapidocr_detector.rapidocr_detector()
    with pytest.raises(TextDetectorMissingError):
        detector.find(picture(10, 10))
    assert repr(PixelCleaner(detector).clean(file_of(image()))) == "Quarantined('pixels-no-detector')"


def test_nothing_imports_it_before_it_is_asked_for():
    code = """
    import sys
    from processors.deid import Engine, KeyFile, Profile
    from processors.deid.burned_in.cleaner import pixel_cleaner
    profile = Profile.load()
    Engine(profile, KeyFile("ab", 1, bytes(32)).project("test"), pixel_cleaner(profile))
    print(sorted({"rapidocr", "onnxruntime", "cv2"} & set(sys.modules)))
    """
    command = [sys.executable, "-c", dedent(code)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture
def calls(monkeypatch) -> list[tuple[np.ndarray, dict]]:
    """RapidOCR that finds one slanted line 10 pixels high, and notes how it is called."""
    seen: list[tuple[np.ndarray, dict]] = []

    class Engine:
        def __init__(self, params):
            assert params["EngineConfig.onnxruntime.intra_op_num_threads"] == 1

        def __call__(self, image, **options):
            seen.append((image, options))
            return SimpleNamespace(
                boxes=np.array([[[20.4, 30], [60, 30.5], [60, 40], [20.4, 39]]]) if image.any() else None
            )

    module = ModuleType("rapidocr")
    module.RapidOCR = Engine
    monkeypatch.setitem(sys.modules, "rapidocr", module)
    monkeypatch.setattr(rapidocr_detector, "version", lambda name: {"rapidocr": "3.1", "onnxruntime": "1.2"}[name])
    return seen


def test_a_line_is_the_upright_box_around_its_corners_with_a_margin(calls):
    """Columns 20 to 60, rows 30 to 40; a fifth of 11 rows is 2."""
    assert rapidocr_detector.rapidocr_detector().find(picture(100, 100, Box(20, 30, 60, 40))) == [Box(18, 28, 63, 43)]


def test_detection_alone_runs_on_blue_green_red(calls):
    red = np.zeros((10, 10, 3), "u1")
    red[..., 0] = 200
    rapidocr_detector.rapidocr_detector().find(red)
    image, options = calls[0]
    assert (image[..., 2] == 200).all()
    assert (options["use_det"], options["use_rec"]) == (True, False)


def test_nothing_found_is_no_box(calls):
    assert rapidocr_detector.rapidocr_detector().find(picture(10, 10)) == []


def test_its_name_says_what_looked(calls):
    assert rapidocr_detector.RapidOcr().name == "rapidocr 3.1, onnxruntime 1.2"
