"""The vault: who is who, sealed."""

import sqlite3
import stat
from contextlib import closing

import pytest
from click.testing import CliRunner

from processors.deid.keys import KeyFile
from processors.vault import Held, Identity, UidRow, Vault, commands
from processors.vault.errors import VaultKeyMismatchError, VaultTooNewError, VaultUnreadableError

KEY = KeyFile("0a0b0c0d", 1, b"k" * 32)
OTHER_KEY = KeyFile("0f0f0f0f", 1, b"o" * 32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trusted" / "vault.db"


@pytest.fixture
def vault(path):
    with Vault.open(path, KEY) as vault:
        yield vault


def test_a_patient_has_one_subject_and_one_pseudonym_in_a_project(vault):
    first = vault.identify("lung", "MRN-1", "HOSPITAL", "1.2.3")
    again = vault.identify("lung", " MRN-1 ", "HOSPITAL", "1.2.4")
    other = vault.identify("lung", "MRN-2", "HOSPITAL", "1.2.5")
    assert isinstance(first, Identity)
    assert first == again
    assert (first.subject, other.subject) == ("S-0001", "S-0002")
    assert first.pseudonym != other.pseudonym


def test_projects_cannot_be_joined_by_pseudonyms_and_number_subjects_each_for_itself(vault):
    vault.identify("lung", "MRN-1", "", "1.2.3")
    here, there = vault.identify("lung", "MRN-2", "", "1.2.4"), vault.identify("liver", "MRN-2", "", "1.2.4")
    assert here.pseudonym != there.pseudonym
    assert (here.subject, there.subject) == ("S-0002", "S-0001")


def test_the_issuer_is_part_of_the_identity(vault):
    assert vault.identify("lung", "1", "HERE", "1.2.3") != vault.identify("lung", "1", "THERE", "1.2.4")


@pytest.mark.parametrize("patient_id", ["", "   ", "\0"])
def test_an_empty_patient_id_is_held(vault, patient_id):
    assert vault.identify("lung", patient_id, "", "1.2.3") == Held("patient-id-empty")


@pytest.mark.parametrize("patient_id", ["0", "UNKNOWN", "anonymous", " None ", "TEST"])
def test_a_patient_id_that_many_share_is_held(vault, patient_id):
    assert vault.identify("lung", patient_id, "", "1.2.3") == Held("patient-id-junk")


def test_a_study_with_two_identities_is_held_under_both_and_in_every_project(vault):
    vault.identify("lung", "MRN-1", "", "1.2.3")
    held = Held("study-with-two-identities")
    assert vault.identify("lung", "MRN-2", "", "1.2.3") == held
    assert vault.identify("lung", "MRN-1", "", "1.2.3") == held
    assert vault.identify("liver", "MRN-1", "", "1.2.3") == held
    assert isinstance(vault.identify("lung", "MRN-1", "", "1.2.4"), Identity)


def test_mappings_come_back_by_pseudonym_and_by_study(vault):
    rows = [UidRow("1.2.3", "2.25.1", "2.25.1"), ("1.2.3.4", "2.25.2", "2.25.1"), ("9.9", "2.25.3")]
    assert vault.record("lung", rows) == 3
    assert vault.record("lung", rows) == 0
    assert vault.original_of("lung", "2.25.2") == "1.2.3.4"
    assert vault.original_of("liver", "2.25.2") is None
    assert vault.instances_of_study("lung", "2.25.1") == [("1.2.3", "2.25.1"), ("1.2.3.4", "2.25.2")]


def test_what_was_remembered_is_there_after_opening_again(path, vault):
    identity = vault.identify("lung", "MRN-1", "HOSPITAL", "1.2.3")
    vault.record("lung", [("1.2.3.4", "2.25.2", "2.25.1")])
    vault.close()
    with Vault.open(path, KEY) as again:
        assert again.patient_of("lung", identity.pseudonym) == ("MRN-1", "HOSPITAL")
        assert again.original_of("lung", "2.25.2") == "1.2.3.4"


def test_no_file_of_the_vault_holds_an_original_value(path, vault):
    vault.identify("lung", "CANARY-MRN", "CANARY-ISSUER", "1.2.3.777777")
    vault.record("lung", [("1.2.3.888888", "2.25.2", "2.25.1")])
    vault.close()
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert not [value for value in (b"CANARY", b"777777", b"888888") if value in content]


def test_another_key_does_not_open_the_vault(path, vault):
    vault.close()
    with pytest.raises(VaultKeyMismatchError):
        Vault.open(path, OTHER_KEY)


def test_a_value_moved_to_another_row_is_not_believed(path, vault):
    vault.record("lung", [("1.1", "2.25.1"), ("1.2", "2.25.2")])
    with sqlite3.connect(path) as raw:
        one, two = (row[0] for row in raw.execute("SELECT original FROM uids"))
        raw.execute("UPDATE uids SET original = CASE original WHEN ? THEN ? ELSE ? END", (one, two, one))
    raw.close()
    with pytest.raises(VaultKeyMismatchError):
        vault.original_of("lung", "2.25.1")


def test_only_the_owner_can_read_the_vault(path, vault):
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_what_is_no_database_is_refused_with_a_remedy(tmp_path):
    file = tmp_path / "vault.db"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(VaultUnreadableError) as caught:
        Vault.open(file, KEY)
    assert caught.value.remedy


def test_twenty_thousand_mappings_are_remembered_by_one_commit(vault):
    rows = [UidRow(f"1.2.3.{n}", f"2.25.{n}", "2.25.1") for n in range(20_000)]
    said = []
    vault._connection.set_trace_callback(said.append)
    assert vault.record("lung", rows) == 20_000
    assert said.count("COMMIT") == 1


def test_a_mapping_shows_no_original_when_printed():
    assert "1.2.3" not in repr(UidRow("1.2.3", "2.25.1"))


def test_a_later_vault_is_refused_and_left_as_it_is(path):
    Vault.open(path, KEY).close()
    with closing(sqlite3.connect(path)) as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(VaultTooNewError, match="99"):
        Vault.open(path, KEY)
    with closing(sqlite3.connect(path)) as later:
        assert later.execute("PRAGMA user_version").fetchone() == (99,)


def test_what_a_studys_originals_say_is_kept_sealed_and_the_latest_word_holds(tmp_path):
    KeyFile.create(tmp_path / "site.key")
    with Vault.open(tmp_path / "vault.db", tmp_path / "site.key") as vault:
        vault.remember_study("1.2.3", {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Quisenberry^T"}]}})
        vault.remember_study("1.2.3 ", {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Vandersteen^J"}]}})
        assert vault.study_facts("1.2.3")["00100010"]["Value"] == [{"Alphabetic": "Vandersteen^J"}]
        assert vault.study_facts("1.2.4") is None
    content = b"".join(file.read_bytes() for file in tmp_path.glob("vault.db*"))
    assert b"Vandersteen" not in content
    assert b"Quisenberry" not in content


def test_subjects_are_listed_by_number_with_their_pseudonyms_of_every_epoch(path):
    """And a result of an earlier epoch still finds its patient."""
    with Vault.open(path, KEY) as vault:
        first = [vault.identify("lung", f"MRN-{number}", "", f"1.2.{number}") for number in (1, 2)]
    with Vault.open(path, KEY.begin_epoch("lung")) as vault:
        second = vault.identify("lung", "MRN-1", "", "1.2.1")
        assert second.subject == first[0].subject == "S-0001"
        assert second.pseudonym != first[0].pseudonym
        listed = {("S-0001", first[0].pseudonym), ("S-0001", second.pseudonym), ("S-0002", first[1].pseudonym)}
        assert set(vault.subjects("lung")) == listed
        assert (
            vault.patient_of("lung", first[0].pseudonym) == vault.patient_of("lung", second.pseudonym) == ("MRN-1", "")
        )
        assert vault.subjects("liver") == []


def test_the_command_lists_subjects_and_no_identity(tmp_path):
    key = KeyFile.create(tmp_path / "trusted" / "keys" / "site.key")
    with Vault.open(tmp_path / "trusted" / "vault.db", key) as vault:
        who = vault.identify("lung", "MRN-1", "", "1.2.3")
    done = CliRunner().invoke(commands.vault, ["subjects", "lung", "--home", str(tmp_path)])
    assert done.output == f"S-0001  {who.pseudonym}\n"
