"""Mutated files of every kind and transfer syntax, and what must hold of each: no planted value goes out.

The same seed gives the same files. What is planted is text that no rule keeps, in every listed attribute and below
sequences, and all that names a person; whatever a mutation makes of the file around it, that text is not to be in
the output, nor may the engine fail, hang, or need more memory than the file is worth.
"""

import io
import random
import re
import signal
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydicom.data import get_testdata_file
from pydicom.uid import RLELossless

from processors.deid import Engine, Profile, Treated
from processors.deid.burned_in import PixelCleaner
from processors.deid.reasons import Reason
from tests.standard.corpus import (
    KEY,
    SYNTAXES,
    canaries,
    ct,
    dataset,
    encoded,
    mr,
    nested,
    pet,
    plant,
    read,
    rtstruct,
    seg,
)
from tests.standard.kinds import PEOPLE, objects

PLANTED = [each for each in canaries() if each.trace.startswith(b"CANARY")]
HANG_SECONDS = 20
"""CPU that one file may take; it takes milliseconds."""

_DEFLATED = SYNTAXES["deflated"].encode()
_LENGTHS = (0, 1, 7, 8, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF7, 0xFFFFFFFE, 0xFFFFFFFF)
_VRS = b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
_DELIMITERS = (
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
    b"\xfe\xff\x0d\xe0\x00\x00\x00\x00",
    b"\xfe\xff\xdd\xe0\x00\x00\x00\x00",
)
_NAMES = [value for person in PEOPLE for value in person.values() if len(value) > 7 and not value.isdigit()]
_TRACES = re.compile(
    b"|".join(
        {b"CANARY[0-9]"}
        | {re.escape(name.encode().upper()) for name in _NAMES}
        | {re.escape(name.upper().encode()) for name in _NAMES}
    )
)
_PRINTED = re.compile(rb"[0-9A-Za-z .^-]{6,}")


