"""What cleans pixels here: by a profile, a site's rules for devices, and the text detector if it is installed."""

from pathlib import Path

from processors.deid.burned_in.clean import PixelCleaner
from processors.deid.burned_in.detector import TextDetector
from processors.deid.burned_in.rapidocr_detector import rapidocr_detector
from processors.deid.burned_in.signatures import Signatures
from processors.deid.errors import TextDetectorMissingError
from processors.deid.profile import Profile


def pixel_cleaner(profile: Profile, device_rules: Path | None = None) -> PixelCleaner | None:
    """What cleans pixels by a profile, or nothing where the profile cleans none.

    Raises:
        SignatureRulesError: the rules for devices cannot be used.
    """
    if not profile.clean.pixel_data:
        return None
    rules = Signatures.load(device_rules) if device_rules is not None else None
    return PixelCleaner(installed_detector(), rules)


def installed_detector() -> TextDetector | None:
    """The text detector of the extra `ocr`; none where that is not installed."""
    try:
        return rapidocr_detector()
    except TextDetectorMissingError:
        return None
