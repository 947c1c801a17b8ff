"""pynetdicom's storescu as the sender, where dcmtk is not installed."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sluice.demo.sent import Route, SentFile

NAME = "pynetdicom storescu"

_BLOCK = re.compile(r"^I: Sending file: (?P<file>.+)\n(?P<rest>(?:(?!I: Sending file: ).*\n?)*)", re.MULTILINE)
_NEVER = re.compile(
    r"^E: (?P<why>Bad DICOM file|Unknown SOP Class or Transfer Syntax UID|Cannot access path): (?P<file>.+)$",
    re.MULTILINE,
)
_STATUS = re.compile(r"^I: Received Store Response \(Status: 0x(?P<code>[0-9A-Fa-f]{4})", re.MULTILINE)


def command(files: Sequence[Path], route: Route, report: Path) -> list[str]:
    """The command line: propose only what the files need; there is no report, the log says all."""
    del report
    options = ["--verbose", "--required-contexts", "--calling-aet", route.calling_ae]
    options += ["--called-aet", route.called_ae, route.host, str(route.port)]
    return [sys.executable, "-m", "pynetdicom", "storescu", *options, *map(str, files)]


def read_log(log: str, report: str) -> Iterator[SentFile]:
    """One record per file that storescu was given; empty when there was no association."""
    del report
    if "Association Accepted" not in log:
        return
    sent = {match["file"] for match in _BLOCK.finditer(log)}
    for match in _NEVER.finditer(log):
        if match["file"] not in sent:
            code = "no-identifiers" if match["why"].startswith("Unknown") else "no-file-meta"
            yield SentFile(Path(match["file"]), "unsent", code)
    for match in _BLOCK.finditer(log):
        yield _judge(Path(match["file"]), match["rest"])


def _judge(file: Path, rest: str) -> SentFile:
    if status := _STATUS.search(rest):
        number = int(status["code"], 16)
        if number == 0 or number >> 12 == 0xB:
            return SentFile(file, "acknowledged")
        return SentFile(file, "refused", f"status-{number:04x}")
    if "presentation context" in rest:
        return SentFile(file, "refused", "no-presentation-context")
    if "E: Store failed" in rest or "E: Bad DICOM file" in rest:
        return SentFile(file, "unsent", "unreadable")
    return SentFile(file, "unanswered", "association-ended")
