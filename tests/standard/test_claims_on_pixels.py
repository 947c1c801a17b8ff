"""What is said of pixels is said by whoever looked at them (PS3.15 E.3.1, E.3.2)."""

import pytest

from processors.deid.burned_in import PixelCleaner, Untouched
from tests.standard.corpus import cleaned, ct, encoded, mr
from tests.standard.kinds import KINDS

HEADS = {"CT": ct, "MR": mr}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_nothing_is_claimed_of_a_head_that_was_not_defaced(head):
    """A face can be drawn from the slices of a head, whatever the sender says."""
    made = head()
    made.BodyPartExamined, made.RecognizableVisualFeatures, made.BurnedInAnnotation = "HEAD", "NO", "NO"
    after = cleaned(made)
    assert "RecognizableVisualFeatures" not in after
    assert "BurnedInAnnotation" not in after
    codes = {item.CodeValue for item in after.DeidentificationMethodCodeSequence}
    assert codes.isdisjoint({"113101", "113102"})


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_cleaner_of_pixels_claims_nothing_of_a_head_either(head):
    assert PixelCleaner(None).clean(encoded(head())) == Untouched()


def test_where_the_iod_requires_the_word_of_the_scanner_it_stays():
    """Enhanced CT: Type 1C, and NO is the one legal value; it is the scanner's word, and no step of ours."""
    made = KINDS["enhanced ct"](None)
    made.BurnedInAnnotation, made.RecognizableVisualFeatures = "NO", "NO"
    after = cleaned(made)
    assert after.BurnedInAnnotation == "NO"
    assert "RecognizableVisualFeatures" not in after
    assert "113101" not in {item.CodeValue for item in after.DeidentificationMethodCodeSequence}
