"""The process that owns one local run: `python -m handoff.backends.kfp_local_run FOLDER`. Outlives the worker.

1. Claim the run: `started.json` can be made only once, so a run that is started twice runs once.
2. Let `kfp_local_steps` run the pipeline, within the time that the run has.
3. Write how it ended, remove the temporary folder and the token.
4. End whatever the steps left behind in this process group.

Only the standard library and nothing of the service: it starts fast, in the ML environment.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from handoff.backends.processes import ProcessIdentity

SPEC = "run.json"
STARTED = "started.json"
ENDED = "ended.json"
TEMPORARY = "tmp"
TOKEN = "token"  # noqa: S105 - the name of a file


def main(folder: Path) -> int:
    """Run what lies in the folder, once."""
    if not write_once(folder / STARTED, asdict(ProcessIdentity.own())):  # (1)
        return 0
    spec = json.loads((folder / SPEC).read_text("utf-8"))
    command = [sys.executable, "-m", "handoff.backends.kfp_local_steps", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as steps:  # (2)
        try:
            code = steps.wait(timeout=spec["timeout_seconds"])
            ended = {"reason": "exited", "code": code}
        except subprocess.TimeoutExpired:
            steps.kill()
            ended = {"reason": "timeout", "code": None}
    shutil.rmtree(folder / TEMPORARY, ignore_errors=True)
    (folder / TOKEN).unlink(missing_ok=True)
    write_once(folder / ENDED, ended)  # (3)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # (4)
    return 0


def write_once(file: Path, content: dict[str, object]) -> bool:
    """Make a file that is there whole or not at all, and only once; False when it was there."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(temporary, file)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync_folder(file.parent)  # or a power cut could forget the claim, and the run would start again
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
