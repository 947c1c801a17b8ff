"""Start, find and stop the embedded NiFi of one Sluice home."""

import os
import shutil
import sys
from pathlib import Path

from nifi.distribution.assemble import install
from nifi.distribution.cache import require_room
from nifi.distribution.configure import Settings, configure
from nifi.distribution.service import (
    QUICK_START,
    Launch,
    end,
    find_java,
    free_ports,
    healthy,
    launch,
    plain_environment,
)
from nifi.distribution.state import RunningNiFi, instance_folder
from nifi.errors import AlreadyRunningError
from nifi.progress import Report, silent

__all__ = ["REPOSITORIES", "find", "healthy", "instance_folder", "start", "stop", "wipe"]

HEAP_MB = 768
REPOSITORIES = ("flowfile", "content", "provenance", "database")
"""The folders below `<home>/nifi/repositories`; all may be wiped while NiFi is down."""

_INSTANCE_BYTES = 600 * 10**6


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

    def prepare(instance: Path) -> Launch:
        require_room(instance, 0 if (instance / "work").exists() else _INSTANCE_BYTES)
        web, management = free_ports(port)
        settings = Settings(distribution, Path(sys.executable), web, f"Sluice at {Path(home).resolve()}")
        properties = configure(instance, settings)
        url, health_url = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{management}/health"
        # Warnings of libraries quote values of patients, and NiFi copies what Python prints into its log.
        environment = {**plain_environment(java), "PYTHONWARNINGS": "ignore"}
        # /health comes first, then the REST API has a flow.
        ready = (health_url, f"{url}/nifi-api/flow/process-groups/root")
        return Launch(_command(java, distribution, properties, management), environment, url, health_url, ready)

    return launch(RunningNiFi, home, prepare, report)


def find(home: Path) -> RunningNiFi | None:
    """The home's NiFi if it runs."""
    return RunningNiFi.load(home)


def stop(home: Path) -> bool:
    """End the home's NiFi with all its children; False when it does not run."""
    return end(RunningNiFi, home)


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


def _command(java: Path, distribution: Path, properties: Path, management: int) -> list[str]:
    return [
        str(java),
        "-Xms256m",
        f"-Xmx{HEAP_MB}m",
        *QUICK_START,
        "-Dsun.net.http.allowRestrictedHeaders=true",
        "-Djava.protocol.handler.pkgs=sun.net.www.protocol",
        f"-Dnifi.properties.file.path={properties}",
        "-Dorg.apache.nifi.bootstrap.config.log.dir=logs",
        f"-Dorg.apache.nifi.management.server.address=127.0.0.1:{management}",
        "-cp",
        f"{properties.parent}{os.pathsep}{distribution}/lib/*",
        "org.apache.nifi.NiFi",
    ]
