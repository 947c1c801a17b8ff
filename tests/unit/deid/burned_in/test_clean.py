"""What can show text is looked at, masked, looked at again, and claimed to be clean only then (PS3.15 E.3.1)."""

import struct
import zlib
from functools import partial

import numpy as np
import pytest

from processors.deid.burned_in import Box, Cleaned, PixelCleaner, Quarantined, Signatures, Untouched
from processors.deid.reasons import REASONS, Reason
from tests.burned_in_images import KINDS, radiograph
from tests.burned_in_images.ultrasound import REGION, ultrasound
from tests.standard.corpus import ct, encoded, mr, pet
from tests.unit.deid.burned_in.builders import LINE, Knows, cleaned, file_of, image, inside, read, shown

SMALL = {**KINDS, "DX": partial(radiograph, columns=800, rows=800)}


class Insists(Knows):
    """Finds its line whatever is there, as when a mask did not help."""

    def find(self, picture):
        super().find(picture)
        return list(self.lines)


class Notices(Knows):
    """Finds its line only from the second look on: as something that a negative alone shows."""

    def find(self, picture):
        found = super().find(picture)
        return found if len(self.looks) > 1 else []


def test_a_line_is_masked_and_the_step_may_be_claimed():
    result = cleaned(file_of(image(BurnedInAnnotation="YES")))
    assert result.masked == (LINE,)
    assert [step.code for step in result.steps] == ["113101"]
    assert read(bytes(result.part10)).BurnedInAnnotation == "NO"


def test_what_shows_no_text_keeps_its_pixels_and_was_verified_too():
    file = file_of(image())
    result = cleaned(file, detector=Knows(()))
    assert (result.masked, result.changed) == ((), frozenset())
    assert read(bytes(result.part10)).PixelData == read(file).PixelData
    assert read(bytes(result.part10)).BurnedInAnnotation == "NO"


def test_all_other_elements_stay_as_they_were():
    file = file_of(image(SeriesDescription="Holzmann", WindowCenter=3))
    before, after = read(file), read(bytes(cleaned(file).part10))
    del after.BurnedInAnnotation, before.PixelData, after.PixelData
    assert before == after


def test_a_small_copy_of_the_pixels_goes():
    made = image(IconImageSequence=[image()])
    assert "IconImageSequence" not in read(bytes(cleaned(file_of(made)).part10))


def test_what_the_second_look_finds_is_masked_and_looked_for_once_more():
    result = cleaned(file_of(image()), detector=Notices())
    assert result.masked == (LINE,)
    assert (shown(read(bytes(result.part10)))[:, inside()] == 0).all()


def test_what_the_last_look_finds_is_quarantined_with_a_picture():
    result = PixelCleaner(Insists()).clean(file_of(image()))
    assert isinstance(result, Quarantined)
    assert (result.reason, result.remaining) == (Reason.PIXELS_SHOW_TEXT, (LINE,))
    assert result.picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(("columns", "passes"), [(6, True), (7, False)])
def test_where_more_than_half_of_an_image_looks_like_text_a_person_is_to_look(columns, passes):
    """Of twelve columns; what is quarantined is shown as it was."""
    result = PixelCleaner(Knows((Box(0, 0, columns, 8),))).clean(file_of(image()))
    assert isinstance(result, Cleaned if passes else Quarantined)
    if isinstance(result, Quarantined):
        assert (result.reason, result.remaining) == (Reason.PIXELS_SHOW_TEXT, (Box(0, 0, columns, 8),))


def test_without_a_detector_nothing_that_can_show_text_passes():
    result = PixelCleaner(None).clean(file_of(image()))
    assert isinstance(result, Quarantined)
    assert result.reason is Reason.PIXELS_NO_DETECTOR


def test_a_detector_that_fails_lets_nothing_pass():
    class Fails(Knows):
        def find(self, picture):
            raise ValueError

    assert repr(PixelCleaner(Fails()).clean(file_of(image()))) == "Quarantined('engine-error')"


def test_what_is_quarantined_says_nothing_of_its_picture():
    assert repr(PixelCleaner(None).clean(file_of(image()))) == "Quarantined('pixels-no-detector')"


def test_a_line_in_one_of_many_frames_is_found_and_masked_in_all():
    """Frame 5 of 40 is none that is looked at by itself; the brightest of all frames shows it."""
    made = image(frames=40)
    pixels = np.full((40, 8, 12), 9, "u1")
    pixels[5, 3, 3:9:2] = 250
    made.PixelData = pixels.tobytes()
    result = cleaned(file_of(made))
    assert result.changed == set(range(40))
    assert (shown(read(bytes(result.part10)))[:, inside()] == 0).all()


