"""Keep libraries quiet that would put values of data sets into logs."""

import logging
import warnings
from typing import Final

_TALKATIVE: Final = ("pydicom", "pynetdicom")


def silence() -> None:
    """Switch off all logging of pydicom and pynetdicom, and all warnings: their texts quote values."""
    warnings.simplefilter("ignore")
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)
    for name in [
        name for name in logging.root.manager.loggerDict if name.startswith(tuple(f"{n}." for n in _TALKATIVE))
    ]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
