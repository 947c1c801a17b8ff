"""PS3.15 Table E.1-1, the Application Level Confidentiality Profile Attributes, as data."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

EDITION = "2026c"
"""Edition of the basic profile's column; the options' columns are of 2024e and silent on newer rows."""

_OPTIONS = ("retain_", "clean_")


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute of the table: its action in the basic profile, and K or C by the column of each option."""

    tag: int
    name: str
    code: str
    options: Mapping[str, str]

    @property
    def modified_dates(self) -> bool:
        """Whether the option of modified dates cleans it (PS3.15 E.3.6)."""
        return self.options.get("retain_modified_dates") == "C"


@lru_cache(maxsize=1)
def table() -> dict[int, Row]:
    """Every row that names one tag, by tag; the rows of patterns are in `removed_by_pattern`."""
    text = resources.files("processors.deid.data").joinpath("table-e.1-1.csv").read_text("utf-8")
    rows = {}
    for line in csv.DictReader(text.splitlines()):
        code = line["basic_2026c"]
        if not code:
            continue
        tag = int(line["tag"][1:5] + line["tag"][6:10], 16)
        chosen = {column: line[column] for column in line if column.startswith(_OPTIONS) and line[column]}
        rows[tag] = Row(tag, line["name"], code, MappingProxyType(chosen))
    return rows


def removed_by_pattern(tag: int) -> bool:
    """Whether a row of patterns removes this tag: private groups, curves (50xx), overlays (60xx).

    The table removes overlay data and comments only; the rest of a 60xx group says nothing without them.
    """
    group = tag >> 16
    return bool(group & 1) or (group & 0xFF00) in (0x5000, 0x6000)
