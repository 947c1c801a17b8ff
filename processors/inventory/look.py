"""Look at every package of a project that was not looked at yet, as it lies in the landing."""

import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from handoff.contract.shipment import MANIFEST_MEMBER, Manifest
from processors.deid.reasons import RejectedError
from processors.delivery.package import package_path
from processors.inventory.books import Books
from processors.inventory.errors import PackageUnreadableError
from processors.inventory.likeness import Likeness
from processors.inventory.text import Text, Values
from processors.landing.layout import Layout


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many packages the inventory tells."""

    looked: int
    new: int
    gone: tuple[str, ...]
    """Shipments whose packages left the landing before anybody looked."""


def look(
    books: Books,
    ledger: sqlite3.Connection,
    layout: Layout,
    project: str,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Coverage:
    """Enter every package that is new.

    Args:
        books: what was seen before; each package is entered as it is seen, so that this may be ended at any moment.
        ledger: may be read only.
        layout: of the landing.
        project: whose packages.
        progress: told how many of how many were considered.

    Raises:
        PackageUnreadableError: a package is there and cannot be read.
    """
    rows = ledger.execute(
        "SELECT id, delivery_id, package_sha256 FROM shipments WHERE project = ? AND package_sha256 IS NOT NULL"
        " ORDER BY rowid",
        (project,),
    ).fetchall()
    new, gone = 0, []
    for number, row in enumerate(rows, 1):
        if not books.knows(project, row["package_sha256"]):
            path = package_path(layout.delivery(row["delivery_id"]), row["id"])
            if path.is_file():
                _enter(books, path, project, row["package_sha256"])
                new += 1
            else:
                gone.append(row["id"])
        progress(number, len(rows))
    return Coverage(len(rows) - len(gone), new, tuple(gone))


def _enter(books: Books, path: Path, project: str, sha256: str) -> None:
    values: Values = Counter()
    likenesses: set[Likeness] = set()
    try:
        with zipfile.ZipFile(path) as package:
            manifest = Manifest.model_validate_json(package.read(MANIFEST_MEMBER))
            for instance in manifest.instances:
                text = Text(package.read(instance.member))
                values += text.values(manifest.patient)
                likenesses.add(Likeness.of(text))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, RejectedError) as error:
        raise PackageUnreadableError(f"The package of shipment {path.stem} cannot be read.") from error
    books.enter(project, sha256, manifest.patient, values, likenesses)
