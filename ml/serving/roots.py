"""The folders that a request may name: the handoff's store, only to read, and its results, to read and write."""

import re
from dataclasses import dataclass
from pathlib import Path

from ml.datasets.batch import Batch
from ml.errors import BatchError
from ml.files import path_of
from ml.serving.errors import OutsideError, ServingError

_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Roots:
    """Both folders, resolved. A link that leads out of them is outside."""

    store: Path
    results: Path

    @classmethod
    def of(cls, store: Path, results: Path) -> "Roots":
        """The folders as they really lie."""
        return cls(store.resolve(strict=True), results.resolve(strict=True))

    def key(self, text: str) -> str:
        """A handoff's key.

        Raises:
            ServingError: it is none, so it could name anything.
        """
        if not _KEY.fullmatch(text):
            raise ServingError("The handoff_key is no SHA-256 in hex.", code="handoff-key")
        return text

    def batch(self, uri: str) -> Path:
        """A batch that a request names.

        Raises:
            OutsideError: it does not lie in the store.
        """
        return self._within(uri, self.store)

    def result(self, uri: str, key: str) -> Path:
        """The folder of a result: it lies directly below the results, and its name is the key.

        Raises:
            OutsideError: it is any other place.
        """
        folder = self.results / key
        if _path(uri) != folder or folder.resolve() != folder:
            raise OutsideError
        return folder

    def check(self, batch: Batch) -> None:
        """Look where the lines of a batch lead; nothing was read from there yet.

        Raises:
            OutsideError: a package or a volume lies elsewhere.
        """
        packages = {line.package for line in (*batch.images, *batch.annotations)}
        for uri in packages:
            self._within(uri, self.store)
        for uri in {line.uri for line in batch.volumes}:
            self._within(uri, self.results)

    def _within(self, uri: str, root: Path) -> Path:
        path = _path(uri).resolve()
        if not path.is_relative_to(root):
            raise OutsideError
        return path


def _path(uri: str) -> Path:
    try:
        return path_of(uri.removesuffix("/"))
    except BatchError as error:
        raise OutsideError from error
