"""RapidOCR as a detector; its models are inside its wheel, so that nothing is fetched.

It comes with an extra of its own. Its detection says where text may be; its recognition says only whether text is
there at all (`reading`).
"""

from functools import cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.picture import Picture
from processors.deid.burned_in.reading import LEAST_FOUND, LEAST_READ, SURE, Find, is_text
from processors.deid.burned_in.tiles import Tiled
from processors.deid.errors import TextDetectorMissingError

_MARGIN, _MORE_AT_ENDS = 0.25, 0.6
"""Of the height of a line: detectors draw boxes close to the letters, and what is left of a letter can be read. At its
ends they miss a narrow letter or a dot altogether."""

_PARAMETERS = {
    "Global.log_level": "critical",
    "Global.text_score": 0.0,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Det.box_thresh": LEAST_FOUND,
    # Pictures come in the sizes that they are to be looked at.
    "Det.limit_side_len": 32,
}


class RapidOcr:
    """Looks with one thread, so that workers do not fight for cores and the same picture gives the same boxes."""

    def __init__(self) -> None:
        """Ask what is installed; models are loaded at the first look, which most processes never have.

        Raises:
            TextDetectorMissingError: RapidOCR or its engine is not installed.
        """
        try:
            versions = f"rapidocr {version('rapidocr')}, onnxruntime {version('onnxruntime')}"
        except PackageNotFoundError as error:
            raise TextDetectorMissingError("RapidOCR is not installed.") from error
        self.name = f"{versions}, found from {LEAST_FOUND}, sure from {SURE}, read from {LEAST_READ}"

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
        return rapidocr.RapidOCR(params=_PARAMETERS)

    def find(self, picture: Picture) -> list[Box]:
        """The upright box around each line that is found, with a margin."""
        shown = np.ascontiguousarray(picture[..., ::-1])
        found = self._engine(shown, use_det=True, use_cls=False, use_rec=False)
        corners = getattr(found, "boxes", None)
        if corners is None:
            return []
        finds = (
            Find(np.asarray(each, dtype=np.float32), float(score))
            for each, score in zip(corners, found.scores, strict=True)
        )
        return [_around(each.corners) for each in finds if is_text(each, shown, self._read, _cut)]

    def _read(self, line: Picture) -> tuple[str, float]:
        found = self._engine(line, use_det=False, use_cls=False, use_rec=True)
        return (found.txts[0], float(found.scores[0])) if found.txts else ("", 0.0)


def rapidocr_detector() -> Tiled:
    """RapidOCR, large pictures in tiles.

    Raises:
        TextDetectorMissingError: it is not installed.
    """
    return Tiled(RapidOcr())


def _cut(picture: Picture, corners: NDArray[np.float32], width: int, height: int) -> Picture:
    cv2: Any = import_module("cv2")
    upright = np.array(((0, 0), (width, 0), (width, height), (0, height)), dtype=np.float32)
    made: Picture = cv2.warpPerspective(picture, cv2.getPerspectiveTransform(corners, upright), (width, height))
    return made


def _around(corners: NDArray[np.float32]) -> Box:
    """The upright box of four corners (x, y), grown."""
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    height = min(bottom - top, right - left)
    margin, ends = max(2, round(height * _MARGIN)), max(2, round(height * _MORE_AT_ENDS))
    across, down = (ends, margin) if right - left >= bottom - top else (margin, ends)
    return Box(int(left) - across, int(top) - down, int(right) + across, int(bottom) + down)
