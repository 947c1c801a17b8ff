"""The merge list: which identities are one patient, and which lines it does not take."""

import pytest

from processors.deid.keys import KeyFile
from processors.vault import Held, Vault
from processors.vault.merges import MergeListError, Merges

KEY = KeyFile("0a0b0c0d", 1, b"k" * 32)
LIST = """
patients:
  - keep: {id: "4711", issuer: HOSP}
    join:
      - {id: "0815", issuer: HOSP}
      - {id: "17"}
  - keep: {id: "A"}
    join: [{id: "B"}]
"""


@pytest.fixture
def listed(tmp_path):
    def write(text=LIST):
        (tmp_path / "merges.yaml").write_text(text)
        return Merges.read(tmp_path / "merges.yaml")

    return write


def test_each_identity_of_a_group_goes_under_the_one_that_is_kept(listed):
    merges = listed()
    assert {merges.group(*each)[0] for each in (("4711", "HOSP"), (" 0815", "HOSP "), ("17", ""))} == {("4711", "HOSP")}
    assert merges.group("17", "HOSP") == (("17", "HOSP"),)
    assert merges.joins({("17", ""), ("4711", "HOSP"), ("B", ""), ("C", "")}) == (
        (("17", ""), ("4711", "HOSP")),
        (("B", ""), ("A", "")),
    )


def test_no_list_joins_nothing(tmp_path):
    assert Merges.read(tmp_path / "none.yaml").joins({("17", "")}) == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("patients:\n  - keep: {id: 4711}\n    join: [{id: '1'}]\n", "line 2"),
        ("patients:\n  - keep: {id: '4711'}\n    join: []\n", "line 3"),
        ("patients:\n  - keep: {id: '4711'}\n", "line 2"),
        ("patients:\n  - keep: {id: '4711'}\n    join: [{id: '4711'}]\n", "line 2"),
        ("patients:\n  - {keep: {id: a}, join: [{id: b}]}\n  - {keep: {id: b}, join: [{id: c}]}\n", "line 3"),
        ("patients:\n  - keep: {id: a}\n    join: [{id: b, other: 4711}]\n", "line 3"),
        ("patients: [\n", "line 2"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_without_its_values(listed, text, line):
    with pytest.raises(MergeListError, match=line) as raised:
        listed(text)
    assert "4711" not in str(raised.value)


def test_printing_a_list_shows_no_patient(listed):
    assert "4711" not in repr(listed())


@pytest.fixture
def vault(tmp_path):
    """A vault whose list of merges a test writes."""
    file = tmp_path / "merges.yaml"
    with Vault.open(tmp_path / "vault.db", KEY, merges=lambda: Merges.read(file)) as vault:
        yield vault


def test_joined_identities_are_one_subject_with_one_pseudonym(vault, listed):
    listed()
    first = vault.identify("lung", "0815", "HOSP", "1.2.3")
    assert vault.identify("lung", "17", "", "1.2.4") == first == vault.identify("lung", "4711", "HOSP", "1.2.5")
    assert vault.patient_of("lung", first.pseudonym) == ("4711", "HOSP")


def test_a_study_of_two_identities_goes_on_once_they_are_joined(vault, listed):
    vault.identify("lung", "0815", "HOSP", "1.2.3")
    held = Held("study-with-two-identities")
    assert vault.identify("lung", "4711", "HOSP", "1.2.3") == held
    assert vault.identify("lung", "0815", "HOSP", "1.2.3") == held
    listed()
    assert vault.identify("lung", "4711", "HOSP", "1.2.3") == vault.identify("lung", "0815", "HOSP", "1.2.3") != held


def test_a_study_of_three_identities_waits_until_all_are_joined(vault, listed):
    for identity in (("0815", "HOSP"), ("4711", "HOSP"), ("99", "")):
        vault.identify("lung", *identity, "1.2.3")
    listed()
    assert vault.identify("lung", "4711", "HOSP", "1.2.3") == Held("study-with-two-identities")


def test_nothing_is_joined_to_an_identity_that_many_share(vault, listed):
    listed("patients:\n  - keep: {id: UNKNOWN}\n    join: [{id: '17'}]\n")
    assert vault.identify("lung", "17", "", "1.2.3") == Held("patient-id-junk")


def test_a_list_that_cannot_be_used_identifies_nobody(vault, listed):
    with pytest.raises(MergeListError):
        listed("patients: 3\n")
    with pytest.raises(MergeListError):
        vault.identify("lung", "1", "", "1.2.3")
