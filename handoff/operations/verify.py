"""Whether every file that the rows name is there, as large as they say, and, where asked, with the digest they say."""

from collections.abc import Iterator
from dataclasses import dataclass

from handoff.database.engine import Database
from handoff.operations.inventory import NamedFile, named_files, place_of_files
from handoff.operations.record import Trouble
from handoff.store import Store
from handoff.store.files import OutsideError, digest_of


@dataclass(slots=True)
class Verified:
    """How many files were looked at, and what is wrong with which."""

    files: int
    trouble: tuple[Trouble, ...]


def verify(database: Database, store: Store, *, digests: bool) -> Verified:
    """Compare rows and files; only reads."""
    with database.read() as session:
        wanted = list(named_files(session))
    return Verified(len(wanted), tuple(_troubles(wanted, store, digests=digests)))


def _troubles(wanted: list[NamedFile], store: Store, *, digests: bool) -> Iterator[Trouble]:
    for file in wanted:
        files = place_of_files(store, file.place)
        try:
            size = files.size(file.path)
            found = digest_of(files, file.path) if digests and file.sha256 is not None else file.sha256
        except OutsideError:
            yield Trouble(place=file.place, path=file.path, what="outside")
        except FileNotFoundError:
            yield Trouble(place=file.place, path=file.path, what="missing")
        else:
            if file.size not in {None, size} or found != file.sha256:
                yield Trouble(place=file.place, path=file.path, what="damaged")
