"""A release as it stood at a revision of the clone's Git history."""

import json
import subprocess
from pathlib import Path

import yaml

from nifi.errors import GitError
from nifi.releases.flow import BUCKET, Flow, read_assembly
from nifi.releases.release import Release

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60


def release_of_git(revision: str, clone: Path = _ROOT) -> Release:
    """Read flows, assembly and parameters of a revision.

    Raises:
        GitError: there is no such revision, or it has no flows.
    """
    if not revision or revision.startswith("-"):
        message = f"{revision!r} names no revision."
        raise GitError(message)
    commit = _git(clone, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", what=f"revision {revision}")[:12]

    def show(path: str) -> str:
        return _git(clone, "show", f"{commit}:{path}", what=f"{path} at {commit}")

    assembly = show("nifi/releases/assembly.yaml")
    parameters = show("nifi/parameters/sluice.yaml")
    try:
        names = read_assembly(assembly).positions
        flows = tuple(Flow(name, json.loads(show(f"nifi/flows/{BUCKET}/{name}.json"))) for name in names)
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        message = f"The flows at {commit} cannot be read ({type(error).__name__})."
        raise GitError(message) from error
    return Release(flows, assembly, parameters, f"git:{commit}")


def _git(clone: Path, *arguments: str, what: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=clone, check=False, capture_output=True, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"Git does not run in {clone} ({type(error).__name__})."
        raise GitError(message) from error
    if done.returncode:
        message = f"Git has no {what} in {clone}."
        raise GitError(message)
    return done.stdout.strip() if arguments[0] == "rev-parse" else done.stdout