def test_of_few_frames_each_is_looked_at():
    detector = Knows(())
    cleaned(file_of(image(frames=3)), detector=detector)
    as_they_are, as_negatives = 3, 3
    assert len(detector.looks) == as_they_are + as_negatives


@pytest.mark.parametrize("made", [ct(), mr(), pet()], ids=["CT", "MR", "PET"])
def test_primary_images_of_scanners_are_not_looked_at_and_nothing_is_claimed(made):
    """PS3.15 E.3.1, note 1."""
    assert PixelCleaner(Insists()).clean(encoded(made)) == Untouched()


@pytest.mark.parametrize(
    "more",
    [
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "SCREEN SAVE"]},
        {"ImageType": ["ORIGINAL"]},
        {"ImageType": ""},
        {"ConversionType": "WSD"},
        {"BurnedInAnnotation": "YES"},
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"},
        {"SOPClassUID": "1.2.3.4"},
    ],
    ids=str,
)
def test_whatever_does_not_say_so_in_every_way_is_looked_at(more):
    made = ct()
    for keyword, value in more.items():
        setattr(made, keyword, value)
    assert not isinstance(PixelCleaner(None).clean(encoded(made)), Untouched)


@pytest.mark.parametrize("cut", [0, 100, 300, -7])
def test_what_is_not_well_formed_is_quarantined(cut):
    assert isinstance(PixelCleaner(Knows()).clean(file_of(image())[:cut]), Quarantined)


def test_what_decides_the_outcome_is_named_for_a_treatment_to_pin():
    rules = Signatures.parse("rules: [{name: a, when: {Modality: XX}, withhold: true}]")
    assert PixelCleaner(Knows(), rules).facts == {"text_detector": "knows", "device_signatures": rules.digest}
    assert PixelCleaner(None).facts["text_detector"] == "none"


def test_the_same_image_gives_the_same_bytes():
    assert cleaned(file_of(image())).part10 == cleaned(file_of(image())).part10


def test_the_picture_shows_what_remained():
    """A PNG of 8 bits of colour; the frame around the line is red."""
    picture = PixelCleaner(Insists()).clean(file_of(image())).picture
    assert struct.unpack(">II", picture[16:24]) == (12, 8)
    begin = picture.index(b"IDAT")
    size = struct.unpack(">I", picture[begin - 4 : begin])[0]
    lines = np.frombuffer(zlib.decompress(picture[begin + 4 : begin + 4 + size]), "u1").reshape(8, 37)[:, 1:]
    assert (lines.reshape(8, 12, 3)[LINE.top, LINE.left : LINE.right] == (255, 0, 0)).all()


def test_every_reason_has_its_sentence():
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize("kind", SMALL.values(), ids=SMALL)
def test_the_made_up_images_have_a_line_in_each_box_and_nowhere_else(kind):
    """The same seed without lines differs in the boxes alone, outlines included, and in each of them."""
    one, plain = kind(5), kind(5, lines=0)
    assert len(one.lines) >= 3
    differs = (one.dataset.pixel_array != plain.dataset.pixel_array).reshape(one.dataset.Rows, one.dataset.Columns, -1)
    for box in (line.box.grown(1) for line in one.lines):
        assert differs[box.top : box.bottom, box.left : box.right].any()
        differs[box.top : box.bottom, box.left : box.right] = False
    assert not differs.any()


@pytest.mark.parametrize("kind", SMALL.values(), ids=SMALL)
def test_a_detector_that_knows_the_lines_leaves_none(kind):
    made = kind(4)
    result = PixelCleaner(Knows(made.boxes)).clean(made.part10)
    assert isinstance(result, Cleaned)
    after = read(bytes(result.part10)).pixel_array
    for box in made.boxes:
        assert np.ptp(after[box.top : box.bottom, box.left : box.right]) == 0


def test_ultrasound_needs_no_detector_for_what_is_beside_its_region():
    made = ultrasound(3)
    result = PixelCleaner(Knows(())).clean(made.part10)
    outside = [box for box in made.boxes if not box.common(REGION).area]
    after = read(bytes(result.part10)).pixel_array
    assert outside
    assert all(after[box.top : box.bottom, box.left : box.right].max() == 0 for box in outside)
