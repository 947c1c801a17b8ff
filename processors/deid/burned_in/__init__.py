"""Text burned into pixels: found, masked in every frame, looked for again, and claimed only then (PS3.15 E.3.1).

Reading order: `cleaner` (what a profile and a site make of it), `clean` (one instance in, one cleaned or one
quarantined out), `suspects` (what can show text), `signatures` and `regions` (what is masked without looking),
`detector`, `tiles`, `rapidocr_detector` and `reading` (what looks, and what of it is text),
`picture` and `thumbnail` (what is looked at), `box`, `mask`, `black` and `hidden_bits` (what is made of pixels),
`header`, `layout` and `samples` (how they lie), `compressed` and `written` (how they are read and written).
"""

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.clean import Cleaned, PixelCleaner, Quarantined, Untouched
from processors.deid.burned_in.detector import TextDetector
from processors.deid.burned_in.signatures import Signatures

__all__ = ["Box", "Cleaned", "PixelCleaner", "Quarantined", "Signatures", "TextDetector", "Untouched"]
