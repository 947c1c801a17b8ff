"""dcmtk's dcmsend as the sender: it proposes, file by file, the transfer syntax that the file has."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sluice.demo.sent import Route, SentFile

NAME = "dcmsend"

_REPORT_ENTRY = re.compile(r"^Filename +: (?P<file>.+?)$.*?^DIMSE Status +: (?P<status>.+?)$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"0x(?P<code>[0-9a-f]{4})")
_NOT_LISTED = re.compile(
    r"^E: cannot add DICOM file to the transfer list: (?P<file>.+?): (?P<why>[^:]+)$", re.MULTILINE
)
_EVENT = re.compile(
    r"^I: Received C-STORE Response(?P<answer>.*)"
    r"|^E: Failed sending C-STORE request: .*(?P<context>Bad presentation context ID)"
    r"|^E: Failed (?P<broken>.*)"
    r"|^E: Cannot send SOP instance, (?P<missing>missing information)"
    r"|^E: cannot send SOP instance from file: (?P<unreadable>.*)",
    re.MULTILINE,
)


def command(files: Sequence[Path], route: Route, report: Path) -> list[str]:
    """The command line: never re-encode, never stop at a bad file, write a report.

    `--no-uid-checks` sends what a stricter sender would hold back; scanners are not strict either.
    """
    options = ["--verbose", "--no-halt", "--no-uid-checks", "--decompress-never", "--create-report-file", str(report)]
    names = ["-aet", route.calling_ae, "-aec", route.called_ae]
    return ["dcmsend", *options, *names, route.host, str(route.port), *map(str, files)]


def read_log(log: str, report: str) -> Iterator[SentFile]:
    """One record per file that dcmsend was given.

    The report names each file's status; for what was not sent the log says why, one event per listed file and in the
    report's order. Empty when there was no association at all.
    """
    for match in _NOT_LISTED.finditer(log):
        yield SentFile(Path(match["file"]), "unsent", _code(match["why"]))
    events = list(_EVENT.finditer(log))
    for number, match in enumerate(_REPORT_ENTRY.finditer(report)):
        event = events[number] if number < len(events) else None
        yield _judge(Path(match["file"]), match["status"], event)


def _judge(file: Path, status: str, event: re.Match[str] | None) -> SentFile:
    if code := _STATUS.search(status):
        number = int(code["code"], 16)
        # Success and the warnings of PS3.4 B.2.3 (Bxxx) both mean that the instance was stored.
        if number == 0 or number >> 12 == 0xB:
            return SentFile(file, "acknowledged")
        return SentFile(file, "refused", f"status-{code['code']}")
    if event is None or event["broken"]:
        return SentFile(file, "unanswered", "association-ended")
    if event["context"]:
        return SentFile(file, "refused", "no-presentation-context")
    return SentFile(file, "unsent", "no-identifiers" if event["missing"] else "unreadable")


def _code(text: str) -> str:
    """A reason code of dcmtk's words: `File meta information header missing` -> `no-file-meta`."""
    known = {"File meta information header missing": "no-file-meta", "Invalid SOP Class UID": "no-identifiers"}
    return known.get(text.strip(), "unreadable")
