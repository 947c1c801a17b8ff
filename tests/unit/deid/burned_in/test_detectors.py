"""Detectors: large pictures in tiles, and RapidOCR as it is called; it is in an extra of its own."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from textwrap import dedent
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from processors.deid.burned_in import Box, PixelCleaner, rapidocr_detector
from processors.deid.burned_in.reading import Find, is_text
from processors.deid.burned_in.tiles import Tiled, halved, softened, white_ink
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


def test_a_small_picture_is_one_tile_as_it_is_and_softened_and_by_its_ink():
    """Softened, the line's edge is darker than what this detector calls bright."""
    detector = Bright()
    found = Tiled(detector, side=100, overlap=20).find(picture(100, 90, Box(3, 4, 50, 9)))
    assert found == [Box(3, 4, 50, 9), Box(4, 5, 49, 8), Box(3, 4, 50, 9)]
    assert detector.shapes == [(100, 90, 3)] * 3


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
    assert (
        Tiled(Bright(), side=90, overlap=20).name
        == "bright, tiles of 90 with 20, one softened and by its ink, halves down to 240"
    )


def test_a_large_picture_is_looked_at_in_halves_too_and_boxes_are_in_its_own_pixels():
    """1100 x 1000 pixels: tiles of 960, then 550 x 500 and 275 x 250 as one tile each."""
    detector, line = Bright(), Box(40, 80, 400, 120)
    found = Tiled(detector, side=960, overlap=160).find(picture(1100, 1000, line))
    assert [shape[:2] for shape in detector.shapes] == [(960, 960)] * 4 + [(550, 500), (275, 250)]
    assert found.count(line) >= 2


def test_half_a_picture_is_the_mean_of_four_pixels():
    whole = np.array([[0, 100, 7], [100, 200, 7], [9, 9, 9]], "u1")[..., None].repeat(3, axis=2)
    assert halved(whole)[..., 0].tolist() == [[100]]


def test_softening_keeps_what_is_plain_and_quiets_grain():
    """Of one bright pixel 36/256 remain: 6/16 down, 6/16 across."""
    plain = np.full((9, 8, 3), 77, "u1")
    assert (softened(plain) == plain).all()
    spot = picture(9, 9, Box(4, 4, 5, 5))
    assert softened(spot)[4, 4, 0] == 36


def test_ink_is_what_is_nearly_white():
    grey = np.array([[0, 199, 200, 255]], "u1")[..., None].repeat(3, axis=2)
    assert white_ink(grey)[0, :, 0].tolist() == [0, 0, 200, 255]


def find(left: int, top: int, width: int, height: int, score: float, rise: int = 0) -> Find:
    corners = ((left, top), (left + width, top + rise), (left + width, top + height + rise), (left, top + height))
    return Find(np.array(corners, np.float32), score)


def judged(found: Find, *read: tuple[str, float]) -> bool:
    """Whether a find is text, where a recogniser says in turn what it reads."""
    says = iter(read)
    cut = lambda picture, corners, width, height: np.zeros((height, width, 3), "u1")  # noqa: E731
    return is_text(found, picture(10, 10), lambda line: next(says), cut)


def test_what_reads_is_text_however_unsure_the_detector_was():
    assert judged(find(0, 0, 60, 15, 0.31), ("Nguyen", 0.7))
    assert not judged(find(0, 0, 60, 15, 0.31), ("Nguyen", 0.5))


def test_a_line_that_cannot_be_read_is_text_where_the_detector_is_sure():
    """Other writing than the recogniser knows."""
    assert judged(find(0, 0, 60, 15, 0.6))
    assert not judged(find(0, 0, 60, 15, 0.59), ("", 0.0))


@pytest.mark.parametrize("grain", [find(0, 0, 9, 13, 0.8), find(0, 0, 40, 7, 0.8), find(0, 0, 90, 16, 0.8, rise=60)])
def test_what_is_short_or_low_or_slanted_has_to_be_read(grain):
    assert not judged(grain, ("", 0.0))
    assert judged(grain, ("4711", 0.9))


def test_of_two_letters_it_must_be_surer_than_of_four():
    assert not judged(find(0, 0, 20, 15, 0.5), ("Li", 0.7))
    assert judged(find(0, 0, 20, 15, 0.5), ("Li", 0.8))


def test_a_single_letter_is_no_line():
    """The side marker of a radiograph stays."""
    assert not judged(find(0, 0, 60, 70, 0.8), ("R", 1.0))


def test_a_turned_line_is_read_from_either_side():
    assert judged(find(0, 0, 15, 60, 0.4), ("", 0.0), ("Nguyen", 0.9))


@pytest.mark.parametrize("size", [(800, 600), (300, 121), (40, 5)])
def test_what_is_too_high_or_too_low_for_a_line_is_not_read(size):
    assert not judged(find(0, 0, *size, 0.9))


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
            lines = np.array([[[20.4, 30], [60, 30.5], [60, 40], [20.4, 39]]]) if image.any() else None
            return SimpleNamespace(boxes=lines, scores=None if lines is None else [0.7])

    module = ModuleType("rapidocr")
    module.RapidOCR = Engine
    monkeypatch.setitem(sys.modules, "rapidocr", module)
    monkeypatch.setattr(rapidocr_detector, "version", lambda name: {"rapidocr": "3.1", "onnxruntime": "1.2"}[name])
    return seen


def test_a_line_is_the_upright_box_around_its_corners_with_a_margin(calls):
    """Columns 20 to 60, rows 30 to 40; of 11 rows a quarter is 3, and six tenths, at the ends, are 7."""
    assert rapidocr_detector.RapidOcr().find(picture(100, 100, Box(20, 30, 60, 40))) == [Box(13, 27, 68, 44)]


def test_detection_alone_runs_on_blue_green_red(calls):
    red = np.zeros((10, 10, 3), "u1")
    red[..., 0] = 200
    rapidocr_detector.RapidOcr().find(red)
    image, options = calls[0]
    assert (image[..., 2] == 200).all()
    assert (options["use_det"], options["use_rec"]) == (True, False)


def test_nothing_found_is_no_box(calls):
    assert rapidocr_detector.rapidocr_detector().find(picture(10, 10)) == []


def test_its_name_says_what_looked(calls):
    assert rapidocr_detector.RapidOcr().name == (
        "rapidocr 3.1, onnxruntime 1.2, found from 0.3, sure from 0.6, read from 0.6"
    )
