"""A delivery that waits for a person since it came in, and the word of that person, kept beside it."""

from pathlib import Path
from typing import Final

from processors.landing.durable import write_whole

LIFTED_FILE: Final = "lifted.json"


def lift(folder: Path) -> None:
    """Say that the delivery in `folder` may be routed. Repeating it is harmless.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(folder / LIFTED_FILE, b"{}")


def is_lifted(folder: Path) -> bool:
    """Whether somebody has said so."""
    return (folder / LIFTED_FILE).is_file()
