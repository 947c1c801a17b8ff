"""Rules of a site for devices: checked as a whole with their lines, then matched against headers."""

import numpy as np
import pytest

from processors.deid.burned_in import Box, Cleaned, PixelCleaner, Quarantined, Signatures
from processors.deid.errors import SignatureRulesError
from tests.unit.deid.burned_in.builders import Knows, cleaned, file_of, image, inside, read, shown

RULES = """\
version: 1
rules:
  - name: sonograph-banner
    when: {Modality: US, Manufacturer: [Made Up, Other], ManufacturerModelName: "sono* 5", Rows: 8, Columns: 12}
    mask:
      - {left: 0, top: 0, width: 12, height: 2}
"""


def ultrasound(**more):
    return file_of(image(allocated=16, Manufacturer="MADE UP", ManufacturerModelName="Sonograph 5", **more))


def masked(text: str, file: bytes) -> np.ndarray:
    after = shown(read(bytes(cleaned(file, detector=Knows(()), signatures=Signatures.parse(text)).part10)))
    return (after != shown(read(file)))[0, ..., 0]


def test_a_rule_masks_its_boxes_on_its_device():
    assert np.array_equal(masked(RULES, ultrasound()), inside(Box(0, 0, 12, 2)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Modality: US", "Modality: DX"), ("Made Up", "Made"), ("sono* 5", "sono* 6"),
        ("Modality: US", "Modality: US, StationName: WS1"), ("Modality: US", "Modality: US, BitsAllocated: 8"),
    ],
)  # fmt: skip
def test_every_key_must_match(old, new):
    assert not masked(RULES.replace(old, new), ultrasound()).any()


def test_numbers_match_as_numbers():
    assert masked(RULES.replace("Modality: US", "BitsAllocated: [8, 16]"), ultrasound()).any()


def test_masks_of_several_rules_add_up_and_all_must_keep_what_is_kept():
    text = (
        RULES
        + """\
  - name: keeps-the-left
    when: {Rows: 8, Columns: 12}
    keep: [{left: 0, top: 0, width: 6, height: 8}]
  - name: keeps-the-middle
    when: {Rows: 8, Columns: 12}
    keep: [{left: 3, top: 0, width: 6, height: 8}]
"""
    )
    assert np.array_equal(masked(text, ultrasound()), ~inside(Box(3, 2, 6, 8)))


def test_what_a_rule_withholds_does_not_pass():
    rules = Signatures.parse("rules: [{name: screens, when: {ImageType: SCREEN SAVE}, withhold: true}]")
    file = ultrasound(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    result = PixelCleaner(Knows(()), rules).clean(file)
    assert isinstance(result, Quarantined)
    assert result.reason == "pixels-device-withheld"
    assert isinstance(PixelCleaner(Knows(()), rules).clean(ultrasound()), type(cleaned(ultrasound())))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("version: 1", "version: 2", "line 1, version"),
        ("sonograph-banner", "Sonograph Banner", "line 3, rules.0.name"),
        ("Modality: US", "Modalty: US", "line 4, rules.0.when: Modalty is no attribute"),
        ("Modality: US", "PixelData: US", "line 4, rules.0.when: PixelData is no attribute"),
        (", Rows: 8", "", "line 3, rules.0: a rule with boxes needs one number each for Rows and Columns"),
        ("width: 12", "width: 13", "line 3, rules.0: a box reaches beyond 12 columns x 8 rows"),
        ("width: 12", "width: 0", "line 6, rules.0.mask.0.width"),
        ("width: 12", "wide: 12", "line 6, rules.0.mask.0.wide"),
        ("    mask:\n      - {left: 0, top: 0, width: 12, height: 2}\n", "", "it needs mask, keep or withhold"),
        ("version: 1", "version: 1\nversion: 1", "line 2, version stands twice"),
        ("Modality: US", "Modality: US, Modality: DX", "line 4, Modality stands twice"),
        ("{left", "[left", "it is no YAML"),
    ],
)
def test_a_fault_is_named_with_its_line(old, new, fault):
    with pytest.raises(SignatureRulesError) as raised:
        Signatures.parse(RULES.replace(old, new))
    assert fault in str(raised.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(SignatureRulesError) as raised:
        Signatures.parse(RULES.replace("width: 12", "width: 0").replace("sonograph-banner", "A"))
    assert "line 3" in str(raised.value)
    assert "line 6" in str(raised.value)


def test_a_name_stands_once():
    with pytest.raises(SignatureRulesError, match="line 7, two rules are called sonograph-banner"):
        Signatures.parse(RULES + RULES.partition("rules:\n")[2])


def test_a_file_is_named_in_its_faults(tmp_path):
    (tmp_path / "signatures.yaml").write_text("rules: [{name: a}]", "utf-8")
    with pytest.raises(SignatureRulesError, match=r"signatures\.yaml: line 1"):
        Signatures.load(tmp_path / "signatures.yaml")
    with pytest.raises(SignatureRulesError, match=r"none\.yaml cannot be read"):
        Signatures.load(tmp_path / "none.yaml")


def test_an_empty_file_has_no_rules_and_comments_do_not_change_the_digest():
    assert Signatures.parse("").rules == ()
    assert Signatures.parse(RULES).digest == Signatures.parse("# ours\n" + RULES).digest
    assert Signatures.parse(RULES).digest != Signatures.parse("").digest


def test_without_a_detector_only_what_a_rule_calls_complete_passes():
    complete = RULES.rstrip() + "\n    complete: true\n"
    for text, kind in ((RULES, Quarantined), (complete, Cleaned)):
        result = PixelCleaner(None, Signatures.parse(text)).clean(ultrasound())
        assert isinstance(result, kind)
    assert result.masked == (Box(0, 0, 12, 2),)
    assert isinstance(PixelCleaner(None, Signatures.parse(complete)).clean(ultrasound(Modality="DX")), Quarantined)


def test_where_a_detector_is_it_looks_at_what_a_rule_calls_complete_too():
    detector = Knows()
    PixelCleaner(detector, Signatures.parse(RULES.rstrip() + "\n    complete: true\n")).clean(ultrasound())
    assert detector.looks


def test_complete_is_said_of_boxes():
    with pytest.raises(SignatureRulesError, match="complete"):
        Signatures.parse("rules: [{name: x, when: {Modality: US}, withhold: true, complete: true}]")
