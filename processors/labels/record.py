"""Makes an import durable: first its files, then its rows in the ledger, from which NiFi hears of it.

A crash before the rows leaves files that nobody sends; the same import again makes new ones, under a later revision.
"""

import contextlib
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from processors.labels.document import Rows, content_of, documents
from processors.landing.durable import make_folder, sync_folder, write_whole
from processors.landing.labels import ImportedPart
from processors.landing.layout import Layout
from processors.landing.lock import hold
from processors.landing.notify import Notifier
from processors.ledger import label_documents
from processors.ledger.label_documents import LabelDocument
from processors.ledger.schema import transaction


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an import became."""

    revision: int
    documents: tuple[str, ...]
    unchanged: bool = False
    """The latest import of this source said exactly the same; nothing new was made."""


def record(
    layout: Layout, ledger: sqlite3.Connection, rows: Rows, *, destination: str, project: str, source: str
) -> Recorded:
    """Keep the rows of an import and have them announced.

    Raises:
        LandingTakenError: another import is at this point; try again.
    """
    with hold(layout.importer_lock, "importer"):
        last = label_documents.last_import(ledger, project, source)
        if last and {one.content for one in last} == {content_of(rows)} and _alive(last, destination):
            return Recorded(last[0].revision, tuple(one.id for one in last), unchanged=True)
        revision = _next_revision(layout, last, project, source)
        made = documents(rows, destination=destination, project=project, source=source, revision=revision)
        if not layout.labels.is_dir():
            make_folder(layout.labels)
        for one in made:
            file = layout.labels_of(one.row.id)
            file.parent.mkdir(mode=0o700)
            ImportedPart(**_facts(one.row), parts=tuple(each.row.id for each in made)).write(file.parent)
            write_whole(file, one.body)
        sync_folder(layout.labels)
        with transaction(ledger):
            label_documents.add(ledger, (one.row for one in made), time.time())
    _notify(layout)
    return Recorded(revision, tuple(one.row.id for one in made))


def _next_revision(layout: Layout, last: list[LabelDocument], project: str, source: str) -> int:
    """One more than the highest that ever was: the landing may know one that a lost ledger does not."""
    parts = [part for folder in layout.label_folders() if (part := ImportedPart.read(folder))]
    known = [part.revision for part in parts if (part.project, part.source) == (project, source)]
    return 1 + max([*known, *(one.revision for one in last)], default=0)


def _facts(row: LabelDocument) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ImportedPart.model_fields if name != "parts"}


def _alive(last: list[label_documents.LabelDocument], destination: str) -> bool:
    """Whether all of an import was or will be taken by this destination."""
    return all(one.destination == destination and one.state not in {"parked", "closed"} for one in last)


def _notify(layout: Layout) -> None:
    """Wake the announcer; without this it looks within a second."""
    with contextlib.suppress(OSError):
        notifier = Notifier(layout.notify)
        with contextlib.closing(notifier):
            notifier.notify()
