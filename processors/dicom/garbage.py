"""Python's collector of garbage, as a receiver wants it: it looks for rings among new objects only, and seldom.

What is there when a receiver begins stays to the end: hundreds of thousands of objects, most of libraries. To look
through them takes about a tenth of a second, in which no association goes on. And what an association needs goes with
it, since nothing of it is left in a ring; the collector is there for what libraries leave.
"""

import gc
from typing import Final

NEW_OBJECTS: Final = 5_000
"""After so many more than have gone the collector looks at the new ones: some megabytes at most."""


def leave_alone_what_stays() -> None:
    """Spare the collector what is there by now; of the whole process, once it is about to receive."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