class Nothing:
    """A detector that finds no text: whatever can show text is taken apart and put together again."""

    name = "nothing"

    def find(self, picture) -> list:
        return []


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The default profile, and pixels cleaned where they can show text."""
    return Engine(Profile.load(), KEY.project("test"), PixelCleaner(Nothing()))


@lru_cache(maxsize=1)
def sources() -> list[bytes]:
    """Files to mutate, each with much planted in it."""
    whole = (ct(), mr(), pet(), seg([ct(1), ct(2)]), rtstruct([ct(1)]))
    files = [encoded(plant(made, PLANTED), syntax) for made in whole for syntax in SYNTAXES]
    deep = (nested(ct(), plant(dataset(), PLANTED), depth) for depth in (1, 3, 40))
    files += [encoded(made, syntax) for made, syntax in zip(deep, ("explicit", "implicit", "deflated"), strict=True)]
    for person in PEOPLE:
        files += [encoded(made, syntax) for made in objects(person).values() for syntax in ("explicit", "deflated")]
    return files + _compressed()


def _compressed() -> list[bytes]:
    """Run lengths, JPEG-LS and JPEG 2000, with names around the images."""
    runs = plant(ct(), PLANTED)
    runs.compress(RLELossless)
    files = [encoded_as_is(runs)]
    for name in ("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"):
        made = read(Path(get_testdata_file(name)).read_bytes())
        made.PatientName, made.PatientComments = "CANARY0^Planted", "CANARY1 is well"
        made.ImageType = ["ORIGINAL", "PRIMARY"]  # as measured, so that it passes and what is in it is looked at
        files.append(encoded_as_is(made))
    return files


def encoded_as_is(made) -> bytes:
    """The file in the transfer syntax that the dataset has."""
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def mutated(chance: random.Random) -> bytes:
    """One file: a source with one change, or up to four; of a deflated one mostly of what was deflated."""
    file = chance.choice(sources())
    start = 144 + struct.unpack_from("<I", file, 140)[0]
    deflated = _DEFLATED in file[132:start] and chance.random() < 0.8
    head, body = file[:start], zlib.decompress(file[start:], -zlib.MAX_WBITS) if deflated else file[start:]
    content = bytearray(body if deflated or chance.random() < 0.8 else head + body)
    whole = len(content) != len(body)
    for _ in range(1 if chance.random() < 0.6 else chance.randrange(2, 5)):
        chance.choice(CHANGES)(content, chance)
    if whole and not deflated:
        return bytes(content)
    return head + (_deflate(bytes(content)) if deflated else bytes(content))


def _deflate(content: bytes) -> bytes:
    deflater = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


def _at(content: bytearray, chance: random.Random) -> int:
    """Any place, mostly in the first two thousand bytes, where headers are."""
    limit = len(content) if chance.random() < 0.5 else min(len(content), 2000)
    return chance.randrange(limit) if limit else 0


def _overwrite(content: bytearray, chance: random.Random) -> None:
    at, size = _at(content, chance), chance.randrange(1, 9)
    content[at : at + size] = chance.randbytes(size)[: len(content) - at]


def _flip(content: bytearray, chance: random.Random) -> None:
    if content:
        content[_at(content, chance)] ^= 1 << chance.randrange(8)


def _length(content: bytearray, chance: random.Random) -> None:
    at, value = _at(content, chance) & ~1, chance.choice(_LENGTHS)
    piece = struct.pack("<I", value) if chance.random() < 0.5 else struct.pack("<H", value & 0xFFFF)
    content[at : at + len(piece)] = piece


def _value(content: bytearray, chance: random.Random) -> None:
    """A character of a text, so that lengths stay and more files pass."""
    if found := _PRINTED.search(content, _at(content, chance)):
        at = chance.randrange(*found.span())
        content[at] = chance.choice(b"\\^0 A-.\0\x1b\xe9")


def _vr(content: bytearray, chance: random.Random) -> None:
    at = content.find(chance.choice(_VRS), _at(content, chance))
    if at >= 0:
        content[at : at + 2] = chance.choice(_VRS)


def _cut(content: bytearray, chance: random.Random) -> None:
    at = _at(content, chance)
    del content[at : at + chance.randrange(1, 65)]


def _double(content: bytearray, chance: random.Random) -> None:
    at, size = _at(content, chance), chance.randrange(1, 300)
    content[at:at] = content[at : at + size]


def _end(content: bytearray, chance: random.Random) -> None:
    del content[_at(content, chance) :]


def _append(content: bytearray, chance: random.Random) -> None:
    content += chance.choice((b"CANARY9 behind", b"\0", chance.randbytes(20), bytes(chance.randrange(1, 200))))


def _delimit(content: bytearray, chance: random.Random) -> None:
    at = _at(content, chance) & ~1
    content[at:at] = chance.choice(_DELIMITERS)


def _splice(content: bytearray, chance: random.Random) -> None:
    other = chance.choice(sources())
    at, there = _at(content, chance), chance.randrange(len(other))
    content[at:] = other[there : there + 6000]


def _nest(content: bytearray, chance: random.Random) -> None:
    """Sequences in sequences, up to twice as deep as is read; their ends are missing or not."""
    depth = chance.randrange(1, 130)
    begin = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF) + _DELIMITERS[0]
    at = _at(content, chance) & ~1
    content[at:at] = begin * depth + (_DELIMITERS[1] + _DELIMITERS[2]) * (depth - chance.randrange(2))


def _many(content: bytearray, chance: random.Random) -> None:
    """A thousand empty items."""
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * chance.randrange(1, 1000)
    at = _at(content, chance) & ~1
    content[at:at] = struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, len(items)) + items


CHANGES = (
    _overwrite, _overwrite, _flip, _flip, _flip, _value, _value, _value, _length, _length, _vr, _cut, _double, _end,
    _append, _delimit, _splice, _nest, _many,
)  # fmt: skip


class HangError(BaseException):
    """A file took longer than any may; no handler of the engine catches it."""


@contextmanager
def bounded_cpu() -> Iterator[None]:
    """Raise `HangError` where what runs inside takes more than `HANG_SECONDS` of CPU."""

    def stop(*_) -> None:
        raise HangError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@dataclass
class Tally:
    """What became of many files. `leaks` and `failures` name the number of the file, which with the seed gives it."""

    passed: int = 0
    withheld: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.passed + other.passed,
            self.withheld + other.withheld,
            self.leaks + other.leaks,
            self.failures + other.failures,
            max(self.slowest_ms, other.slowest_ms),
        )


def leaked(output: bytes) -> list[str]:
    """Which planted values are in a file, whatever their case; deflated files go out inflated."""
    return sorted({found.decode("latin-1") for found in _TRACES.findall(output.upper())})


def share(seed: int, first: int, count: int) -> Tally:
    """Treat the mutated files of the numbers from `first` on; file `n` of a seed is always the same."""
    by, tally = engine(), Tally()
    for number in range(first, first + count):
        file = mutated(random.Random(seed * 1_000_003 + number))
        began = time.process_time()
        try:
            with bounded_cpu():
                result = by.treat(file)
        except HangError:
            tally.failures.append(f"{number} hangs")
            continue
        tally.slowest_ms = max(tally.slowest_ms, 1e3 * (time.process_time() - began))
        if isinstance(result, Treated):
            tally.passed += 1
            if found := leaked(b"".join(result.chunks)):
                tally.leaks.append(f"{number}: {found[0]}")
        else:
            tally.withheld[result.reason] += 1
            if result.reason == Reason.ENGINE_ERROR.value:
                tally.failures.append(f"{number} raises")
    return tally
