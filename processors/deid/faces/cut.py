"""What is removed: all in front of an oblique plane below the forehead, and what stands out beside the cavity.

Seen from the left, the cut runs from above the brow down and backward, close in front of the cranial cavity, as far
back as `DEEPEST` allows, then straight down below the chin. Above the brow it leaves the head by itself. The ears are
what lies further out than skull and scalp do. Sizes are those of an adult's head with a cavity of 165 mm from front to
back, and go with it.
"""

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.deid.faces.components import Mask
from processors.deid.faces.grid import Grid
from processors.deid.faces.plane import Vector

MARGIN_MM: Final = 5.0
"""Between the cavity and the cut, and half of what voxels are longer than 2 mm; the grid has voxels of 3 mm."""
MARGIN_OF_MR_MM: Final = 0.5
"""More of it where no bone tells how far the cavity goes."""
TILTS_DEGREES: Final = (15, 20, 25, 30, 35, 40)
ADULT_MM: Final = 165.0
DEEPEST: Final = 45.0
DOWN_TO: Final = 160.0
"""Below the frontal pole, in mm of an adult's head: below the chin also when it is lowered."""
BESIDE: Final = 12.0
"""From the widest place of the cavity to what is an ear: skull and scalp are hardly thicker."""
_EARS_BELOW = 40.0
_MOUTH = 60.0


@dataclass(frozen=True, slots=True)
class Cut:
    """All in mm along the head's axes. In front of `front` at `level`, further back by `slope` a mm below it.

    `deepest` is how far back it goes, `floor` where it ends; ears are further than `beside` from `middle`, between
    `ears_front` and `ears_back` and between `ears_floor` and `level`.
    """

    level: float
    front: float
    slope: float
    deepest: float
    floor: float
    middle: float
    beside: float
    ears_front: float
    ears_back: float
    ears_floor: float

    def back_to(self, up: Vector) -> Vector:
        """How far back the cut is at levels `up`."""
        return np.asarray(self.front + np.minimum(self.slope * (self.level - up), self.deepest))

    def removes(self, left: Vector, posterior: Vector, up: Vector) -> NDArray[np.bool_]:
        """Whether places are removed; arrays of one shape, or shapes that fit each other."""
        face = (posterior < self.back_to(up)) & (up > self.floor)
        ears = (np.abs(left - self.middle) > self.beside) & (up < self.level) & (up > self.ears_floor)
        return np.asarray(face | (ears & (posterior > self.ears_front) & (posterior < self.ears_back)))

    def said(self) -> dict[str, float]:
        """The same for a report, to a tenth of a millimetre."""
        return {name: round(value, 3 if name == "slope" else 1) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Where a head is, in mm: frontal pole, midline and size of its cavity, and the places of its voxels."""

    level: float
    middle: float
    front: float
    back: float
    bottom: float
    half_width: float
    up: Vector
    posterior: Vector

    @property
    def scale(self) -> float:
        """Of an adult's head; not below half of it."""
        return max(0.5, (self.back - self.front) / ADULT_MM)


def head_of(cavity: Mask, grid: Grid) -> Head:
    """The measures of a cavity; its frontal pole is where its foremost hundredth is."""
    found = np.nonzero(cavity)
    up, posterior, left = (grid.at(axis, places) for axis, places in enumerate(found))
    foremost = posterior <= np.percentile(posterior, 1)
    return Head(
        level=float(up[foremost].mean()),
        middle=float(left.mean()),
        front=float(posterior.min()),
        back=float(posterior.max()),
        bottom=float(up.min()),
        half_width=float(np.abs(left - left.mean()).max()),
        up=up,
        posterior=posterior,
    )


def margin_for(spacing: tuple[float, float, float], *, hounsfield: bool) -> float:
    """Millimetres between the cavity and the cut, by the spacing of a volume's voxels."""
    return MARGIN_MM + max(0.0, (max(spacing) - 2) / 2) + (0 if hounsfield else MARGIN_OF_MR_MM)


def cut_for(head: Head, body: Mask, grid: Grid, margin: float = MARGIN_MM) -> Cut:
    """Of several tilts, the cut that removes most of the body from brow to mouth.

    Each leaves the cavity `margin` mm behind it.
    """
    cuts = [_tilted(head, float(np.tan(np.radians(tilt))), margin) for tilt in TILTS_DEGREES]
    up, posterior, left = (grid.at(axis, np.arange(size)) for axis, size in enumerate(body.shape))
    face = body & ((up < head.level) & (up > head.level - _MOUTH * head.scale))[:, None, None]
    place = (left[None, None, :], posterior[None, :, None], up[:, None, None])
    return max(cuts, key=lambda cut: int((face & cut.removes(*place)).sum()))


def _tilted(head: Head, slope: float, margin: float) -> Cut:
    deepest = DEEPEST * head.scale
    behind = head.posterior - np.minimum(slope * (head.level - head.up), deepest)
    return Cut(
        level=head.level,
        front=float(behind.min()) - margin * float(np.hypot(1, slope)),
        slope=slope,
        deepest=deepest,
        floor=head.level - DOWN_TO * head.scale,
        middle=head.middle,
        beside=head.half_width + BESIDE,
        ears_front=head.front,
        ears_back=head.back,
        ears_floor=head.bottom - _EARS_BELOW * head.scale,
    )


def distance_to_cavity(cut: Cut, head: Head) -> float:
    """Millimetres between the cut and the nearest voxel of the cavity."""
    return float(((head.posterior - cut.back_to(head.up)) / np.hypot(1, cut.slope)).min())
