"""No key, no start."""

import contextlib
import json
import os
import select
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from processors.deid import wrapping
from processors.deid.commands import keys
from processors.deid.errors import (
    KeyFileExistsError,
    KeyFileInvalidError,
    KeyFileMissingError,
    KeyFileTooOpenError,
    KeyInUseError,
    KeyProviderError,
)
from processors.deid.keys import KeyFile
from processors.landing.layout import Layout


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "site.key"


def test_a_new_key_is_its_owners_alone_and_comes_back(path):
    key = KeyFile.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyFile.load(path) == key
    assert set(json.loads(path.read_text())) == {"id", "epoch", "secret"}


def test_a_key_is_never_overwritten(path):
    key = KeyFile.create(path)
    with pytest.raises(KeyFileExistsError):
        KeyFile.create(path)
    assert KeyFile.load(path) == key


def test_no_key_no_start(path):
    with pytest.raises(KeyFileMissingError) as caught:
        KeyFile.load(path)
    assert "sluice keys new" in caught.value.remedy


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o660])
def test_a_key_that_others_can_read_is_refused(path, mode):
    KeyFile.create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileTooOpenError):
        KeyFile.load(path)


BROKEN = '{"id": "a", "epoch": 1, "secret": "%s"}'


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", BROKEN % "zz", BROKEN % "00"])
def test_what_holds_no_key_is_refused_without_quoting_it(path, text):
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileInvalidError) as caught:
        KeyFile.load(path)
    assert not text or text not in str(caught.value)


def test_projects_and_purposes_have_keys_of_their_own():
    key = KeyFile("a", 1, b"s" * 32)
    here, there = key.project("here"), key.project("there")
    assert len({here.uid, here.patient, here.date, here.accession, there.uid, there.patient}) == 6
    assert KeyFile("a", 2, b"s" * 32).project("here").uid != here.uid


def test_a_key_shows_no_secret_when_printed():
    key = KeyFile("a", 1, b"s" * 32)
    assert "ssss" not in repr(key)
    assert repr(key.project("p").uid) not in repr(key.project("p"))


def test_an_epoch_of_one_project_changes_its_keys_and_nobody_elses(path):
    """The vault's keys and every other project's stay: only this project is replayed."""
    old = KeyFile.create(path)
    new = old.begin_epoch("lung")
    new.save(path)
    new = KeyFile.load(path)
    assert (new.id, new.secret) == (old.id, old.secret)
    assert (old.project("lung").epoch, new.project("lung").epoch) == (f"{old.id}/1", f"{old.id}/2")
    assert {getattr(old.project("lung"), name) for name in PURPOSES}.isdisjoint(
        getattr(new.project("lung"), name) for name in PURPOSES
    )
    assert new.project("liver") == old.project("liver")
    assert new.derive("vault/columns") == old.derive("vault/columns")
    assert new.begin_epoch("lung").project("lung").epoch == f"{old.id}/3"


def test_a_pinned_epoch_has_the_keys_that_it_had(path):
    old = KeyFile.create(path)
    new = old.begin_epoch("lung")
    assert new.project("lung", f"{old.id}/1") == old.project("lung")
    assert new.project("lung", "") == new.project("lung", "ffffffff/1") == new.project("lung")


PURPOSES = ("uid", "patient", "date", "accession")


def test_every_project_and_purpose_has_a_key_of_its_own(path):
    key = KeyFile.create(path)
    made = [getattr(key.project(project), name) for project in ("lung", "liver") for name in PURPOSES]
    assert len(set(made)) == len(made)
    assert all(len(each) == 32 for each in made)


