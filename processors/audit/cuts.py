"""What writers set aside: is it what a crash leaves, or was something signed altered so that it looks like that?

An append is one run of bytes: records, each chained to the one before, and a head. A crash leaves a beginning of it;
the last line is torn, and no head is whole. Anything else in a `.cut` file was in the chain once, and somebody
changed it there.
"""

from pathlib import Path
from typing import Final, NamedTuple

from processors.audit.lines import HEAD, digest_of, record_of
from processors.audit.signer import Trusted

_OF_HEADS_ALONE: Final = frozenset(("key", "public", "signature"))


class Place(NamedTuple):
    """Where in a chain something was cut off: the day of the file, and bytes from its beginning."""

    day: str
    size: int


def place_of(file: Path) -> Place:
    """Where a `.cut` file was; its name says so: `<day>.<size>.cut`, or with a number before the end."""
    day, size, *_ = file.name.split(".")
    return Place(day, int(size) if size.isdigit() else 0)


def cuts_of(folder: Path) -> list[Path]:
    """The `.cut` files of one chain, in the order of their places."""
    return sorted(folder.glob("????-??-??.*.cut"), key=lambda file: (place_of(file), file.name))


def is_torn(cut: bytes, n: int, digest: str, trusted: Trusted) -> bool:
    """Whether this is the beginning of an append that a crash ended.

    Args:
        cut: what was set aside; blocks that were never written are zeros.
        n: the number of the last record before it.
        digest: of that record.
        trusted: by whose keys a head is believed that lacks its line's end alone.
    """
    *whole, torn = cut.rstrip(b"\0").split(b"\n")
    for line in whole:
        record = record_of(line)
        if record is None or record["n"] != n + 1 or record.get("prev") != digest or _speaks_as_head(record):
            return False
        n, digest = n + 1, digest_of(line)
    last = record_of(torn)
    return last is None or not _speaks_as_head(last) or trusted.vouch(last)


def _speaks_as_head(record: dict[str, object]) -> bool:
    return record.get("kind") == HEAD or not _OF_HEADS_ALONE.isdisjoint(record)
