"""No key, no start."""

import json
import stat

import pytest

from processors.deid.errors import (
    KeyFileExistsError,
    KeyFileInvalidError,
    KeyFileMissingError,
    KeyFileTooOpenError,
)
from processors.deid.keys import KeyFile


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
