"""Where landing and ledger differ about performed procedure steps. Reads only."""

import sqlite3
from collections.abc import Iterator

from processors.landing.layout import Layout
from processors.landing.performed_steps import KeptStep
from processors.ledger import performed_steps
from processors.ledger.gaps import Gap


def in_steps(layout: Layout, ledger: sqlite3.Connection) -> Iterator[Gap]:
    """The file of each step against its row; one that retention removed is missed by nobody.

    A file of a step that the ledger has under another id is what a refused N-CREATE left, and says nothing.
    """
    known = {row["id"]: row["state"] for row in ledger.execute("SELECT id, state FROM performed_steps")}
    removed = {
        row[0] for row in ledger.execute("SELECT subject FROM events WHERE event = ?", (performed_steps.REMOVED,))
    }
    present = set()
    for path in sorted(layout.performed_steps.glob("*.json")):
        step = KeptStep.read(path)
        if step is None or step.id != path.stem:
            yield Gap(path.stem, "step-unreadable", "a later version wrote it, or the disk is damaged")
            continue
        present.add(step.id)
        entered = performed_steps.standing(ledger, step.sop_instance_uid)
        if entered is None:
            yield Gap(step.id, "step-not-in-ledger", step.state)
        elif entered.id == step.id and not entered.is_like(step):
            named = f"{len(step.instances)} instances there, {len(entered.instances)} here"
            yield Gap(step.id, "step-differs", f"landing {step.state}, ledger {entered.state}; {named}")
    for step_id in sorted(known.keys() - present - removed):
        yield Gap(step_id, "step-not-in-landing", known[step_id])
