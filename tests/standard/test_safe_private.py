"""PS3.15 E.3.10: of private attributes those stay that the list names, by creator, as numbers; and nothing else."""

import pytest
from pydicom import config
from pydicom.dataset import Dataset

from processors.deid import Engine, Profile
from processors.deid.profile import Retain
from processors.deid.safe_private import SafeElement, safe_elements
from tests.standard.corpus import KEY, cleaned, ct, encoded, nested, output, withheld

NUMBERS = {b"DS": "12.5", b"IS": "1000", b"US": 7, b"SS": -7, b"SL": -70000, b"FL": 0.5, b"FD": [0.5, 0.25, 0.125]}
LISTED = [pytest.param(each, id=f"{each.creator.decode()} {each.meaning}") for each in safe_elements()]


def retaining() -> Engine:
    profile = Profile.load().model_copy(update={"retain": Retain(safe_private=True)})
    return Engine(profile, KEY.project("test"))


def with_private(made: Dataset, each: SafeElement, value=None, vr=None, creator=None) -> Dataset:
    block = made.private_block(each.group, creator or each.creator.decode(), create=True)
    block.add_new(each.element, vr or each.vr.decode(), NUMBERS[each.vr] if value is None else value)
    return made


def found(clean: Dataset, each: SafeElement):
    try:
        return clean.private_block(each.group, each.creator.decode())[each.element].value
    except KeyError:
        return None


@pytest.mark.parametrize("each", LISTED)
def test_a_listed_number_stays_with_its_creator(each):
    made = with_private(ct(), each)
    assert found(cleaned(made, retaining()), each) == found(made, each)


@pytest.mark.parametrize("each", LISTED)
def test_without_the_option_it_goes(each):
    assert not [tag for tag in (element.tag for element in cleaned(with_private(ct(), each))) if tag.is_private]


@pytest.mark.parametrize("each", LISTED)
def test_the_same_element_of_another_creator_goes(each):
    clean = cleaned(with_private(ct(), each, creator="CANARY"), retaining())
    assert not [element for element in clean if element.tag.is_private]


@pytest.mark.parametrize("each", LISTED)
def test_text_in_the_place_of_a_listed_number_goes(each):
    made = with_private(ct(), each, value="CANARY", vr="LO")
    assert b"CANARY" not in output(made, retaining())


@pytest.mark.parametrize("syntax", ["implicit", "big endian", "deflated"])
@pytest.mark.parametrize("each", LISTED)
def test_it_stays_in_every_encoding(each, syntax):
    made = with_private(ct(), each)
    tags = {tag for tag in made.keys() if tag.is_private}  # noqa: SIM118 - a dataset's own iterator decodes values
    assert {tag for tag in cleaned(encoded(made, syntax), retaining()).keys() if tag.is_private} == tags  # noqa: SIM118
    assert len(tags) == 2


def test_everything_else_in_the_block_goes_and_other_blocks_whole():
    first = safe_elements()[0]
    made = with_private(ct(), first)
    block = made.private_block(first.group, first.creator.decode())
    for element, vr, value in (
        (0xF0, "LO", "CANARY"),
        (0xF1, "OB", b"CANARY"),
        (0xF2, "DS", "4711"),
        (0xF3, "SQ", [ct()]),
    ):
        block.add_new(element, vr, value)
    made.private_block(first.group, "CANARY CREATOR", create=True).add_new(1, "DS", "4712")
    clean = cleaned(made, retaining())
    assert len([element for element in clean if element.tag.is_private]) == 2
    assert b"CANARY" not in output(made, retaining())


def test_letters_in_a_listed_number_are_no_number(monkeypatch):
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    first = safe_elements()[0]
    file = encoded(with_private(ct(), first, value="12.5"))
    changed = file.replace(b"12.5", b"HANS")
    assert changed != file
    assert b"HANS" not in output(changed, retaining())


def test_it_stays_in_items_too():
    first = safe_elements()[0]
    made = nested(ct(), with_private(Dataset(), first), 2)
    inner = cleaned(made, retaining()).ReferencedImageSequence[0].ReferencedImageSequence[0]
    assert found(inner, first) == 12.5


def test_an_id_of_the_patient_in_a_listed_number_withholds_the_instance():
    made = with_private(ct(), safe_elements()[0], value="4711815")
    made.AccessionNumber = "4711815"
    assert withheld(encoded(made), retaining()) == "verify-hit"


def test_the_object_names_the_option():
    codes = [each.CodeValue for each in cleaned(ct(), retaining()).DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113111"]


def test_the_list_holds_numbers_only_and_each_once():
    assert {each.vr for each in safe_elements()} <= set(NUMBERS)
    assert all(each.group & 1 for each in safe_elements())
    assert len({each[:3] for each in safe_elements()}) == len(safe_elements())
