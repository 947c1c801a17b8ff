"""Classes of patients who are alike, and what makes somebody stand out."""

import pytest

from processors.inventory.anonymity import Rare, report
from processors.inventory.likeness import Likeness, band
from processors.inventory.page import page


def like(**values: str) -> Likeness:
    plain = {"sex": "F", "age_band": "060-069", "modality": "CT", "body_part": "CHEST"}
    return Likeness(**{**plain, "device": "Made Up", "study_month": "2020-03", "institution": "-", **values})


def test_a_class_is_patients_and_not_studies() -> None:
    found = report([("a", like()), ("a", like()), ("b", like())], k=2)

    assert (found.patients, found.classes, found.smallest, found.exposed) == (2, 1, 2, 0)
    assert found.hints == ()


def test_a_patient_is_no_safer_than_in_the_smallest_class() -> None:
    rows = [(name, like()) for name in "abcde"] + [("a", like(body_part="HAND"))]

    found = report(rows, k=5)

    assert (found.classes, found.smallest, found.exposed) == (2, 1, 1)
    assert found.share == pytest.approx(1 / 5)
    assert found.rare == (Rare("body_part", "HAND", 1),)
    assert found.sizes == ((1, 1), (5, 1))


def test_hints_name_what_to_leave_out_until_nobody_stands_out() -> None:
    rows = [(f"{month}", like(study_month=f"2020-{month:02d}")) for month in range(1, 7)]

    found = report(rows, k=5)

    assert [(hint.without, hint.smallest, hint.exposed) for hint in found.hints] == [(("study_month",), 6, 0)]


@pytest.mark.parametrize(
    ("age", "found"),
    [("064Y", "060-069"), ("090Y", "090-099"), ("017M", "000-009"), ("130M", "010-019"), ("", "-"), ("64", "-")],
)
def test_ages_are_bands(age: str, found: str) -> None:
    assert band(age) == found


def test_the_page_escapes_what_it_shows() -> None:
    written = page("lung", report([("a", like(device="<script>alert(1)</script>"))], k=5))

    assert "<script>" not in written
    assert "&lt;script&gt;" in written
