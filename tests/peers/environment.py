"""An environment of a peer's own, in the cache folder: what a lock names, by hash."""

import hashlib
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from nifi.distribution.cache import cache_folder

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def environment(name: str) -> Path:
    """The folder; installed when it is not there. Its name says from which lock, and for which Python.

    Args:
        name: of the lock, without its suffix.
    """
    lock = REQUIREMENTS / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = cache_folder() / "peers" / f"{name}-{digest}-{sys.version_info.major}{sys.version_info.minor}"
    if not (folder / "complete").is_file():
        uv = str(Path(sys.executable).with_name("uv"))
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", str(lock)]
        subprocess.run([*sync, "--python", str(folder / "bin" / "python")], check=True)
        subprocess.run([str(folder / "bin" / "python"), "-m", "compileall", "-q", str(folder / "lib")], check=False)
        (folder / "complete").write_text(secrets.token_hex(4))
    return folder
