"""PS3.15 E.1.1: no planted value is in the output's bytes, whatever the encoding and the depth."""

import pytest
from pydicom._dicom_dict import DicomDictionary

from processors.deid.table_e1_1 import table
from tests.standard.corpus import (
    Canary,
    canaries,
    ct,
    dataset,
    encoded,
    items,
    listed,
    mr,
    nested,
    output,
    pet,
    plant,
    rtstruct,
    seg,
    survivors,
    treated,
)

KEPT_TIMES = {row.tag for row in table().values() if row.modified_dates}
"""Times of day stay under the option of modified dates (E.3.6); their dates do not."""

PLANTED = [each for each in canaries() if each.tag not in KEPT_TIMES or DicomDictionary[each.tag][0] != "TM"]


def test_an_identity_copy_fails_the_check():
    """The check itself: every canary is found where nothing was done."""
    file = encoded(plant(ct(), PLANTED))
    assert len(survivors(file, PLANTED)) == len(PLANTED) > 550
    for depth in (1, 4):
        file = encoded(nested(ct(), plant(dataset(), PLANTED), depth))
        assert len(survivors(file, PLANTED)) == len(PLANTED)


def test_nearly_every_row_of_the_table_has_a_canary():
    tags = {each.tag for each in PLANTED}
    short = [row.name for row in listed() if row.tag not in tags and row.tag not in KEPT_TIMES]
    assert len(short) < 12, short


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian", "deflated"])
def test_no_listed_value_survives_at_the_top_level(syntax):
    assert not survivors(output(encoded(plant(ct(), PLANTED), syntax)), PLANTED)


@pytest.mark.parametrize(
    "make", [mr, pet, lambda: seg([ct(1)]), lambda: rtstruct([ct(1)])], ids=["mr", "pet", "seg", "rtstruct"]
)
def test_no_listed_value_survives_in_any_kind_that_passes(make):
    assert not survivors(output(plant(make(), PLANTED)), PLANTED)


@pytest.mark.parametrize("depth", [1, 2, 4, 40])
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian"])
def test_no_listed_value_survives_in_nested_sequences(depth, syntax):
    file = output(encoded(nested(ct(), plant(dataset(), PLANTED), depth), syntax))
    assert not survivors(file, PLANTED)
    assert file.count(b"\x08\x00\x40\x11") + file.count(b"\x00\x08\x11\x40") >= depth


def test_private_groups_go_with_their_creators_at_every_level():
    def private():
        made = dataset()
        block = made.private_block(0x0009, "CANARY-CREATOR", create=True)
        block.add_new(1, "LO", "CANARY-PRIVATE")
        block.add_new(2, "SQ", items(dataset(PatientID="CANARY-INNER")))
        block.add_new(3, "OB", b"CANARY-BYTES")
        return made

    made = ct()
    made.update(private())
    nested(made, private(), 2)
    assert encoded(made).count(b"CANARY") == 8
    assert b"CANARY" not in output(made)


def test_preamble_and_file_meta_information_are_our_own():
    """E.1.1 step 7."""
    made = ct()
    made.preamble = b"CANARY-PREAMBLE".ljust(128, b"\0")
    made.file_meta.ImplementationVersionName = "CANARY-IMPL"
    made.file_meta.SourceApplicationEntityTitle = "CANARY-AE"
    made.file_meta.ImplementationClassUID = "1.2.3.777"
    made.file_meta.PrivateInformationCreatorUID = "1.2.3.778"
    made.file_meta.PrivateInformation = b"CANARY"
    file = output(made)
    assert not [trace for trace in (b"CANARY", b"1.2.3.777", b"1.2.3.778") if trace in file]
    assert file[:128] == bytes(128)


def test_overlays_and_curves_go():
    made = ct()
    for tag, vr, value in (
        (0x60000010, "US", 16), (0x60000022, "LO", "CANARY-DESC"), (0x60001500, "LO", "CANARY-LABEL"),
        (0x60003000, "OB", b"CANARY-OVERLAY"), (0x60004000, "LT", "CANARY-COMMENT"),
        (0x50003000, "OB", b"CANARY-CURVE"),
        (0x50022500, "LO", "CANARY-CURVE-LABEL"),
    ):  # fmt: skip
        made.add_new(tag, vr, value)
    assert b"CANARY" not in output(made)


def test_unlisted_text_names_and_bulk_go_by_default():
    """Default deny: E.1-1 lists none of these."""
    made = ct()
    made.DocumentTitle = "CANARY-TITLE"
    made.TextValue = "CANARY-TEXT"
    made.EvaluatorName = "CANARY^NAME"
    made.SegmentLabel = "CANARY"
    made.CodeValue = "CANARY"
    made.CodeMeaning = "CANARY"
    made.add_new(0x00420011, "OB", b"CANARY-PDF")
    made.add_new(0x0028_2000, "OB", b"CANARY-ICC.")
    made.add_new(0x0011_0010, "LO", "CANARY")
    assert b"CANARY" not in output(made)


def test_group_lengths_and_trailing_padding_go():
    made = ct()
    made.add_new(0xFFFCFFFC, "OB", b"CANARY-PADDING")
    made.add_new(0x00080000, "UL", 1234)
    file = output(made)
    assert b"CANARY" not in file
    assert b"\x08\x00\x00\x00UL" not in file


NAMES = {
    "ISO_IR 192": "Müller-Żółć^Жанна",
    "ISO_IR 100": "Müßig^Änne",
    "GB18030": "王^小東",
    "ISO_IR 144": "Люксембург^Иван",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
}


@pytest.mark.parametrize(("charset", "name"), NAMES.items())
def test_no_name_survives_in_any_character_set(charset, name):
    made = ct()
    made.SpecificCharacterSet = charset.split("\\") if "\\" in charset else charset
    made.PatientName = made.ReferringPhysicianName = name
    made.OperatorsName = name
    made.PatientComments = name.split("^")[0]
    file = output(made)
    parts = name.replace("=", "^").split("^")
    for part in parts:
        for encoding in ("utf-8", "utf-16-le", "gb18030", "latin-1", "iso8859_5", "euc_kr", "iso2022_jp"):
            try:
                needle = part.encode(encoding)
            except UnicodeEncodeError:
                continue
            assert len(needle) < 4 or needle not in file


def test_listed_values_of_short_vrs_are_not_in_their_place():
    """AS and US are too short to look for in bytes."""
    made = ct()
    made.PatientAge = "093Y"
    made.PregnancyStatus = 3
    file = treated(made)
    clean = b"".join(file.chunks)
    assert b"\x10\x00\x10\x10AS" not in clean
    assert b"\x10\x00\xc0\x21US" not in clean


def test_a_canary_in_uppercase_or_lowercase_is_still_a_canary():
    assert survivors(b"..canary00001..", [Canary(0, "", b"CANARY00001")])
