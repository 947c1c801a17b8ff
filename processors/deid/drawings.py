"""What presentation states draw (PS3.15 E.3.3): it goes whole, as lines can be letters and nothing here reads them.

What stays is how the images are shown: which of them, their area, window, tables and rotation. Curves and overlays, on
whose bitmaps a state can draw too, are removed from every object by their groups.
"""

from typing import Final

from pydicom.datadict import tag_for_keyword

from processors.deid.iod_types import TOP, has_pixels, types_of

_ANNOTATIONS: Final = 0x00700001
_KEYWORDS: Final = """
    GraphicAnnotationSequence GraphicLayerSequence GraphicGroupSequence TextObjectSequence GraphicObjectSequence
    CompoundGraphicSequence GraphicLayer VolumetricAnnotationSequence
    ShutterShape ShutterLeftVerticalEdge ShutterRightVerticalEdge ShutterUpperHorizontalEdge ShutterLowerHorizontalEdge
    CenterOfCircularShutter RadiusOfCircularShutter VerticesOfThePolygonalShutter ShutterPresentationValue
    ShutterOverlayGroup ShutterPresentationColorCIELabValue FrameDisplayShutterSequence
"""
DRAWN: Final = frozenset(tag for keyword in _KEYWORDS.split() if (tag := tag_for_keyword(keyword)) is not None)
"""Annotations with their layers and groups, and shutters: the corners of a polygon are lines like any."""


def draws(sop_class: str) -> bool:
    """Whether objects of a class are no images and draw on them."""
    return not has_pixels(sop_class) and _ANNOTATIONS in types_of(sop_class).get(TOP, {})
