"""Say in one line why a start failed, out of what NiFi left in its logs."""

import re
from pathlib import Path

_PREFIX = re.compile(r"^\S+ \S+ (ERROR|WARN) \[[^\]]*\] \S+ ")
_LINE_LENGTH = 300


def cause(instance: Path, since: int = 0) -> str:
    """The most telling line: the last root cause, else the last error, else the first thing that the JVM said.

    Args:
        instance: NiFi's folder in the home.
        since: where in nifi-app.log this start began, in bytes.
    """
    lines = _lines(instance / "logs" / "nifi-app.log", since)
    roots = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    errors = [_PREFIX.sub("", line) for line in lines if " ERROR [" in line]
    # A JVM that cannot start says what is wrong first and that it gives up last.
    said = [line for line in _lines(instance / "logs" / "nifi-out.log") if line.strip()][:1]
    for candidates in (roots, errors, said):
        if candidates:
            return candidates[-1].strip().rstrip(".")[:_LINE_LENGTH]
    return "NiFi said nothing"


def _lines(file: Path, since: int = 0) -> list[str]:
    try:
        with file.open("rb") as stream:
            stream.seek(since)
            return stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
