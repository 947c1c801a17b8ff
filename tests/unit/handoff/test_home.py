"""The secrets of a home: made once, private, and strong enough, or the service does not start."""

import json

import pytest

from handoff.errors import StartError
from handoff.home import write_secret
from handoff.service import Service
from handoff.settings import Settings


def open_and_close(home) -> None:
    service = Service.open(Settings.load(home))
    service.database.close()


def test_of_two_first_starts_the_first_secret_is_that_of_both(tmp_path):
    write_secret(tmp_path / "key", b"first")
    write_secret(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("content", [b"", b"\n", b"short", "Ä".encode() * 40])
def test_a_token_file_without_a_strong_token_is_no_open_door(tmp_path, content):
    open_and_close(tmp_path)
    (tmp_path / "research/token").write_bytes(content)
    with pytest.raises(StartError, match="token") as error:
        open_and_close(tmp_path)
    assert error.value.remedy


def test_a_token_that_others_may_read_is_refused(tmp_path):
    open_and_close(tmp_path)
    (tmp_path / "research/api-token").chmod(0o644)
    with pytest.raises(StartError, match="may be read by others"):
        open_and_close(tmp_path)


def test_one_token_for_both_scopes_is_refused(tmp_path):
    open_and_close(tmp_path)
    (tmp_path / "research/api-token").write_bytes((tmp_path / "research/token").read_bytes())
    with pytest.raises(StartError, match="intake token"):
        open_and_close(tmp_path)


def test_a_lost_receipt_key_is_not_replaced_in_silence_once_it_signed(tmp_path):
    open_and_close(tmp_path)
    key = tmp_path / "research/keys/receipt.key"
    key.unlink()
    open_and_close(tmp_path)  # nothing was signed yet
    service = Service.open(Settings.load(tmp_path))
    evidence = {"evidence_id": "a" * 32, "project": "lungs", "study_instance_uid": "1.2", "ending": "lost", "total": 0}
    service.evidence.admit("a" * 32, json.dumps(evidence).encode(), "b" * 64)
    service.database.close()
    key.unlink()
    with pytest.raises(StartError, match="is gone") as error:
        open_and_close(tmp_path)
    assert "backup" in error.value.remedy
