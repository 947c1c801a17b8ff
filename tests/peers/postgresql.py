"""Debian's PostgreSQL, started by the tests: its own folder, loopback, a user that is not root."""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import pg8000.native

from tests.loopback import free_port
from tests.waiting import wait_for

_ROOT = Path("/usr/lib/postgresql")
USER = "sluice"


def binaries() -> Path:
    """The newest installed version's programs; a test without its peer fails."""
    found = sorted(_ROOT.glob("*/bin"), key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0))
    assert found, "PostgreSQL is not installed: apt-get install postgresql"
    return found[-1]


class Postgresql:
    """A server on loopback; `kill` (as by a power cut) and `start` as often as a test likes.

    Args:
        folder: where its data goes; must not be there.
        durable: whether it syncs as in earnest; without, only the machine's fall could lose anything.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.password = secrets.token_urlsafe(16)
        self.process: subprocess.Popen[bytes] | None = None
        self._durable = durable
        self._as_user: list[str] = []
        self._make()

    def _make(self) -> None:
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self._as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
            shutil.chown(self.folder, account.pw_uid, account.pw_gid)
            for above in self.folder.parents:  # pytest's folders are closed to others
                if above.owner() == "root" and not above.stat().st_mode & 0o001:
                    above.chmod(above.stat().st_mode | 0o011)
        password = self.folder / "password"
        password.write_text(self.password)
        password.chmod(0o644)
        command = [*self._as_user, str(binaries() / "initdb"), "-D", str(self.folder / "data"), "-U", USER]
        command += ["--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def start(self) -> "Postgresql":
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "log_min_messages": "fatal",
        }
        command = [*self._as_user, str(binaries() / "postgres"), "-D", str(self.folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        wait_for(self._answers, 120, complaint=(self.folder.parent / f"{self.folder.name}.log").read_text)
        return self

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except (pg8000.native.InterfaceError, pg8000.native.DatabaseError, OSError):
            return False
        return True

    def run(self, statement: str, database: str = "postgres") -> list[list[object]]:
        """Run one statement as the owner, outside of any transaction."""
        connection = pg8000.native.Connection(
            USER, host="127.0.0.1", port=self.port, password=self.password, database=database
        )
        try:
            return connection.run(statement) or []
        finally:
            connection.close()

    def database(self, template: str | None = None) -> str:
        """A new database, empty or a copy; returns its name."""
        name = f"t{secrets.token_hex(8)}"
        self.run(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def kill(self) -> None:
        """Kill the postmaster and every backend at once, as the end of the machine would."""
        assert self.process is not None
        children = _children(self.process.pid)
        self.process.kill()
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast: ends connections
            self.process.wait(timeout=120)


def _children(parent: int) -> list[int]:
    file = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in file.read_text().split()]
