"""Where downloads and what is built from them are kept: outside the clone, shared by all homes of a user."""

import os
import shutil
from pathlib import Path

from nifi.errors import DiskSpaceError


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/sluice`, else `~/.cache/sluice`; made when missing."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    folder = root / "sluice"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def require_room(folder: Path, needed: int) -> None:
    """Make sure that `needed` bytes can be written below `folder`.

    Raises:
        DiskSpaceError: the disk has less room than that.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        message = f"{folder} has {free // 10**6} MB free; NiFi needs {needed // 10**6} MB."
        raise DiskSpaceError(message)
