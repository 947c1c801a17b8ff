"""Removes the files of performed procedure steps that ended long ago; the ledger keeps the steps.

A file is there so that a step outlives its ledger. It goes only when its step has ended, when the ledger says the same
of it, and when the site's days since its end are over.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from processors.delivery.retention import AT_ONCE
from processors.delivery.workplace import Workplace
from processors.landing.layout import Layout
from processors.landing.performed_steps import KeptStep
from processors.landing.retention import DAY_SECONDS
from processors.ledger import performed_steps
from processors.ledger.schema import record_event, transaction


def sweep_steps(place: Workplace, most: int = AT_ONCE) -> int:
    """Remove the files whose time is over, `most` of them at most; returns how many.

    Raises:
        OSError: one cannot be removed.
    """
    before = place.clock() - place.site.retention.performed_steps_days * DAY_SECONDS
    done = 0
    for path in _written_before(place.layout, before):
        done += _remove(place, path, before)
        if done >= most:
            break
    return done


def _written_before(layout: Layout, moment: float) -> Iterator[Path]:
    """The files that nobody has changed since, without reading any: most are young."""
    if not layout.performed_steps.is_dir():
        return
    with os.scandir(layout.performed_steps) as entries:
        old = [entry.name for entry in entries if entry.name.endswith(".json") and entry.stat().st_mtime <= moment]
    yield from (layout.performed_steps / name for name in sorted(old))


def _remove(place: Workplace, path: Path, before: float) -> bool:
    step = KeptStep.read(path)
    if step is None or step.id != path.stem:
        return False
    entered = performed_steps.standing(place.ledger, step.sop_instance_uid)
    if entered is None or entered.ended_at is None or entered.ended_at > before:
        return False
    if entered.id == step.id and not entered.is_like(step):
        return False
    with transaction(place.ledger) as ledger:
        record_event(ledger, place.clock(), step.id, performed_steps.REMOVED)
        path.unlink(missing_ok=True)
    return True