def printing(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    return ("/bin/cat", str(file))


def test_rotating_the_wrapping_key_changes_no_pseudonym(path, tmp_path):
    """Before, between and after: the same keys; and the secret is in the file no more."""
    key = KeyFile.create(path)
    for name in ("first", "second"):
        KeyFile.load(path).wrapped_by(printing(tmp_path, name, f"{name.encode().hex():0<64}\n")).save(path)
        assert key.secret.hex() not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert KeyFile.load(path).project("lung") == key.project("lung")
    (tmp_path / "first").unlink()
    KeyFile.load(path).wrapped_by(()).save(path)
    assert KeyFile.load(path) == key


@pytest.mark.parametrize("text", ["", "00" * 31, "zz" * 32, "00" * 32, "00" * 33])
def test_a_provider_without_the_key_is_no_start_and_quotes_nothing(path, tmp_path, text):
    KeyFile.create(path).wrapped_by(printing(tmp_path, "wrap", "11" * 32)).save(path)
    (tmp_path / "wrap").write_text(text)
    with pytest.raises(KeyProviderError) as caught:
        KeyFile.load(path)
    assert "unwrap" in caught.value.remedy
    assert not text or text not in str(caught.value)


def test_a_wrapped_secret_belongs_to_its_key_file(path, tmp_path):
    KeyFile.create(path).wrapped_by(printing(tmp_path, "wrap", "11" * 32)).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "id": "deadbeef"}))
    with pytest.raises(KeyProviderError):
        KeyFile.load(path)


def test_a_provider_that_is_not_there_is_no_start(path, tmp_path):
    KeyFile.create(path).wrapped_by(printing(tmp_path, "wrap", "11" * 32)).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "unwrap": [str(tmp_path / "none")]}))
    with pytest.raises(KeyProviderError):
        KeyFile.load(path)


@pytest.mark.parametrize("projects", ["[]", '{"lung": 0}', '{"lung": "two"}', "3"])
def test_epochs_that_are_none_make_no_key(path, projects):
    path.parent.mkdir()
    path.write_text(f'{{"id": "a", "epoch": 1, "secret": "{"00" * 32}", "projects": {projects}}}')
    path.chmod(0o600)
    with pytest.raises(KeyFileInvalidError):
        KeyFile.load(path)


def test_the_commands_seal_a_key_and_begin_a_project_anew(tmp_path):
    file = tmp_path / "trusted" / "keys" / "site.key"
    key = KeyFile.create(file)
    run = CliRunner().invoke
    command = printing(tmp_path, "wrap", "11" * 32)
    assert run(keys, ["wrap", str(file), "--", *command]).exit_code == 0
    assert key.secret.hex() not in file.read_text()
    done = run(keys, ["epoch", "lung", "--home", str(tmp_path), "--yes"])
    assert json.loads(done.output) == {"project": "lung", "key_epoch": f"{key.id}/2"}
    assert run(keys, ["wrap", str(file)]).exit_code == 0
    assert json.loads(file.read_text()) == {
        "id": key.id,
        "epoch": 1,
        "secret": key.secret.hex(),
        "projects": {"lung": 2},
    }


def test_no_epoch_begins_while_somebody_announces(tmp_path):
    """Whoever runs would go on with the keys that it read; the lock is that of another process."""
    KeyFile.create(tmp_path / "trusted" / "keys" / "site.key")
    layout = Layout(tmp_path / "trusted" / "landing")
    layout.prepare()
    code = (
        "import sys; from pathlib import Path; from processors.landing.lock import hold\n"
        f"with hold(Path({str(layout.announcer_lock)!r}), 'announcer'): print('here', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"here\n"
        refused = CliRunner().invoke(keys, ["epoch", "lung", "--home", str(tmp_path), "--yes"])
        other.stdin.close()
    assert isinstance(refused.exception, KeyInUseError)
    assert CliRunner().invoke(keys, ["epoch", "lung", "--home", str(tmp_path), "--yes"]).exit_code == 0


def test_a_provider_that_takes_too_long_ends_with_all_that_it_started(path, tmp_path, monkeypatch):
    """Else each start of a worker would leave one more process of the site's client."""
    KeyFile.create(path).wrapped_by(printing(tmp_path, "wrap", "11" * 32)).save(path)
    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 3>{held}; echo here >&3; sleep 600 & sleep 600"
    path.write_text(json.dumps({**json.loads(path.read_text()), "unwrap": ["/bin/sh", "-c", script]}))
    begun = b""
    for seconds in (0.5, 2.0, 8.0, 32.0):  # for a machine on which even a shell takes long to begin
        monkeypatch.setattr(wrapping, "TIMEOUT_SECONDS", seconds)
        with pytest.raises(KeyProviderError):
            KeyFile.load(path)
        with contextlib.suppress(BlockingIOError):
            begun = os.read(reader, 5)
        if begun:
            break
    assert begun == b"here\n"
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    assert poll.poll(60_000)
    assert os.read(reader, 5) == b"", "a process that it started still holds the pipe"
    os.close(reader)
