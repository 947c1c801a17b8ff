"""Say in one line why a start failed, out of what the server left in its logs."""

import re
from pathlib import Path

_PREFIX = re.compile(r"^\S+ \S+ (ERROR|WARN) \[[^\]]*\] \S+ ")
_LINE_LENGTH = 300


def cause(instance: Path, since: int = 0, program: str = "NiFi", log_name: str = "nifi") -> str:
    """The most telling line: the last root cause, else the last error, else the first thing that the JVM said.

    Args:
        instance: the server's folder in the home.
        since: where in its application log this start began, in bytes.
        program: what people call the server.
        log_name: how the names of its logs begin.
    """
    lines = _lines(instance / "logs" / f"{log_name}-app.log", since)
    roots = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    errors = [_PREFIX.sub("", line) for line in lines if " ERROR [" in line]
    # A JVM that cannot start says what is wrong first and that it gives up last.
    said = [line for line in _lines(instance / "logs" / f"{log_name}-out.log") if line.strip()][:1]
    for candidates in (roots, errors, said):
        if candidates:
            return candidates[-1].strip().rstrip(".")[:_LINE_LENGTH]
    return f"{program} said nothing"


def _lines(file: Path, since: int = 0) -> list[str]:
    try:
        with file.open("rb") as stream:
            stream.seek(since)
            return stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
