"""Where the body lies in a volume: coordinates that mean anatomy, whoever lies wherever in the field of view."""

import numpy as np
import numpy.typing as npt

from ml.preprocessing.slices import HUArray


def body_coordinates(hounsfield: HUArray, body_hu: int) -> npt.NDArray[np.float32]:
    """For each voxel its place relative to the body: 0 in the middle, about -1 and 1 at its faces.

    Only across and along the patient's back-to-front axis: a scan's extent towards the head is the operator's choice,
    so a height relative to it means no anatomy.

    Args:
        hounsfield: A volume in canonical order.
        body_hu: Voxels above it are body.

    Returns:
        Shape `(2, *hounsfield.shape)`: towards the back, towards the patient's left; all 0 where there is no body.
    """
    body = hounsfield > body_hu
    planes = []
    for axis in (1, 2):
        others = tuple(other for other in range(3) if other != axis)
        counts = body.sum(axis=others).astype(np.float64)
        planes.append(_along(counts, axis, hounsfield.shape))
    return np.stack(planes)


def _along(counts: npt.NDArray[np.float64], axis: int, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Positions along one axis, in halves of the extent that holds 96 % of the body about its middle."""
    if counts.sum() == 0:
        return np.zeros(shape, dtype=np.float32)
    cumulated = np.cumsum(counts) / counts.sum()
    low, high = (float(np.searchsorted(cumulated, part)) for part in (0.02, 0.98))
    positions = (np.arange(len(counts)) - (low + high) / 2) / max((high - low) / 2, 1.0)
    view = [1, 1, 1]
    view[axis] = len(counts)
    along: npt.NDArray[np.float32] = np.broadcast_to(positions.reshape(view), shape).astype(np.float32)
    return along
