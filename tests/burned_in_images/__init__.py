"""Made-up ultrasound, captures and radiographs with lines of text burned in, and the box of each line.

The same seed gives the same image, wherever it is made: chance comes from one generator, letters from fonts that
libraries bring. Reading order: `lines` (what is written, in which letters), `page` (how it gets onto a picture),
`ultrasound`, `capture` and `radiograph` (the ground it stands on), `texture` (noise as devices make it), `objects`
(the DICOM object around it).
"""

from tests.burned_in_images.capture import capture
from tests.burned_in_images.objects import STUDY, BurnedIn, image
from tests.burned_in_images.page import Line, Page
from tests.burned_in_images.radiograph import radiograph
from tests.burned_in_images.ultrasound import ultrasound

KINDS = {"US": ultrasound, "SC": capture, "DX": radiograph}
"""What makes an image of each modality: of a seed, and of how many lines."""

__all__ = ["KINDS", "STUDY", "BurnedIn", "Line", "Page", "capture", "image", "radiograph", "ultrasound"]
