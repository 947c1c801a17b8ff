"""PS3.15 Table E.1-1 as shipped: whole, and no row weaker than in the edition before."""

import csv
from importlib import resources

from processors.deid.table_e1_1 import EDITION, removed_by_pattern, table


def lines():
    text = resources.files("processors.deid.data").joinpath("table-e.1-1.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_every_single_tag_of_the_edition_is_there():
    assert EDITION == "2026c"
    assert len(table()) == 652


def test_no_row_is_weaker_than_in_the_edition_before():
    changed = [
        line["tag"] for line in lines() if line["basic_2024e"] and line["basic_2026c"] not in ("", line["basic_2024e"])
    ]
    assert not changed


def test_the_rows_of_patterns_are_private_groups_curves_and_overlays():
    patterns = {line["tag"] for line in lines() if not line["basic_2026c"]}
    assert patterns == {"(50XX,XXXX)", "(60XX,3000)", "(60XX,4000)", "(GGGG,EEEE) WHERE GGGG IS ODD"}
    for tag in (0x00091001, 0x50000010, 0x601E3000, 0x60004000):
        assert removed_by_pattern(tag)
    assert not removed_by_pattern(0x7FE00010)
