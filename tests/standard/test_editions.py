"""PS3.15 Table E.1-1 over its editions: an upgrade never weakens a row, and no new row has an option of an old one."""

import csv
from importlib import resources

import pytest
from pydicom._dicom_dict import DicomDictionary

from processors.deid.marks import treatment_facts
from processors.deid.plan import Action, by_code
from processors.deid.profile import Profile
from processors.deid.table_e1_1 import EDITION
from tests.standard.corpus import KEY, cleaned, ct

LEFT = {Action.REMOVE: 0, Action.EMPTY: 1, Action.DUMMY: 2, Action.MAP_UID: 3, Action.RECURSE: 3}
"""How much of a value an action leaves, from nothing to what only means something to the key's owner."""

TYPES = ("", "1", "1C", "2", "2C", "3")
Row = dict[str, str]


def rows() -> list[Row]:
    text = resources.files("processors.deid.data").joinpath("table-e.1-1.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def editions() -> list[str]:
    """The columns of the basic profile, oldest first."""
    return sorted(name for name in rows()[0] if name.startswith("basic_"))


def vr(row: Row) -> bytes:
    tag = row["tag"][1:5] + row["tag"][6:10]
    known = DicomDictionary.get(int(tag, 16)) if all(each in "0123456789ABCDEF" for each in tag) else None
    return known[0][:2].encode() if known else b"LO"


def weakened(row: Row, old: str, new: str) -> list[str]:
    """The Types in which the newer action leaves more than the older one; all of them where the row is gone."""
    if not row[old]:
        return []
    if not row[new]:
        return list(TYPES)
    return [kind for kind in TYPES if LEFT[by_code(row[new], kind, vr(row))] > LEFT[by_code(row[old], kind, vr(row))]]


def test_the_edition_in_use_is_the_newest_of_the_table():
    assert editions()[-1] == f"basic_{EDITION}"
    assert len(editions()) > 1


def test_no_upgrade_weakens_a_row_whatever_the_type_of_the_attribute():
    listed = [row for row in rows() if "X" not in row["tag"] and "GGGG" not in row["tag"]]
    for old, new in zip(editions(), editions()[1:], strict=False):
        assert not {row["tag"]: kinds for row in listed if (kinds := weakened(row, old, new))}


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [("X", "Z", ["", "3"]), ("X", "D", ["", "1C", "2", "2C", "3"]), ("X", "", list(TYPES)), ("Z", "U", list(TYPES)),
     ("X/Z", "X", []), ("Z", "X", []), ("D", "X/D", []), ("D", "U", list(TYPES)), ("", "X", [])],
)  # fmt: skip
def test_the_comparison_tells_a_weaker_row(old, new, kinds):
    """The check itself."""
    row = {"tag": "(0010,1010)", "old": old, "new": new}
    found = weakened(row, "old", "new")
    assert bool(found) is bool(kinds)
    assert set(found) <= set(TYPES)


def test_a_row_that_only_the_newest_edition_has_retains_nothing():
    """The options' columns are of the edition before: silence means neither retained nor cleaned."""
    options = [name for name in rows()[0] if name.startswith(("retain_", "clean_"))]
    added = [row for row in rows() if not row[editions()[-2]] and row[editions()[-1]]]
    assert len(added) == 35
    assert not [row["tag"] for row in added if any(row[option] for option in options)]


def test_an_object_and_its_package_say_which_edition_made_them():
    assert f"PS3.15 Table E.1-1 {EDITION}" in cleaned(ct()).DeidentificationMethod
    assert treatment_facts(Profile.load(), KEY.project("test"))["table_e1_1_edition"] == EDITION
