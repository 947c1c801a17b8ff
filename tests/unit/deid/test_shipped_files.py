"""Every file inside pydicom's wheel is treated or withheld with a code."""

from collections import Counter
from pathlib import Path

import pydicom
import pytest

from processors.deid import Engine, Treated, codes, terms
from processors.deid.data import generate_coded_words, generate_iod_types
from processors.deid.iod_types import sop_classes
from processors.deid.profile import Profile
from processors.deid.reasons import Reason
from tests.standard.corpus import engine, read

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def by() -> Engine:
    return engine()


def test_every_file_is_treated_or_withheld_with_a_code(by):
    outcomes = Counter()
    for file in FILES:
        result = by.treat(file.read_bytes())
        outcomes["treated" if isinstance(result, Treated) else result.reason] += 1
    assert outcomes.total() == len(FILES) > 150
    assert set(outcomes) <= {*Reason, "treated"} - {Reason.ENGINE_ERROR, Reason.VERIFY_HIT}
    assert outcomes["treated"] > 20


def test_what_is_treated_holds_neither_name_nor_id(by):
    for file in FILES:
        content = file.read_bytes()
        if isinstance(result := by.treat(content), Treated):
            before, after = read(content), read(b"".join(result.chunks))
            assert str(after.PatientName) in ("", after.PatientID)
            assert after.PatientID == result.patient_id != before.PatientID
            assert after.get("PixelData") == before.get("PixelData")


def test_the_generated_types_are_those_of_the_standards_tables():
    """Drift of the committed table against its source is an error."""
    generated = generate_iod_types.rendered(generate_iod_types.generate(generate_iod_types.standard_folder()))
    assert generate_iod_types.TARGET.read_text("utf-8") == generated


def test_the_generated_words_are_those_of_the_standards_tables():
    """Where each word comes from can be shown: it is derived again."""
    words = generate_coded_words.generate(generate_iod_types.standard_folder().parent)
    assert generate_coded_words.TARGET.read_text("ascii") == generate_coded_words.rendered(words)


def test_no_word_is_written_by_hand_that_is_derived():
    derived = set(generate_coded_words.TARGET.read_text("ascii").split()) | codes.vocabulary()
    assert derived.isdisjoint(terms.written("coded-words-of-devices.txt"))


def test_the_default_profile_passes_only_classes_whose_types_are_known():
    assert Profile.load().classes < sop_classes()
