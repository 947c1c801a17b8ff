"""What is hashed while a package comes in is what is found when it is read from its file."""

import pytest

from handoff.errors import PackageError
from handoff.shipments.package import verify_package
from handoff.shipments.stream import MemberStream, SeenMember
from tests.integration.handoff.packages import Package, make_zip


def stream(body: bytes, step: int) -> MemberStream:
    found = MemberStream(100)
    for at in range(0, len(body), step):
        found.feed(body[at : at + step])
    return found


@pytest.fixture(scope="module")
def package():
    return Package.of(3, size=3000)


@pytest.mark.parametrize("step", [1, 7, 131, 132, 200, 4096, 1 << 20])
def test_however_a_package_is_cut_each_member_has_its_digest(tmp_path, package, step):
    body = package.body()
    seen = stream(body, step).seen
    assert {found.digest for found in seen.values()} >= {instance.digest for instance in package.instances}
    file = tmp_path / "package.zip"
    file.write_bytes(body)
    assert verify_package(file, package.id, 100, seen) == package.manifest


def test_what_was_seen_is_not_read_again(tmp_path, package):
    body = bytearray(package.body())
    seen = stream(bytes(body), 1000).seen
    start = next(at for at, found in seen.items() if found.digest == package.instances[0].digest)
    body[start + 500] ^= 1
    file = tmp_path / "package.zip"
    file.write_bytes(body)
    verify_package(file, package.id, 100, seen)
    with pytest.raises(PackageError):
        verify_package(file, package.id, 100)


def test_a_header_that_was_seen_is_not_read_again_and_one_too_long_to_be_kept_is(tmp_path, package):
    body = bytearray(package.body())
    seen = stream(bytes(body), 1000).seen
    file = tmp_path / "package.zip"
    file.write_bytes(body)
    bare = {at: SeenMember(found.size, found.digest, found.crc) for at, found in seen.items()}
    assert verify_package(file, package.id, 100, bare) == package.manifest
    first = min(seen)
    assert body[first - len(seen[first].header) :][:4] == b"PK\x03\x04"
    body[first - len(seen[first].header)] ^= 1
    file.write_bytes(body)
    assert verify_package(file, package.id, 100, seen) == package.manifest
    with pytest.raises(PackageError):
        verify_package(file, package.id, 100, bare)


@pytest.mark.parametrize("known", [None, SeenMember(1, "0" * 64, 0), SeenMember(3334, None, 0)])
def test_what_was_not_seen_as_it_is_named_is_read(tmp_path, package, known):
    body = package.body()
    seen = stream(body, 1000).seen
    seen = {at: (known or SeenMember(found.size, None, 0)) for at, found in seen.items()}
    file = tmp_path / "package.zip"
    file.write_bytes(body)
    assert verify_package(file, package.id, 100, seen) == package.manifest


@pytest.mark.parametrize(
    "body", [b"", b"x" * 100, b"PK\x03\x04" * 20, bytes(5000)], ids=["empty", "text", "headers", "zeros"]
)
def test_what_is_no_package_is_nothing_that_was_seen(body):
    assert all(found.digest is None for found in stream(body, 13).seen.values())


def test_a_member_that_is_no_part_10_file_has_no_digest():
    body = make_zip({"a.dcm": b"no dicom" * 40_000, "b.dcm": b""})
    assert [found.digest for found in stream(body, 50_000).seen.values()] == [None, None]


def test_a_package_of_nothing_but_headers_fills_no_memory():
    body = make_zip({f"{number}.dcm": b"" for number in range(300)})
    assert len(stream(body, 4096).seen) == 100
