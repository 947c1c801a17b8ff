"""Our images without an engine: virtual environments from the images' own locks, with the project's wheel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose_host import ROOT, Image, missing
from tests.peers import versitygw

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, as the images build it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([BIN / "hatchling", "build", "--target", "wheel", "--directory", folder], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def our_images(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    """Receiver and handoff hold nothing but their lock's wheels; the others are the development environment."""
    if why := missing():
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    everything = Image((str(BIN / "sluice"),), _environment(BIN), (ROOT, Path(sys.base_prefix)))
    made = {"sluice/operator": everything, "sluice/ml": everything}
    for name in ("receiver", "handoff"):
        venv = tmp_path_factory.mktemp(name) / "venv"
        _uv("venv", "--python", sys.executable, str(venv))
        lock = str(ROOT / "requirements" / f"{name}.lock")
        _uv("pip", "install", "--python", str(venv), "--require-hashes", "--only-binary", ":all:", "-r", lock)
        _uv("pip", "install", "--python", str(venv), "--no-deps", str(wheel))
        program = venv / "bin"
        made[f"sluice/{name}"] = Image(
            (str(program / "sluice"),), _environment(program), (venv.parent, Path(sys.base_prefix), BIN.parent)
        )
    return made


def _environment(programs: Path) -> dict[str, str]:
    path = f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "SLUICE_HOME": "/var/lib/sluice", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _uv(*arguments: str) -> None:
    subprocess.run([BIN / "uv", *arguments, "--quiet"], check=True)


@pytest.fixture(scope="session")
def s3_gateway() -> Path:
    """The S3 gateway that `make peers` builds."""
    return versitygw.make()
