"""Build the NAR of the Python processors: shells at its root, our packages and their dependencies bundled inside.

```
META-INF/MANIFEST.MF
ListenDICOM.py …                              the shells, where NiFi looks for processors
NAR-INF/bundled-dependencies/processors/…     everything else of `processors`
NAR-INF/bundled-dependencies/handoff/…        the contract alone
NAR-INF/bundled-dependencies/numpy/…          the wheels of requirements/nar.lock
```

NAR-INF makes NiFi start Python with these folders as its path and run no pip. Wheels fit one Python version and
platform, and NiFi runs the processors with the interpreter that built the NAR. Same inputs, same bytes.
"""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

from nifi.archive import write_archive
from nifi.distribution.cache import cache_folder
from nifi.errors import NarError
from nifi.progress import Report, silent

GROUP, ARTIFACT = "sluice", "sluice-nar"
_DEPENDENCIES = "NAR-INF/bundled-dependencies"
_ROOT = Path(__file__).resolve().parents[1]
_LOCK = _ROOT / "requirements" / "nar.lock"
_LEFT_OUT = ("__pycache__", "tests", "test_files", "charset_files", "benchmarks")
"""Folders of wheels and of ours that no processor reads; half of the size."""

_INSTALL_NOTES = ("RECORD", "INSTALLER", "REQUESTED", "uv_cache.json", ".lock")
"""What the installer noted, some of it with this machine's paths, which would change the digest."""


@dataclass(frozen=True, slots=True)
class Nar:
    """A NAR file, and the SHA-256 of its bytes."""

    file: Path
    version: str
    digest: str


def build(folder: Path | None = None, report: Report = silent, source: Path = _ROOT) -> Nar:
    """Build the NAR, or find the one that the same inputs gave before.

    Args:
        folder: gets a copy of the file; without it the file stays in the cache alone.
        report: hears of each step.
        source: the folder that holds `processors` and `handoff`.

    Raises:
        NarError: the wheels cannot be installed or the sources are not there.
    """
    wheels = _wheels(report)
    members = {**_own_files(source), **_bundled(wheels)}
    version = installed_version("dicom-sluice")
    members["META-INF/MANIFEST.MF"] = _manifest(version)
    target = cache_folder() / "nar" / f"{_inputs_digest(members, wheels)}.nar"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        report("Packing the processors' NAR")
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            half_done = Path(scratch) / target.name
            write_archive(half_done, members)
            half_done.replace(target)
    name = f"{ARTIFACT}-{version}-{_abi()}.nar"
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target, folder / name)
    with target.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Nar(folder / name if folder else target, version, digest)


def _own_files(source: Path) -> dict[str, bytes | Path]:
    """The shells to the root, the packages beside the wheels; of `handoff` the contract alone."""
    packages = [*_files(source / "processors"), *_files(source / "handoff" / "contract")]
    shells = [file for file in packages if is_shell(file)]
    if not shells:
        message = f"There are no processors below {source}."
        raise NarError(message)
    members: dict[str, bytes | Path] = {file.name: file for file in shells}
    members |= {f"{_DEPENDENCIES}/{file.relative_to(source)}": file for file in packages if not is_shell(file)}
    # The package's own docstring would name modules that stay outside.
    members[f"{_DEPENDENCIES}/handoff/__init__.py"] = b'"""The handoff\'s contract, as bundled for processors."""\n'
    return members


def is_shell(file: Path) -> bool:
    """Whether a module is a processor: a CapWords name directly in `processors`."""
    return file.parent.name == "processors" and file.suffix == ".py" and file.name[0].isupper()


def _bundled(wheels: Path) -> dict[str, bytes | Path]:
    return {
        f"{_DEPENDENCIES}/{file.relative_to(wheels)}": file
        for file in _files(wheels)
        if file.name not in _INSTALL_NOTES
    }


def _files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not set(file.relative_to(folder).parts).intersection(_LEFT_OUT)
    )


def _wheels(report: Report) -> Path:
    """The folder with the wheels of the lock, installed once for each lock and Python."""
    if not _LOCK.exists():
        message = f"{_LOCK} is missing; the NAR is built from a clone."
        raise NarError(message)
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / "nar" / f"wheels-{digest}-{_abi()}"
    if folder.exists():
        return folder
    report("Installing the processors' dependencies")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=folder.parent) as scratch:
        half_done = Path(scratch) / "target"
        _install(half_done)
        try:
            half_done.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    return folder


def _install(target: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv) if uv.exists() else "uv", "pip", "install", "--quiet", "--python", sys.executable]
    command += ["--target", str(target), "--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(_LOCK)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NarError("uv, which installs the processors' dependencies, is not here.") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["it said nothing"]
        message = f"uv cannot install the processors' dependencies: {said[-1].strip()}."
        raise NarError(message) from error
    # Scripts name this machine's Python, and no processor runs them.
    shutil.rmtree(target / "bin", ignore_errors=True)


def _inputs_digest(members: dict[str, bytes | Path], wheels: Path) -> str:
    """A digest of all that goes in; a wheel's file counts by its name, as the folder's name holds the lock's digest."""
    digest = hashlib.sha256(wheels.name.encode())
    for name, content in sorted(members.items(), key=lambda member: member[0]):
        if isinstance(content, Path) and content.is_relative_to(wheels):
            data = b""
        else:
            data = content.read_bytes() if isinstance(content, Path) else content
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _manifest(version: str) -> bytes:
    lines = ("Manifest-Version: 1.0", f"Nar-Id: {ARTIFACT}", f"Nar-Group: {GROUP}", f"Nar-Version: {version}", "", "")
    return "\r\n".join(lines).encode()


def _abi() -> str:
    """The Python version and platform that the wheels fit."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"cp{sys.version_info.major}{sys.version_info.minor}-{platform}"
