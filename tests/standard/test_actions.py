"""PS3.15 Table E.1-1: each action at every level; where letters leave a choice, the IOD's Type decides."""

from functools import lru_cache

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import keyword_for_tag

from processors.deid import Engine, Profile
from processors.deid.engine import pseudonymous_uid
from processors.deid.iod_types import TOP, types_of
from processors.deid.plan import Action, Plans, by_code
from processors.deid.profile import DEFAULT
from processors.deid.table_e1_1 import table
from tests.standard.corpus import (
    KEY,
    canary,
    cleaned,
    ct,
    dataset,
    encoded,
    engine,
    listed,
    mr,
    nested,
    plant,
    seg,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
DATES_REMOVED = Profile.load().model_copy(update={"name": "dates-removed", "dates": "removed"})


@lru_cache
def strict() -> Engine:
    """An engine without the option of modified dates: the table's letters alone."""
    return Engine(DATES_REMOVED, KEY.project("test"))


def rows(code: str) -> list[int]:
    own = {0x00100010, 0x00100020, 0x00120063, 0x00120064, 0x00120062, 0x0020000D, 0x0020000E, 0x00080018}
    return [row.tag for row in listed() if row.code == code and row.tag not in own and canary(row.tag, 1)]


def after(code: str, depth: int = 0):
    """Tag, element after treatment (None when it went) and what was planted, for every row of a code."""
    planted = [canary(tag, number) for number, tag in enumerate(rows(code), 1)]
    made = plant(ct(), planted) if not depth else nested(ct(), plant(dataset(), planted), depth)
    clean = cleaned(made, strict())
    for _ in range(depth):
        clean = clean.ReferencedImageSequence[0]
    return [(keyword_for_tag(each.tag), clean.get(each.tag), each) for each in planted]


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_x_removes(depth):
    types = types_of(CT).get(0x00081140 if depth else TOP, {})
    for keyword, element, planted in after("X", depth):
        assert element is None or types.get(planted.tag) in ("1", "2"), keyword


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_z_empties_or_replaces(depth):
    for keyword, element, planted in after("Z", depth):
        assert element is not None, keyword
        assert element.value != planted.value, keyword


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_d_leaves_a_value_that_says_nothing(depth):
    for keyword, element, planted in after("D", depth):
        assert element is not None, keyword
        assert not element.is_empty, keyword
        assert element.value != planted.value or element.VR == "SQ", keyword


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_u_replaces_by_a_consistent_uid(depth):
    for keyword, element, planted in after("U", depth):
        assert element.value == pseudonymous_uid(KEY.project("test"), planted.value), keyword


@pytest.mark.parametrize(
    ("code", "kind", "action"),
    [
        ("X", "3", Action.REMOVE), ("X", "2", Action.EMPTY), ("X", "1", Action.DUMMY), ("X", "", Action.REMOVE),
        ("Z", "2", Action.EMPTY), ("Z", "3", Action.EMPTY), ("Z", "1", Action.DUMMY), ("Z", "1C", Action.DUMMY),
        ("D", "3", Action.DUMMY), ("D", "1", Action.DUMMY), ("D", "", Action.DUMMY),
        ("X/Z", "3", Action.REMOVE), ("X/Z", "2", Action.EMPTY), ("X/Z", "2C", Action.EMPTY),
        ("X/Z", "1", Action.DUMMY), ("X/D", "3", Action.REMOVE), ("X/D", "1", Action.DUMMY),
        ("X/D", "1C", Action.DUMMY), ("X/D", "2", Action.EMPTY), ("X/Z/D", "3", Action.REMOVE),
        ("X/Z/D", "2", Action.EMPTY), ("X/Z/D", "1", Action.DUMMY), ("Z/D", "3", Action.EMPTY),
        ("Z/D", "2", Action.EMPTY), ("Z/D", "1", Action.DUMMY), ("U", "1", Action.MAP_UID), ("U", "3", Action.MAP_UID),
    ],
)  # fmt: skip
def test_the_type_decides_between_the_letters(code, kind, action):
    assert by_code(code, kind, b"LO") is action


@pytest.mark.parametrize(("code", "kind", "action"), [
    ("X", "3", Action.REMOVE), ("X", "2", Action.EMPTY), ("X", "1", Action.RECURSE), ("D", "3", Action.RECURSE),
    ("Z", "2", Action.EMPTY), ("Z", "1", Action.RECURSE),
    ("X/Z/U*", "3", Action.RECURSE), ("X/D", "1C", Action.RECURSE),
])  # fmt: skip
def test_a_sequence_that_stays_is_cleaned_item_by_item(code, kind, action):
    assert by_code(code, kind, b"SQ") is action


def test_a_device_serial_number_is_removed_from_ct_and_replaced_in_seg():
    """X/Z/D: Type 3 in the General Equipment Module, Type 1 in the Enhanced General Equipment Module."""
    image = ct()
    image.DeviceSerialNumber = "SER-1"
    assert "DeviceSerialNumber" not in cleaned(image)
    assert cleaned(seg([image])).DeviceSerialNumber == "REMOVED"


def test_every_vr_of_a_type_1_attribute_has_a_dummy():
    from processors.deid.actions import DUMMIES

    vrs = {DicomDictionary[row.tag][0].split(" or ")[-1].encode() for row in listed()}
    assert vrs - {b"SQ", b"UI"} <= set(DUMMIES)


def test_an_action_holds_for_every_row_whatever_its_code():
    """No letter combination of the table is unknown to the compiled rules."""
    codes = {row.code for row in table().values()}
    assert codes == {"X", "Z", "D", "U", "X/Z", "X/D", "X/Z/D", "Z/D", "X/Z/U*"}


def test_a_value_that_is_no_legal_value_of_its_vr_is_denied():
    """E.1.1 says nothing of letters in a DS; default deny does."""
    made = ct()
    made.KVP = "120"
    file = encoded(made)
    broken = file.replace(b"\x18\x00\x60\x00DS\x04\x00120 ", b"\x18\x00\x60\x00DS\x04\x00HOLZ")
    assert broken != file
    assert cleaned(broken).get("KVP") is None


def test_a_listed_attribute_with_another_vr_is_still_cleaned():
    file = encoded(ct())
    changed = file.replace(b"\x08\x00\x50\x00SH", b"\x08\x00\x50\x00LO")
    assert changed != file
    assert cleaned(changed).AccessionNumber == ""


def test_an_attribute_in_unknown_vr_is_treated_by_the_dictionary():
    """PS3.5 6.2.2: a sender that knew no VR wrote UN."""
    made = ct()
    del made.PatientName
    file = encoded(made)
    value = b"Holzmann^Klothilde"
    element = b"\x10\x00\x10\x00UN\0\0" + len(value).to_bytes(4, "little") + value
    at = file.index(b"\x10\x00\x20\x00LO")
    clean = cleaned(file[:at] + element + file[at:])
    assert clean.PatientName == clean.PatientID


TECHNICAL = """
    Manufacturer ManufacturerModelName SequenceName MagneticFieldStrength FlipAngle EchoTime Rows PixelSpacing
    ImagePositionPatient ImageOrientationPatient ImageType Modality InstanceNumber BitsStored StudyTime
"""


def test_technical_values_stay_as_they_were():
    made = mr()
    made.ConvolutionKernel, made.SequenceName, made.ManufacturerModelName = "B30f", "*tfl3d1", "Scanner One"
    made.MagneticFieldStrength, made.FlipAngle = 3, 12.5
    clean = cleaned(made)
    for keyword in TECHNICAL.split():
        assert clean[keyword].value == made[keyword].value, keyword
    assert clean.PixelData == made.PixelData


def test_the_default_profile_shifts_dates_where_the_option_lets_it():
    made = ct()
    by_default, by_table = cleaned(made, engine()), cleaned(made, strict())
    assert by_default.StudyDate not in ("", made.StudyDate)
    assert by_table.StudyDate == ""
    assert by_default.PatientBirthDate == by_table.PatientBirthDate == ""
    assert Plans(Profile.load(DEFAULT), CT).of(TOP)[0x00080020].action is Action.SHIFT
