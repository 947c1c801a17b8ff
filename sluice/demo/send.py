"""Push files over DICOM with a program that is not ours, and believe nothing but its log."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from sluice.demo import dcmsend, storescu
from sluice.demo.errors import SenderFailedError
from sluice.demo.sent import Push, Route, SentFile

FILES_PER_ASSOCIATION = 2000
"""More would outgrow a command line."""

ATTEMPTS = 3
"""How often a file is sent while no answer comes."""


Runner = Callable[[list[str], Path], None]
"""Starts a command, writes its output to a log, and waits for its end."""


def choose_sender() -> ModuleType:
    """Take dcmtk's dcmsend where installed, else pynetdicom's storescu."""
    return dcmsend if shutil.which("dcmsend") else storescu


def push(
    files: Sequence[Path], route: Route, logs: Path, *, sender: ModuleType | None = None, run: Runner | None = None
) -> Push:
    """Send `files`, in order, and report each one's fate.

    Args:
        files: whatever there is; what the sender cannot read is reported as unsent.
        route: who calls whom.
        logs: folder for the sender's logs and reports, one pair per association.
        sender: the module of a sender; by default the best that is installed.
        run: starts the sender and waits for its end; the demo gives one that Ctrl-C can stop.

    Raises:
        SenderFailedError: no association came about.
    """
    sender, run = sender or choose_sender(), run or _run
    logs.mkdir(parents=True, exist_ok=True)
    fates: dict[Path, SentFile] = {}
    associations = retries = 0
    waiting = list(files)
    for attempt in range(ATTEMPTS):
        retries += len(waiting) if attempt else 0
        for start in range(0, len(waiting), FILES_PER_ASSOCIATION):
            part = waiting[start : start + FILES_PER_ASSOCIATION]
            log = logs / f"{route.calling_ae}-{len(list(logs.glob('*.log'))):03d}.log"
            run(sender.command(part, route, log.with_suffix(".report")), log)
            fates |= {sent.file: sent for sent in _read(sender, log)}
            associations += 1
        waiting = [file for file in files if file not in fates or fates[file].outcome == "unanswered"]
        if not waiting:
            break
    missing = {file: SentFile(file, "unanswered", "not-in-log") for file in waiting if file not in fates}
    return Push(sender.NAME, tuple((fates | missing)[file] for file in files), associations, retries)


def _read(sender: ModuleType, log: Path) -> list[SentFile]:
    text, report = log.read_text("utf-8", errors="replace"), log.with_suffix(".report")
    fates = list(sender.read_log(text, report.read_text("utf-8", errors="replace") if report.exists() else ""))
    if not fates:
        lines = text.strip().splitlines()
        message = f"{sender.NAME} sent nothing: {lines[-1] if lines else 'its log is empty'} ({log})."
        raise SenderFailedError(message)
    return fates


def _run(command: list[str], log: Path) -> None:
    # dcmtk leaves Nagle on, which costs 80 ms an instance against delayed acknowledgements.
    environment = {**os.environ, "TCP_NODELAY": "1"}
    with log.open("wb") as sink:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=environment, check=False
        )
