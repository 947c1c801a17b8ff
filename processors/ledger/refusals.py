"""Refusals of one association: those that are alike are counted, so that a sender without end has few of them.

Alike are those of one status and reason in one quarter of an hour, which every site's day is made of.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from processors.landing.journal import RefusedObject

TOGETHER_SECONDS: Final = 900.0


@dataclass(slots=True)
class AlikeRefusals:
    """So many objects that were refused for the same reason."""

    status: int
    reason: str
    first_at: float
    """Unix seconds."""
    last_at: float
    count: int = 1


class Refusals:
    """Refused objects, counted. One thread."""

    def __init__(self, refused: Iterable[RefusedObject] = ()) -> None:
        """Begin with these."""
        self._alike: dict[tuple[int, str, float], AlikeRefusals] = {}
        self._total = 0
        for one in refused:
            self.add(one)

    def add(self, one: RefusedObject) -> None:
        """Count one more."""
        self._total += 1
        key = one.status, one.reason, one.at // TOGETHER_SECONDS
        there = self._alike.get(key)
        if there is None:
            self._alike[key] = AlikeRefusals(one.status, one.reason, one.at, one.at)
        else:
            there.count += 1
            there.first_at, there.last_at = min(there.first_at, one.at), max(there.last_at, one.at)

    def __len__(self) -> int:
        """How many objects were refused."""
        return self._total

    @property
    def rows(self) -> int:
        """How many the ledger will have of them."""
        return len(self._alike)

    def by_cause(self) -> Counter[tuple[int, str]]:
        """How many, by status and reason."""
        counted: Counter[tuple[int, str]] = Counter()
        for one in self._alike.values():
            counted[one.status, one.reason] += one.count
        return counted

    def __iter__(self) -> Iterator[AlikeRefusals]:
        """Those that are alike together, in the order in which the first of each came."""
        return iter(self._alike.values())


def add(connection: sqlite3.Connection, association_id: str, refusals: Refusals) -> None:
    """Add an association's, inside a transaction."""
    connection.executemany(
        "INSERT INTO refusals (association_id, at, last_at, status, reason, count) VALUES (?, ?, ?, ?, ?, ?)",
        [(association_id, one.first_at, one.last_at, one.status, one.reason, one.count) for one in refusals],
    )
