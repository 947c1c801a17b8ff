"""`kfp-local`: compiled pipelines on this machine. The run's folder, named by the key, is all there is to know of it.

A run is prepared in a folder that appears by a rename, started by a process that claims it, and ended by a file. So
a worker that is killed at any point finds the run again, and nothing can start it twice.

`torchrun-local` is the same, with steps that are told to share their work by several processes.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path

from handoff.access.run_access import RunAccess
from handoff.backends.interface import Answer, BackendError, Capabilities, Prepared, RunPhase, RunStatus
from handoff.backends.kfp_local_run import ENDED, SPEC, STARTED, TEMPORARY, TOKEN, write_once
from handoff.backends.kfp_local_steps import ARTIFACTS, PIPELINE
from handoff.backends.processes import RUN_MARK, ProcessIdentity, end_group, members
from handoff.contract.environment import PROCESSES, RUN_TOKEN_FILE
from handoff.handoffs.order import RunOrder
from handoff.home import write_secret
from handoff.store import fsync_folder, write_durably
from handoff.targets import LocalTarget

LOG = "log.txt"
_CLAIM_SECONDS = 60.0
_REMEDY = "Give the target, or --python, an interpreter with dicom-sluice[ml]."
_PASSED_ON = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TZ")
"""The only variables of the worker that a step sees."""


class KfpLocal:
    """Runs below one folder, by the interpreter of one target."""

    settle_seconds = 0.0
    poll_seconds = 0.0

    def __init__(self, runs: Path, target: LocalTarget) -> None:
        self._runs = runs
        self._target = target
        self._children: list[subprocess.Popen[bytes]] = []

    def probe(self) -> Capabilities:
        """Ask the target's interpreter for its kfp."""
        known = "kfp" if self._target.processes == 1 else "kfp torch"
        question = (
            "import handoff, importlib.metadata as m, platform; "
            f"print(*map(m.version, {known.split()}), platform.python_version())"
        )
        command = [str(self._target.python), "-c", question]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return Capabilities(ok=False, versions={}, problem="python-does-not-start", remedy=_REMEDY)
        if done.returncode != 0:
            return Capabilities(ok=False, versions={}, problem="kfp-or-handoff-missing", remedy=_REMEDY)
        return Capabilities(ok=True, versions=dict(zip([*known.split(), "python"], done.stdout.split(), strict=True)))

    def prepare(self, order: RunOrder) -> Prepared:
        """Lay out the run's folder beside its place, then rename it there; a folder that is there stays."""
        folder = self._folder(order.key)
        if not folder.exists():
            self._make(order, folder)
        if order.access is not None and not (folder / ENDED).exists():
            _leave_token(folder / TOKEN, order.access.token)
        return Prepared(order, order.pipeline_digest)

    def _make(self, order: RunOrder, folder: Path) -> None:
        if order.result is not None:
            order.result.mkdir(parents=True, exist_ok=True)
        fresh = self._runs / f".{order.key}.{secrets.token_hex(4)}"
        try:
            self._lay_out(order, fresh)
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            if not folder.exists():
                raise
        fsync_folder(self._runs)

    def _lay_out(self, order: RunOrder, fresh: Path) -> None:
        """Durable before its rename: a power cut must not leave a run's folder with empty files."""
        (fresh / TEMPORARY).mkdir(parents=True)
        spec = {"inputs": order.inputs, "timeout_seconds": self._target.timeout_seconds}
        write_durably(fresh / PIPELINE, [order.pipeline.read_bytes()])
        write_durably(fresh / SPEC, [json.dumps(spec).encode()])

    def find(self, key: str, handoff: str) -> str | None:
        """A run exists from the moment that a process claimed it."""
        return key if (self._folder(key) / STARTED).exists() else None

    def submit(self, prepared: Prepared) -> str:
        """Start the process that owns the run, and wait until it, or an earlier one, claimed the run."""
        key = prepared.order.key
        folder = self._folder(key)
        if not (folder / STARTED).exists():
            self._reap()
            child = self._start(prepared.order, folder)
            self._children.append(child)
            _wait_for_claim(child, folder / STARTED)
        return key

    def status(self, reference: str) -> RunStatus:
        """Read how it ended, or look whether its process lives."""
        self._reap()
        folder = self._folder(reference)
        if not folder.is_dir():
            return RunStatus(RunPhase.GONE, "run-folder-gone")
        owner = _owner(folder)
        ended = _read(folder / ENDED)
        if ended is None and owner is not None and owner.alive():
            return RunStatus(RunPhase.RUNNING)
        ended = ended or _read(folder / ENDED)  # it may have ended between the two looks
        if ended is not None:
            return _end(ended)
        if owner is not None and members(owner.pid, reference):
            end_group(owner.pid, reference)
        _clear(folder)
        return RunStatus(RunPhase.FAILED, "process-died")

    def cancel(self, reference: str) -> None:
        """End every process of the run; the end file says that it was asked for."""
        folder = self._folder(reference)
        owner = _owner(folder)
        if not folder.is_dir():
            return
        write_once(folder / ENDED, {"reason": "canceled", "code": None})
        if owner is not None:
            end_group(owner.pid, reference)
        _clear(folder)
        self._reap()

    def logs(self, reference: str) -> Path | None:
        """Everything that the run printed."""
        file = self._folder(reference) / LOG
        return file if file.exists() else None

    def artifacts(self, reference: str) -> Path | None:
        """Kfp's pipeline root of this run."""
        folder = self._folder(reference) / ARTIFACTS
        return folder if folder.exists() else None

    def _folder(self, key: str) -> Path:
        return self._runs / key

    def _start(self, order: RunOrder, folder: Path) -> subprocess.Popen[bytes]:
        command = [str(self._target.python), "-m", "handoff.backends.kfp_local_run", str(folder)]
        with (folder / LOG).open("ab") as log:
            try:
                return subprocess.Popen(
                    command,
                    cwd=folder,
                    env=step_environment(self._target, order.key, folder, order.access),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise BackendError("python-does-not-start", Answer.REFUSED) from error

    def _reap(self) -> None:
        """Let go of children that ended, or they would stay as zombies."""
        self._children = [child for child in self._children if child.poll() is None]


def step_environment(target: LocalTarget, key: str, folder: Path, access: RunAccess | None = None) -> dict[str, str]:
    """All that a step sees: no token but that of its run, no database, no home but its own folder."""
    files = {} if access is None else {**access.variables, RUN_TOKEN_FILE: str(folder / TOKEN)}
    return {
        "PATH": f"{target.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TMPDIR": str(folder / TEMPORARY),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        RUN_MARK: key,
        PROCESSES: str(target.processes),
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **target.environment,
        **files,
    }


def _leave_token(file: Path, token: str) -> None:
    """Put the token where only this user reads it, whole or not at all; one that is there already stays."""
    with contextlib.suppress(FileNotFoundError):
        if file.read_text("ascii") == token:
            return
        file.unlink()
    write_secret(file, token.encode("ascii"))


def _clear(folder: Path) -> None:
    """Do what the process of a run would have done at its end: nothing passing stays, and no token."""
    shutil.rmtree(folder / TEMPORARY, ignore_errors=True)
    (folder / TOKEN).unlink(missing_ok=True)


def _wait_for_claim(child: subprocess.Popen[bytes], started: Path) -> None:
    """Until the run is claimed, by this child or another one.

    Raises:
        BackendError: the child ended or hangs without a claim.
    """
    deadline = time.monotonic() + _CLAIM_SECONDS
    while not started.exists():
        if child.poll() is not None and not started.exists():
            raise BackendError("run-did-not-start", Answer.REFUSED)
        if time.monotonic() > deadline:
            child.kill()
            raise BackendError("run-did-not-start", Answer.REFUSED)
        time.sleep(0.02)


def _end(ended: dict[str, object]) -> RunStatus:
    match ended:
        case {"reason": "exited", "code": 0}:
            return RunStatus(RunPhase.COMPLETED)
        case {"reason": "canceled"}:
            return RunStatus(RunPhase.CANCELED, "asked")
        case {"reason": "timeout"}:
            return RunStatus(RunPhase.FAILED, "timeout")
        case _:
            return RunStatus(RunPhase.FAILED, "step-failed")


def _owner(folder: Path) -> ProcessIdentity | None:
    claimed = _read(folder / STARTED)
    return None if claimed is None else ProcessIdentity(**claimed)  # type: ignore[arg-type]


def _read(file: Path) -> dict[str, object] | None:
    try:
        content: dict[str, object] = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return content
