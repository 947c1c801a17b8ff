"""RapidOCR as a detector; its models are inside its wheel, so that nothing is fetched.

It comes with an extra of its own. Only its detection runs: all text is masked, whatever it says (PS3.15 E.3.1, note 2).
"""

from functools import cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.picture import Picture
from processors.deid.burned_in.tiles import Tiled
from processors.deid.errors import TextDetectorMissingError

_MARGIN = 0.2
"""Of the height of a line: detectors draw boxes close to the letters, and what is left of a letter can be read."""


class RapidOcr:
    """Looks with one thread, so that workers do not fight for cores and the same picture gives the same boxes."""

    def __init__(self) -> None:
        """Ask what is installed; models are loaded at the first look, which most processes never have.

        Raises:
            TextDetectorMissingError: RapidOCR or its engine is not installed.
        """
        try:
            self.name = f"rapidocr {version('rapidocr')}, onnxruntime {version('onnxruntime')}"
        except PackageNotFoundError as error:
            raise TextDetectorMissingError("RapidOCR is not installed.") from error

    @cached_property
    def _engine(self) -> Any:
        """The models, loaded.

        Raises:
            TextDetectorMissingError: something of it cannot be imported.
        """
        try:
            rapidocr: Any = import_module("rapidocr")
        except ImportError as error:
            raise TextDetectorMissingError("RapidOCR is not whole.") from error
        return rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def find(self, picture: Picture) -> list[Box]:
        """The upright box around each line that is found, with a margin."""
        found = self._engine(picture[..., ::-1].copy(), use_det=True, use_cls=False, use_rec=False)
        corners = getattr(found, "boxes", None)
        return [] if corners is None else [_around(np.asarray(each, dtype=np.float64)) for each in corners]


def rapidocr_detector() -> Tiled:
    """RapidOCR, large pictures in tiles.

    Raises:
        TextDetectorMissingError: it is not installed.
    """
    return Tiled(RapidOcr())


def _around(corners: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Box:
    """The upright box of four corners (x, y), grown."""
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    margin = max(2, round(min(bottom - top, right - left) * _MARGIN))
    return Box(int(left), int(top), int(right), int(bottom)).grown(margin)
