"""Start, find and stop the embedded NiFi Registry of one Sluice home.

It keeps everything below `<home>/registry`: the flows as a Git repository (`flows/`, one commit a version), their names
in an H2 database, its logs. Unlike NiFi's folder this one is no scratch: it is the site's record of releases.
"""

import os
import shutil
import subprocess
from pathlib import Path

from nifi.distribution.artifact import read_registry_lock
from nifi.distribution.assemble import install, is_installed
from nifi.distribution.cache import require_room
from nifi.distribution.configure import configure_registry
from nifi.distribution.service import QUICK_START, Launch, end, find_java, free_ports, launch, plain_environment
from nifi.distribution.state import RunningRegistry
from nifi.errors import GitError
from nifi.progress import Report, silent

HEAP_MB = 128
_INSTANCE_BYTES = 200 * 10**6


def start_registry(home: Path, *, port: int = 0, report: Report = silent) -> RunningRegistry:
    """Start the home's Registry, installed first where that is needed, and return once its REST API answers.

    Args:
        home: the Sluice home.
        port: for the pages and the REST API on 127.0.0.1; 0 takes any free one.
        report: hears of each step.

    Raises:
        AlreadyRunningError: it runs.
        PortInUseError: the port is taken.
        InstallError: it cannot be put together.
        GitError: there is no Git to make its repository with.
        StartError: it ended or hung while starting; the message has the cause.
    """
    distribution = install(report, read_registry_lock())
    java = find_java()

    def prepare(instance: Path) -> Launch:
        require_room(instance, 0 if (instance / "work").exists() else _INSTANCE_BYTES)
        web, _ = free_ports(port)
        # What it unpacked of its own programs names another port or version at times; it is made anew in a second.
        shutil.rmtree(instance / "work", ignore_errors=True)
        properties = configure_registry(instance, distribution, web)
        _make_repository(instance / "flows")
        url = f"http://127.0.0.1:{web}"
        # /actuator/health says 503 for reasons of its own.
        health = f"{url}/nifi-registry-api/access"
        return Launch(_command(java, distribution, properties), plain_environment(java), url, health, (health,))

    return launch(RunningRegistry, home, prepare, report)


def find_registry(home: Path) -> RunningRegistry | None:
    """The home's Registry if it runs."""
    return RunningRegistry.load(home)


def stop_registry(home: Path) -> bool:
    """End the home's Registry; False when it does not run."""
    return end(RunningRegistry, home)


def registry_is_installed() -> bool:
    """Whether a start needs no network."""
    return is_installed(read_registry_lock())


def _make_repository(folder: Path) -> None:
    """The Git provider wants a repository to be there."""
    if (folder / ".git").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    # The Registry commits by a Git of its own, which cannot sign, whatever the user's settings ask for.
    commands = (
        ["git", "-c", "init.defaultBranch=main", "init", "--quiet"],
        ["git", "config", "commit.gpgsign", "false"],
    )
    try:
        for command in commands:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        message = f"No Git repository can be made in {folder} ({type(error).__name__})."
        raise GitError(message) from error


def _command(java: Path, distribution: Path, properties: Path) -> list[str]:
    return [
        str(java),
        # Java's own modules are closed to the Spring of its day.
        "--add-exports",
        "java.naming/com.sun.jndi.ldap=ALL-UNNAMED",
        "-Xms48m",
        f"-Xmx{HEAP_MB}m",
        *QUICK_START,
        f"-Dnifi.registry.properties.file.path={properties}",
        f"-Dnifi.registry.bootstrap.config.file.path={properties.parent / 'bootstrap.conf'}",
        "-Dnifi.registry.bootstrap.config.docs.dir=docs",
        "-cp",
        f"{properties.parent}{os.pathsep}{distribution}/lib/*",
        "org.apache.nifi.registry.NiFiRegistry",
    ]
