"""Files by URI: on this machine, in S3, or at the handoff.

`file://` is read as it lies, `s3://` by obstore with what the environment says of S3. Where the environment names a
handoff, whatever is in its store is asked for there, with the token of the run.

A result that is not on this machine is worked on in a folder here: emptied or fetched at a step's begin, uploaded at
its end, with `result.json` last. So a step is the same code wherever its result goes, and needs no folder that other
steps see.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from handoff.contract.result import RESULT_FILE
from handoff.contract.s3 import S3Access, S3AccessError
from ml.errors import BatchError, PublishedError, StoreError
from ml.handoff_files import HandoffFiles, handoff_files
from ml.result_places import HandoffResult, ResultPlace, S3Result


def in_s3(uri: str) -> bool:
    """Whether a URI is one of S3."""
    return uri.startswith("s3://")


def path_of(uri: str) -> Path:
    """The local path of a file:// URI.

    Raises:
        BatchError: It is another kind of URI.
    """
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc:
        raise BatchError("only file:// URIs of this machine can be read.")
    return Path(unquote(parts.path))


def object_of(uri: str) -> tuple[S3Store, str]:
    """The bucket of an s3:// URI, and the key in it.

    Raises:
        StoreError: The environment does not say how to reach S3.
    """
    parts = urlsplit(uri)
    return _bucket(parts.netloc), parts.path.strip("/")


def by_handoff(uri: str) -> tuple[HandoffFiles, str] | None:
    """Where a file is at the handoff, if that is the way to it.

    Raises:
        HandoffError: The environment names a handoff and says too little of the run.
    """
    files = handoff_files()
    path = None if files is None else files.path_of(uri)
    return None if files is None or path is None else (files, path)


def opened(uri: str) -> Path | BytesIO:
    """A file to be read whole: where it lies, or its bytes.

    Raises:
        BatchError: It is not there.
        StoreError: S3 or the handoff does not answer.
    """
    if (there := by_handoff(uri)) is not None:
        files, path = there
        with asking():
            return BytesIO(files.read(path))
    if not in_s3(uri):
        return path_of(uri)
    store, key = object_of(uri)
    with asking():
        return BytesIO(bytes(obstore.get(store, key).bytes()))


def volume_store(uri: str) -> Any:
    """What zarr opens to read a volume."""
    if (there := by_handoff(uri)) is not None:
        from ml.handoff_volume import HandoffVolume

        return HandoffVolume(*there)
    if not in_s3(uri):
        return str(path_of(uri))
    from zarr.storage import ObjectStore

    parts = urlsplit(uri)
    return ObjectStore(_open(parts.netloc, prefix=parts.path.strip("/")), read_only=True)


@contextmanager
def result_folder(result_uri: str) -> Iterator[Path]:
    """The folder of a result with what earlier steps left there; what a step adds is uploaded at its end."""
    result = _result(result_uri)
    if result is None:
        yield path_of(result_uri)
        return
    with tempfile.TemporaryDirectory(prefix="result-") as name:
        folder = Path(name)
        fetched = _fetch(result, folder)
        try:
            yield folder
        except BaseException:
            with suppress(StoreError, PublishedError):  # the report says why; the step's own error counts
                _upload(result, folder, fetched)
            raise
        _upload(result, folder, fetched)


@contextmanager
def asking() -> Iterator[None]:
    """Translate what S3 says; its text may name keys, so it is not repeated.

    Raises:
        BatchError: Something is not there.
        StoreError: Anything else.
    """
    try:
        yield
    except FileNotFoundError:
        raise BatchError("an object of the batch is not in the store.") from None
    except BaseError as error:
        message = f"the store did not answer ({type(error).__name__})."
        raise StoreError(message) from None


def _result(result_uri: str) -> ResultPlace | None:
    """The result, if it is not on this machine."""
    if (there := by_handoff(result_uri)) is not None:
        return HandoffResult(*there)
    return S3Result(*object_of(result_uri)) if in_s3(result_uri) else None


def _fetch(result: ResultPlace, folder: Path) -> dict[str, tuple[int, int]]:
    """Copy a result here; returns size and time of each file, to know what a step changed."""
    found = {}
    with asking():
        for name in result.names():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            result.fetch(name, file)
            found[name] = _facts(file)
    return found


def _upload(result: ResultPlace, folder: Path, before: dict[str, tuple[int, int]]) -> None:
    """Make the result what the folder is: remove what is gone, put what is new, `result.json` last.

    Raises:
        PublishedError: Another run of the handoff has written `result.json` meanwhile; nothing is touched.
    """
    with asking():
        if RESULT_FILE not in before and result.has(RESULT_FILE):
            raise PublishedError("the result of this handoff is there already: another run of it was quicker.")
        files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
        gone = sorted(before.keys() - files.keys(), key=lambda name: name != RESULT_FILE)
        changed = [name for name, file in files.items() if before.get(name) != _facts(file)]
        for name in gone:
            result.remove(name)
        for name in sorted(changed, key=lambda name: (name == RESULT_FILE, name)):
            if not _is_temporary(name):
                result.put(name, files[name])


def _is_temporary(name: str) -> bool:
    """Whether a file is half of one, that a step which failed was about to rename."""
    return any(part.startswith(".") for part in name.split("/"))


def _facts(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=8)
def _bucket(name: str) -> S3Store:
    return _open(name)


def _open(name: str, prefix: str | None = None) -> S3Store:
    try:
        return S3Store(name, prefix=prefix, **S3Access.of_environment(os.environ).options())
    except (S3AccessError, BaseError, ValueError) as error:
        said = str(error) if isinstance(error, S3AccessError) else "the settings of S3 cannot be used"
        raise StoreError(f"{said}.") from None
