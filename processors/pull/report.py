"""What a pull says while it runs: one moving line on a terminal, JSON lines elsewhere. Numbers and codes, no values."""

import json
import sys
import time
from typing import TextIO

from processors.pull.job import JobStudy

Fact = str | int | float | bool | list[int] | None
_EVERY_SECONDS = 1.0


class Report:
    """Writes events."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        self._json = as_json
        self._stream = stream or sys.stdout
        self._said_at = 0.0
        self._moving = False

    @classmethod
    def to_stdout(cls, *, as_json: bool) -> "Report":
        """JSON if asked for, or if nobody watches."""
        return cls(as_json=as_json or not sys.stdout.isatty())

    def say(self, event: str, words: str, **facts: Fact) -> None:
        """One event."""
        if self._json:
            self._write(json.dumps({"event": event, **facts}) + "\n")
        else:
            self._write(("\r\x1b[K" if self._moving else "") + words + "\n")
        self._moving = False

    def progress(self, study: JobStudy, of: int, completed: int, failed: int) -> None:
        """How far one study is; at most once a second."""
        now = time.monotonic()
        if now - self._said_at < _EVERY_SECONDS:
            return
        self._said_at = now
        if self._json:
            facts = {"study": study.number, "of": of, "completed": completed, "failed": failed}
            self._write(json.dumps({"event": "progress", **facts, "expected": study.expected}) + "\n")
        else:
            self._write(f"\r\x1b[Kstudy {study.number} of {of}: {completed} of {study.expected} instances")
            self._moving = True

    def study(self, study: JobStudy, of: int, state: str, code: str, here: int) -> None:
        """What became of one study."""
        where = f" (line {study.line})" if study.line else ""
        words = f"study {study.number} of {of}{where}: {state}, {here} of {study.expected} instances here"
        self.say(
            "study",
            f"{words}; {code}" if code else words,
            study=study.number,
            of=of,
            line=study.line,
            state=state,
            code=code or None,
            expected=study.expected,
            here=here,
            completed=study.completed,
            failed=study.failed,
            warnings=study.warnings,
        )

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
