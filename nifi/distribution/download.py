"""Fetch the locked artifacts: in parallel, resumable by file, each verified before it counts as there."""

import contextlib
import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from nifi.distribution.artifact import Artifact, Lock
from nifi.distribution.cache import require_room
from nifi.errors import DiskSpaceError, DownloadError, InstallError, WrongHashError
from nifi.progress import Report, silent

_PARALLEL = 8
_ATTEMPTS = 3

Fetch = Callable[[Artifact, Path, Callable[[int], None]], Path]
"""Get one artifact below a scratch folder, telling bytes as they come; returns the file."""


def download(lock: Lock, store: Path, report: Report = silent, fetch: Fetch | None = None) -> None:
    """Bring every artifact of the lock into `store`, laid out like a Maven repository.

    A file that is there and has the right hash is kept. Others come by a scratch folder and are moved into place once
    verified, so that an interrupted download never looks like a finished one.

    Raises:
        DownloadError: an artifact could not be fetched.
        WrongHashError: an artifact is not the locked one, in the store or as fetched.
        DiskSpaceError: the store has too little room.
    """
    missing = [artifact for artifact in lock.artifacts if not _is_there(artifact, store)]
    if not missing:
        return
    store.mkdir(parents=True, exist_ok=True)
    total = sum(artifact.size for artifact in missing)
    require_room(store, total + total // 10)
    counter = _Counter(f"Downloading {lock.product} {lock.version} ({len(missing)} files)", total, report)
    with tempfile.TemporaryDirectory(prefix="incoming-", dir=store) as scratch, _pool() as pool:
        tasks = [pool.submit(_bring, artifact, store, Path(scratch), counter, fetch or _jgo) for artifact in missing]
        for task in as_completed(tasks):
            task.result()
    counter.finish()


@contextlib.contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """A pool that forgets what it has not begun when one file fails or someone presses Ctrl-C."""
    pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="download")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _is_there(artifact: Artifact, store: Path) -> bool:
    file = store / artifact.path
    if not file.exists():
        return False
    try:
        artifact.verify(file)
    except WrongHashError:
        # Someone or something changed it since; it is not worth keeping.
        file.unlink()
        return False
    return True


def _bring(artifact: Artifact, store: Path, scratch: Path, counter: "_Counter", fetch: Fetch) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        folder = scratch / f"{artifact.filename}-{attempt}"
        try:
            fetched = fetch(artifact, folder, counter.add)
            artifact.verify(fetched)
            target = store / artifact.path
            target.parent.mkdir(parents=True, exist_ok=True)
            fetched.replace(target)
        except InstallError:
            # A cut connection ends in a wrong hash as well, so a second look is worth it.
            if attempt == _ATTEMPTS:
                raise
        else:
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _jgo(artifact: Artifact, folder: Path, arrived: Callable[[int], None]) -> Path:
    """Fetch by jgo, whose own default names the repository; `folder` is its local cache."""
    from jgo.maven import MavenContext, PythonResolver

    @contextlib.contextmanager
    def progress(_filename: str, _total: int) -> Iterator[Callable[[int], None]]:
        yield arrived

    context = MavenContext(PythonResolver(progress_callback=progress), repo_cache=folder, timeout=60)
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    try:
        return Path(component.artifact(artifact.classifier, artifact.packaging).resolve())
    except OSError as error:
        raise _as_download_error(artifact, error) from error
    except RuntimeError as error:
        # jgo says "not found in remote repositories" so for every answer but 200.
        message = f"{artifact.filename} is not to be had from the Maven repository."
        raise DownloadError(message) from error


def _as_download_error(artifact: Artifact, error: OSError) -> InstallError:
    """Tell a full disk from a failed connection: requests' exceptions are OSErrors too."""
    if error.errno == errno.ENOSPC:
        message = f"The disk is full while fetching {artifact.filename}."
        return DiskSpaceError(message)
    message = f"{artifact.filename} cannot be fetched ({type(error).__name__})."
    return DownloadError(message)


class _Counter:
    """Adds up bytes of many threads and reports at most every 256 KB."""

    def __init__(self, what: str, total: int, report: Report) -> None:
        self._what, self._total, self._report = what, total, report
        self._done = self._told = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self._done - self._told >= 2**18:
                self._told = self._done
                self._report(self._what, min(self._done, self._total), self._total)

    def finish(self) -> None:
        self._report(self._what, self._total, self._total)


def link(source: Path, target: Path) -> None:
    """Give a verified file a second name, or copy it where the disks differ."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
