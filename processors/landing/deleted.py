"""A delivery whose folder somebody has deleted while it was being filled: made anew from its slots.

If those were deleted too, it is told, and entered without its files: its objects were acknowledged, so they stay
accounted for. Landing and ledger say the same then, and `sluice ledger reconcile` names the files that are missing. The
delivery waits for a person, and whoever sends its objects again is not told that they are here.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from processors.landing import journal
from processors.landing.durable import sync_folder
from processors.landing.filling import JOURNAL_FILE, Filling
from processors.landing.journal import DeliveryLine
from processors.landing.together import WrittenTogether
from processors.ledger import shipments
from processors.ledger.writer import Work

FILES_MISSING: Final = "held:files-missing"
"""Why such a delivery waits."""


def despite_deletion(
    work: Work, filling: Filling, tell: Callable[[], object], clock: Callable[[], float] = time.time
) -> Work:
    """The work of sealing a delivery, which ends even if its folder is gone.

    Args:
        work: Seals it and enters it.
        filling: The delivery.
        tell: Called when it was entered without its files.
        clock: Unix seconds.
    """
    was_deleted = lacks = False

    def prepare(files: WrittenTogether) -> None:
        nonlocal was_deleted
        if work.prepare is None:
            return
        try:
            work.prepare(files)
        except FileNotFoundError:
            _make_anew(filling)
            was_deleted = True
            work.prepare(files)

    def enter(connection: sqlite3.Connection) -> None:
        nonlocal lacks
        work.enter(connection)
        lacks = was_deleted and not all((filling.folder / line.instance.file).is_file() for line in filling.kept)
        if lacks:
            shipments.park_delivery(connection, filling.opened.id, FILES_MISSING, clock())

    def then() -> None:
        if work.then is not None:
            work.then()
        if lacks:
            tell()

    return replace(work, prepare=prepare, enter=enter, then=then)


def _make_anew(filling: Filling) -> None:
    """Make the folder of a delivery, with its files as far as they have slots, and its journal.

    Raises:
        FileExistsError: it is there, so that something else is missing.
        OSError: the disk does not take it; without the landing's own folders there is none that it would be in.
    """
    os.mkdir(filling.folder, 0o700)  # noqa: PTH102 - as the filling does
    sync_folder(filling.folder.parent)
    filling.link_again()
    lines = (DeliveryLine(kept=line) for line in filling.kept)
    journal.rewrite(filling.folder / JOURNAL_FILE, DeliveryLine(opened=filling.opened), *lines)
