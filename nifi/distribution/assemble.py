"""Put the parts of a server together that no start ever changes, in the cache: lib/, and for NiFi python/."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from nifi.archive import write_archive
from nifi.distribution.artifact import Lock, read_lock
from nifi.distribution.cache import cache_folder, require_room
from nifi.distribution.download import download, link
from nifi.progress import Report, silent

_COMPLETE = ".complete"


def install(report: Report = silent, lock: Lock | None = None) -> Path:
    """Return the folder with the lock's lib/, after downloading and assembling it where it is missing.

    Args:
        report: hears of each step.
        lock: what to assemble; without it NiFi.

    Raises:
        InstallError: see `nifi.distribution.download`.
    """
    lock = lock or read_lock()
    root = cache_folder() / "nifi"
    folder = root / lock.folder
    if (folder / _COMPLETE).exists():
        return folder
    store = root / "artifacts"
    download(lock, store, report)
    report(f"Assembling {lock.product} {lock.version}")
    require_room(root, lock.size)
    with tempfile.TemporaryDirectory(prefix="assembling-", dir=root) as scratch:
        half_done = Path(scratch) / folder.name
        assemble(lock, store, half_done)
        _put_in_place(half_done, folder)
    return folder


def is_installed(lock: Lock) -> bool:
    """Whether `install` would find everything in the cache."""
    return (cache_folder() / "nifi" / lock.folder / _COMPLETE).exists()


def assemble(lock: Lock, store: Path, folder: Path) -> None:
    """Build lib/, and what else the lock has, below `folder` from the verified files in `store`."""
    (folder / "lib").mkdir(parents=True)
    for artifact in lock.placed("lib"):
        link(store / artifact.path, folder / "lib" / artifact.filename)
    for place, target in (("python", "python"), ("python-api", "python/api")):
        for artifact in lock.placed(place):
            _unpack(store / artifact.path, folder / target)
    if lock.placed("standard-nar"):
        _pack_standard_nar(lock, store, folder / "lib" / f"nifi-standard-nar-{lock.version}.nar")
    (folder / _COMPLETE).touch()


def _unpack(jar: Path, folder: Path) -> None:
    with zipfile.ZipFile(jar) as archive:
        names = [name for name in archive.namelist() if not name.startswith("META-INF/")]
        archive.extractall(folder, names)


def _pack_standard_nar(lock: Lock, store: Path, target: Path) -> None:
    """Pack the standard processors with their closure, as the project's own build would."""
    manifest = (
        "Manifest-Version: 1.0\r\n"
        f"Nar-Id: nifi-standard-nar\r\nNar-Group: org.apache.nifi\r\nNar-Version: {lock.version}\r\n"
        "Nar-Dependency-Group: org.apache.nifi\r\nNar-Dependency-Id: nifi-standard-shared-nar\r\n"
        f"Nar-Dependency-Version: {lock.version}\r\n\r\n"
    )
    members: dict[str, bytes | Path] = {"META-INF/MANIFEST.MF": manifest.encode()}
    for artifact in lock.placed("standard-nar"):
        members[f"META-INF/bundled-dependencies/{artifact.filename}"] = store / artifact.path
    write_archive(target, members)


def _put_in_place(half_done: Path, folder: Path) -> None:
    """Rename into place; when another process was faster, its result is as good."""
    if folder.exists() and not (folder / _COMPLETE).exists():
        shutil.rmtree(folder)
    try:
        half_done.rename(folder)
    except OSError:
        if not (folder / _COMPLETE).exists():
            raise
