"""The overlap of two masks."""

import numpy as np
import numpy.typing as npt


def dice(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    """Dice coefficient: twice the overlap over the sum of sizes; 1.0 when both are empty.

    Raises:
        ValueError: The masks differ in shape.
    """
    if found.shape != truth.shape:
        raise ValueError("the masks differ in shape")
    sizes = int(found.sum()) + int(truth.sum())
    return 1.0 if sizes == 0 else 2.0 * int((found & truth).sum()) / sizes
