"""Runs the services of docker-compose.yml without an engine: each in network and mount namespaces of its own.

What an engine would do, done with `ip netns` and bubblewrap: each compose network is a switch, each service has an
address on the switches that it names, and knows its neighbours by name; its file system is read-only but for volumes;
its secrets and settings lie where the file says; it runs the file's command as user 1000. Only the images are missing:
ours are virtual environments made from the same locks, the others Debian's packages of the same programs.
"""

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

ROOT = Path(__file__).resolve().parents[1]
_NUMBERS = itertools.count(os.getpid() % 1000 * 100)
_PROGRAMS = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/opt")
_BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """What stands for an image: its entry point, the environment that it sets, folders of programs that it holds."""

    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()


class ComposeHost:
    """One host with the networks of the file and, once started, its services. Use it as a context; it needs root."""

    def __init__(self, folder: Path, secrets: Path, images: Mapping[str, Image], *, of: Sequence[str]) -> None:
        """Plan the networks.

        Args:
            folder: for volumes, host files and logs.
            secrets: what `sluice secrets new` made.
            images: by the service's image, without its tag.
            of: the services that this host has.
        """
        self.compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
        self.folder, self._secrets, self._images, self.names = folder, secrets, images, tuple(of)
        self._prefix = f"sl{next(_NUMBERS)}"
        networks = list(self.compose["networks"])
        self.addresses: dict[tuple[str, str], str] = {
            (name, network): f"10.91.{networks.index(network)}.{self.names.index(name) + 2}"
            for name in self.names
            for network in self.service(name)["networks"]
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self._lay_networks()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            self.stop(name)
        self._clear()

    def service(self, name: str) -> dict[str, Any]:
        """A service as the file says it."""
        found: dict[str, Any] = self.compose["services"][name]
        return found

    def log(self, name: str) -> Path:
        """Where a service's output goes."""
        return self.folder / f"{name}.log"

    def start(self, name: str) -> None:
        """Start a service in the background."""
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._command_line(name, self._own_command(name)), stdout=log, stderr=log, start_new_session=True
            )

    def stop(self, name: str) -> None:
        """End a service as `docker compose stop` would: SIGTERM, then SIGKILL."""
        process = self._running.pop(name)
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(self, name: str, command: Sequence[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the file's command of a one-shot service, or another command as `docker compose exec` would."""
        chosen = self._own_command(name) if command is None else list(command)
        return subprocess.run(
            self._command_line(name, chosen), capture_output=True, text=True, check=False, timeout=250
        )

    def healthy(self, name: str) -> bool:
        """Whether the service's own health check passes."""
        kind, *test = self.service(name)["healthcheck"]["test"]
        return self.run(name, ["/bin/sh", "-c", *test] if kind == "CMD-SHELL" else test).returncode == 0

    def volume(self, name: str) -> Path:
        """Where a named volume's files are."""
        found = self.folder / "volumes" / name
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        return found

    def _own_command(self, name: str) -> list[str]:
        service = self.service(name)
        entrypoint = service.get("entrypoint", self._image(name).entrypoint)
        command = [str(part).replace("$$", "$") for part in service.get("command", ())]
        return [*entrypoint, *command]

    def _image(self, name: str) -> Image:
        return self._images[self.service(name)["image"].rpartition(":")[0]]

    def _command_line(self, name: str, command: Sequence[str]) -> list[str]:
        service, image = self.service(name), self._image(name)
        line = ["ip", "netns", "exec", self._namespace(name), "bwrap", "--die-with-parent", "--clearenv"]
        line += ["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-ipc"]
        line += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp"]
        for folder in (*_PROGRAMS, *image.folders):
            line += ["--ro-bind-try", str(folder), str(folder)]
        line += ["--tmpfs", "/usr/local/etc"]
        for key, value in {"PATH": _BASE_PATH, "HOME": "/tmp", **image.environment}.items():
            line += ["--setenv", key, value]
        for key, value in service.get("environment", {}).items():
            line += ["--setenv", key, str(value)]
        line += ["--ro-bind", str(self._hosts(name)), "/etc/hosts", "--ro-bind", str(self._users()), "/etc/passwd"]
        for mount in service.get("volumes", ()):
            source, target, *options = mount.split(":")
            path = ROOT / source if source.startswith(".") else self.volume(source)
            line += ["--ro-bind" if options else "--bind", str(path), target]
        for entry in service.get("secrets", ()):
            source = entry if isinstance(entry, str) else entry["source"]
            target = f"/run/secrets/{source}" if isinstance(entry, str) else entry["target"]
            file = self.compose["secrets"][source]["file"].partition("}/")[2]
            line += ["--ro-bind", str(self._secrets / file), target]
        return [*line, "--chdir", "/tmp", *command]

    def _hosts(self, name: str) -> Path:
        """Names of this service's neighbours, as an engine's resolver would answer."""
        own = self.service(name)["networks"]
        lines = ["127.0.0.1 localhost"]
        lines += [f"{address} {other}" for (other, network), address in self.addresses.items() if network in own]
        file = self.folder / f"{name}.hosts"
        file.write_text("\n".join([*lines, ""]))
        return file

    def _users(self) -> Path:
        """The one user of a container; some programs want to know its name."""
        file = self.folder / "passwd"
        file.write_text("root:x:0:0::/:/bin/sh\nsluice:x:1000:1000::/tmp:/bin/sh\n")
        return file

    def _namespace(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def _lay_networks(self) -> None:
        for network in self.compose["networks"]:
            switch = self._namespace(f"net-{network}")
            _ip("netns", "add", switch)
            _ip("-n", switch, "link", "add", "switch", "type", "bridge")
            _ip("-n", switch, "link", "set", "switch", "up")
        for name in self.names:
            space = self._namespace(name)
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
            for index, network in enumerate(self.service(name)["networks"]):
                switch, port = self._namespace(f"net-{network}"), f"eth{index}"
                end = f"p{self.names.index(name)}"
                _ip("-n", switch, "link", "add", end, "type", "veth", "peer", "name", port, "netns", space)
                _ip("-n", switch, "link", "set", end, "master", "switch", "up")
                _ip("-n", space, "addr", "add", f"{self.addresses[name, network]}/24", "dev", port)
                _ip("-n", space, "link", "set", port, "up")

    def _clear(self) -> None:
        spaces = [*(f"net-{network}" for network in self.compose["networks"]), *self.names]
        for each in spaces:
            subprocess.run(["ip", "netns", "del", self._namespace(each)], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def missing() -> str | None:
    """What this machine lacks for a host; None when it has everything."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    absent = [program for program in ("ip", "bwrap", "haproxy", "Orthanc") if shutil.which(program) is None]
    return f"{', '.join(absent)} missing: apt-get install iproute2 bubblewrap haproxy orthanc" if absent else None
