"""The search for identifying values proves itself before it is believed."""

import base64
import gzip
from pathlib import Path

import pytest

from sluice.demo.sweep import CANARY, sweep

NAME = "Quisenberry"

SPELLINGS = {
    "plain": b"log line for Quisenberry at 10",
    "little": "x Quisenberry".encode("utf-16-le"),
    "big": "x Quisenberry".encode("utf-16-be"),
    "base64": base64.b64encode(b"ab Quisenberry^Thaddeus"),
    "gzip members": gzip.compress(b"first") + gzip.compress(b"... Quisenberry ..."),
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_name_is_found_however_it_is_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(content)
    found = sweep([tmp_path], [NAME])
    assert [hit.file.name for hit in found.hits] == ["file"]
    assert not found.clean


def test_a_clean_place_is_clean_and_every_canary_was_found_and_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"nobody here")
    found = sweep([tmp_path], [NAME])
    assert found.clean
    assert found.canaries_found == found.canaries_planted == 4
    assert not list(tmp_path.glob(f"{CANARY}*"))


def test_a_date_is_no_part_of_a_longer_number(tmp_path: Path) -> None:
    (tmp_path / "clock").write_bytes(b"at 1194803170001 ms")
    assert sweep([tmp_path], ["19480317"]).clean
    (tmp_path / "date").write_bytes(b"born 19480317.")
    assert not sweep([tmp_path], ["19480317"]).clean


def test_a_search_that_missed_a_canary_is_not_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.demo.sweep._unpacked", lambda content: content)
    found = sweep([tmp_path], [NAME])
    assert not found.hits
    assert not found.clean
