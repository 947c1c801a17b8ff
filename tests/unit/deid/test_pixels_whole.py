"""Whether pixels are as many as the header says is asked of the numbers themselves."""

import numpy as np
import pytest

from tests.standard.corpus import ct, treated


@pytest.mark.parametrize("side", [32, 288, 16])
def test_an_image_passes_whose_rows_and_columns_have_a_byte_that_looks_like_a_blank(side):
    """288 is 0x0120: its low byte is that of a blank."""
    made = ct()
    made.Rows = made.Columns = side
    made.PixelData = np.zeros((side, side), "<i2").tobytes()
    assert treated(made).modality == "CT"
