"""Whether a file is still the one that was read."""

import os
import time
from typing import Final

SETTLED_SECONDS: Final = 2.0
"""So long after a change another one could leave the very same times and size, as clocks of file systems are coarse."""


def version_of(state: os.stat_result) -> tuple[int, ...]:
    """What is equal for two looks at a file only if nothing was written between them.

    Args:
        state: of the file, taken before it is read. A file that was changed a moment ago never equals itself.
    """
    settled = time.time() - state.st_ctime > SETTLED_SECONDS
    moment = 0 if settled else time.monotonic_ns()
    return state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size, moment
