"""A copy of the vault, and its way back."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from processors.deid.keys import KeyFile
from processors.vault import Vault
from processors.vault.backup import back_up, restore
from processors.vault.commands import vault as command
from processors.vault.errors import (
    VaultInUseError,
    VaultKeyMismatchError,
    VaultThereError,
    VaultUnreadableError,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A trusted home whose vault knows one patient and one UID."""
    trusted = tmp_path / "home" / "trusted"
    (trusted / "keys").mkdir(parents=True)
    KeyFile.create(trusted / "keys" / "site.key")
    with opened(trusted) as vault:
        vault.identify("lung", "MRN-1", "HOSPITAL", "1.2.3")
        vault.record("lung", [("1.2.3.4", "2.25.2", "2.25.1")])
    return trusted


def opened(home: Path) -> Vault:
    return Vault.open(home / "vault.db", home / "keys" / "site.key")


def knows(home: Path) -> str | None:
    with opened(home) as vault:
        return vault.original_of("lung", "2.25.2")


def lose(home: Path) -> None:
    for file in home.glob("vault.db*"):
        file.unlink()


def test_a_backup_taken_beside_a_user_brings_everything_back_after_a_loss(home: Path, tmp_path: Path) -> None:
    target, key = tmp_path / "copies" / "vault.db", home / "keys" / "site.key"
    with opened(home) as user:
        user.record("lung", [("1.2.3.5", "2.25.3", "2.25.1")])  # still in the log, not in the file
        assert back_up(home / "vault.db", target, key).rows["uids"] == 2
    assert [file.name for file in target.parent.iterdir()] == ["vault.db"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    lose(home)
    assert restore(target, home / "vault.db", key).rows["uids"] == 2
    assert knows(home) == "1.2.3.4"
    with opened(home) as again:
        assert again.original_of("lung", "2.25.3") == "1.2.3.5"
        assert again.patient_of("lung", again.identify("lung", "MRN-1", "HOSPITAL", "1.2.3").pseudonym)  # type: ignore[union-attr]


def test_who_withdrew_after_the_backup_stays_withdrawn_when_it_is_restored(home: Path, tmp_path: Path) -> None:
    target, key, vault = tmp_path / "copy.db", home / "keys" / "site.key", home / "vault.db"
    back_up(vault, target, key)
    with opened(home) as user:
        user.withdraw("MRN-1", "HOSPITAL", "lung")
    restore(target, vault, key, replace=True)
    with opened(home) as again:
        assert again.is_withdrawn("MRN-1", "HOSPITAL", "lung")


def test_a_restore_over_a_vault_keeps_that_one_and_takes_nothing_of_its_log(home: Path, tmp_path: Path) -> None:
    target, key, vault = tmp_path / "copy.db", home / "keys" / "site.key", home / "vault.db"
    back_up(vault, target, key)
    with opened(home) as user:
        user.record("lung", [("9.9", "2.25.9")])
        with pytest.raises(VaultInUseError):
            restore(target, vault, key, replace=True)
        assert user.original_of("lung", "2.25.9") == "9.9"
    with pytest.raises(VaultThereError):
        restore(target, vault, key)
    done = restore(target, vault, key, replace=True)
    with opened(home) as again:
        assert again.original_of("lung", "2.25.9") is None
    assert done.set_aside is not None
    with Vault.open(done.set_aside, key) as old:
        assert old.original_of("lung", "2.25.9") == "9.9"


def test_a_damaged_vault_is_replaced_and_kept(home: Path, tmp_path: Path) -> None:
    target, key, vault = tmp_path / "copy.db", home / "keys" / "site.key", home / "vault.db"
    back_up(vault, target, key)
    vault.write_bytes(b"no database" * 500)
    (home / "vault.db-wal").write_bytes(b"the log of another life" * 100)
    done = restore(target, vault, key, replace=True)
    assert knows(home) == "1.2.3.4"
    assert done.set_aside is not None
    assert done.set_aside.read_bytes() == b"no database" * 500


def test_a_damaged_vault_or_copy_is_no_backup(home: Path, tmp_path: Path) -> None:
    key, vault = home / "keys" / "site.key", home / "vault.db"
    good = tmp_path / "good.db"
    back_up(vault, good, key)
    bad = tmp_path / "bad.db"
    content = bytearray(good.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xa5" * 64
    bad.write_bytes(content)
    for source, place in ((bad, tmp_path / "copy.db"), (tmp_path / "absent.db", tmp_path / "copy.db")):
        with pytest.raises(VaultUnreadableError):
            back_up(source, place, key)
    with pytest.raises(VaultUnreadableError):
        restore(bad, vault, key, replace=True)
    assert knows(home) == "1.2.3.4"
    assert {file.name for file in tmp_path.iterdir()} == {"home", "good.db", "bad.db"}


def test_a_backup_of_another_key_is_refused_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    key, vault, other = home / "keys" / "site.key", home / "vault.db", tmp_path / "other.key"
    back_up(vault, tmp_path / "copy.db", key)
    KeyFile.create(other)
    with pytest.raises(VaultKeyMismatchError):
        restore(tmp_path / "copy.db", vault, other, replace=True)
    with pytest.raises(VaultKeyMismatchError):
        back_up(vault, tmp_path / "second.db", other)
    assert knows(home) == "1.2.3.4"
    assert not (tmp_path / "second.db").exists()


def test_a_backup_never_replaces_another(home: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_bytes(b"yesterday's")
    with pytest.raises(VaultThereError):
        back_up(home / "vault.db", tmp_path / "copy.db", home / "keys" / "site.key")
    assert (tmp_path / "copy.db").read_bytes() == b"yesterday's"


def test_the_commands_take_the_vault_and_key_of_the_home(home: Path, tmp_path: Path) -> None:
    run = CliRunner()
    where = ["--home", str(home.parent)]
    assert run.invoke(command, ["backup", str(tmp_path / "copy.db"), *where], catch_exceptions=False).exit_code == 0
    lose(home)
    done = run.invoke(command, ["restore", str(tmp_path / "copy.db"), *where], catch_exceptions=False)
    assert '"event": "restored"' in done.output
    assert knows(home) == "1.2.3.4"


def test_no_value_of_a_patient_is_in_a_copy(home: Path, tmp_path: Path) -> None:
    with opened(home) as vault:
        vault.identify("lung", "CANARY-MRN", "CANARY-ISSUER", "1.2.3.777777")
    back_up(home / "vault.db", tmp_path / "copy.db", home / "keys" / "site.key")
    content = (tmp_path / "copy.db").read_bytes()
    assert b"CANARY" not in content
    assert b"777777" not in content
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
