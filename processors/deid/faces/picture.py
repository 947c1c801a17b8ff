"""A head seen from the front, before and after: for a person of the trusted zone, never beyond."""

import numpy as np

from processors.deid.burned_in.picture import Picture
from processors.deid.burned_in.thumbnail import png
from processors.deid.faces.plane import Vector

_TIMES = 3
_DEPTH_MM = 120.0
_LIGHT = np.array((-0.4, -0.4, 0.82))


def rendered(before: Vector, after: Vector, step: float) -> bytes:
    """A PNG of two depth maps (S, L) of a grid with voxels of `step` mm, side by side, lit from above and the left."""
    known = before[np.isfinite(before)]
    nearest = float(known.min()) if known.size else 0.0
    gap = np.zeros((before.shape[0] * _TIMES, 2 * _TIMES, 3), np.uint8)
    return png(np.concatenate([_lit(before, nearest, step), gap, _lit(after, nearest, step)], axis=1))


def _lit(front: Vector, nearest: float, step: float) -> Picture:
    """Bright where it is near and faces the light; the patient's left is on the right, as when one looks at him."""
    seen = np.isfinite(front)
    depth = np.where(seen, front - nearest, _DEPTH_MM)
    down, across = np.gradient(depth, step)
    light = (_LIGHT[2] + _LIGHT[0] * down + _LIGHT[1] * across) / np.sqrt(1 + down**2 + across**2)
    grey = np.clip(light, 0.1, 1) * np.clip(1.1 - depth / (1.5 * _DEPTH_MM), 0.2, 1) * 255
    picture = np.where(seen, grey, 0).astype(np.uint8)[::-1]
    return np.repeat(picture.repeat(_TIMES, axis=0).repeat(_TIMES, axis=1)[..., None], 3, axis=2)
