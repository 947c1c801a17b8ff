"""Packages are ZIPs that anyone can read, the same bytes for the same instances, hashed as they lie on the disk."""

import hashlib
import zipfile
from pathlib import Path

from processors.delivery.package import PackageWriter

MEMBERS = {"instances/2.25.1.dcm": [b"one", memoryview(b" and more")], "manifest.json": [b"{}"], "empty": []}


def write(path: Path) -> tuple[str, int]:
    writer = PackageWriter(path)
    for name, chunks in MEMBERS.items():
        writer.add(name, chunks)
    return writer.finish()


def test_any_zip_reader_finds_every_member_stored_and_whole(tmp_path: Path) -> None:
    write(tmp_path / "package.zip")
    with zipfile.ZipFile(tmp_path / "package.zip") as package:
        assert package.testzip() is None
        assert {info.filename: package.read(info) for info in package.infolist()} == {
            name: b"".join(chunks) for name, chunks in MEMBERS.items()
        }
        assert {(info.compress_type, info.date_time) for info in package.infolist()} == {
            (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
        }


def test_digest_and_size_are_those_of_the_file_and_equal_members_give_equal_bytes(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.zip"), write(tmp_path / "b.zip")
    content = (tmp_path / "a.zip").read_bytes()
    assert first == second == (hashlib.sha256(content).hexdigest(), len(content))


def test_what_a_plain_zip_cannot_hold_does_not_fit(tmp_path: Path) -> None:
    writer = PackageWriter(tmp_path / "package.zip")
    assert writer.fits(256 << 20)
    assert not writer.fits(4 << 30)
    writer.discard()
    assert not (tmp_path / "package.zip").exists()
