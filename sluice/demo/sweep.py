"""Look for every identifying value of the phantom where none may be, and first prove that the looking works."""

import base64
import contextlib
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SKIPPED_FOLDERS = frozenset({"work", "lib"})
"""Programs, not data: what NiFi unpacks of its own archives."""

CANARY = "sluice-sweep-canary"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a value was found. The value itself is not repeated."""

    place: str
    file: Path


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep looked at and what it found."""

    files: int
    bytes: int
    values: int
    hits: tuple[Hit, ...]
    canaries_planted: int
    canaries_found: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found by a search that found all its canaries."""
        return not self.hits and self.canaries_planted == self.canaries_found > 0


def sweep(places: Sequence[Path], values: Iterable[str]) -> Sweep:
    """Search all files below `places` for `values` as UTF-8, Latin-1, UTF-16 and base64, also inside gzip.

    A canary that holds one of the values, in each encoding, is planted at the top of each place, must be found, and is
    removed again.
    """
    values = tuple(values)
    search = _Search({needle for value in values for needle in _spellings(value)})
    planted = {canary for place in places for canary in _plant(place, values[0])}
    hits: list[Hit] = []
    files = size = proven = 0
    try:
        for place, file, content in _walk(places):
            hit = search.hits(content)
            if file in planted:
                proven += hit
                continue
            files, size = files + 1, size + len(content)
            if hit:
                hits.append(Hit(place.name, file))
    finally:
        for canary in planted:
            canary.unlink(missing_ok=True)
    return Sweep(files, size, len(values), tuple(hits), len(planted), proven)


class _Search:
    """Many byte strings at once: two tables of byte pairs rule out nearly every place, the rest is compared.

    Searching for each string in turn would read every file several hundred times.
    """

    def __init__(self, needles: Iterable[bytes]) -> None:
        self.by_start: dict[bytes, list[bytes]] = {}
        for needle in needles:
            self.by_start.setdefault(needle[:4], []).append(needle)
        self.first, self.second = np.zeros(65536, np.bool_), np.zeros(65536, np.bool_)
        for start in self.by_start:
            self.first[int.from_bytes(start[:2], "big")] = True
            self.second[int.from_bytes(start[2:4], "big")] = True

    def hits(self, content: bytes) -> bool:
        """Whether any of the byte strings is in `content`."""
        if len(content) < 4:
            return False
        octets = np.frombuffer(content, np.uint8).astype(np.uint16)
        pairs = (octets[:-1] << 8) | octets[1:]
        for place in np.flatnonzero(self.first[pairs[:-2]] & self.second[pairs[2:]]).tolist():
            for needle in self.by_start.get(content[place : place + 4], ()):
                if content.startswith(needle, place) and not _inside_a_number(content, place, needle):
                    return True
        return False


def _inside_a_number(content: bytes, place: int, needle: bytes) -> bool:
    """Whether digits that were found are a piece of a longer number, as in a clock's or a random one."""
    around = content[max(place - 1, 0) : place] + content[place + len(needle) : place + len(needle) + 1]
    return needle.isdigit() and any(byte in b"0123456789" for byte in around)


def _spellings(value: str) -> Iterator[bytes]:
    """The byte strings that betray a value. UTF-16 is cut so that both byte orders contain it."""
    plain = value.encode()
    yield plain
    yield value.encode("latin-1", errors="ignore")
    yield value.encode("utf-16-le").rstrip(b"\0")
    for shift in range(3):
        # base64 of any text that contains the value: only the whole groups of three bytes are certain.
        encoded = base64.b64encode(b"\0" * shift + plain)
        certain = encoded[4 if shift else 0 : len(encoded) - (4 if (len(plain) + shift) % 3 else 0)]
        # Fewer characters would turn up in any random base64.
        if len(certain) >= 8:
            yield certain


def _plant(place: Path, value: str) -> Iterator[Path]:
    """Files that a working search must find."""
    contents = {
        "plain": value.encode(),
        "utf-16": value.encode("utf-16-be"),
        "base64": base64.b64encode(f"a{value}bc".encode()),
        "gzip.gz": gzip.compress(f"<{value}>".encode()),
    }
    for kind, content in contents.items():
        file = place / f"{CANARY}.{kind}"
        file.write_bytes(content)
        yield file


def _walk(places: Sequence[Path]) -> Iterator[tuple[Path, Path, bytes]]:
    """Every file below each place with its bytes, unpacked where it is gzip; what vanishes meanwhile is passed over."""
    for place in places:
        for file, content in _contents(place):
            yield place, file, content


def _contents(place: Path) -> Iterator[tuple[Path, bytes]]:
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for file in (Path(folder, name) for name in sorted(names)):
            with contextlib.suppress(OSError):
                if file.is_file():
                    yield file, _unpacked(file.read_bytes())


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    unpacker = zlib.decompressobj(wbits=31)
    found = b""
    with contextlib.suppress(zlib.error):
        # Provenance files are several gzip members in a row; the last may still be growing.
        while content:
            found += unpacker.decompress(content)
            content, unpacker = unpacker.unused_data, zlib.decompressobj(wbits=31)
    return found
