"""Asks a program of the hospital: one question as JSON on its standard input, one answer on its standard output.

The patient is never in its arguments, which everybody on the machine can read.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Final

from processors.consent.answer import Answer
from processors.consent.errors import ConsentUnavailableError
from processors.site_program import answer_of

SCHEMA: Final = "sluice.consent/1"
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ")
MOST_BYTES: Final = 4096
"""Of an answer."""


def question(patient_id: str, issuer: str, project: str) -> bytes:
    """What a hook is asked, as one line of JSON."""
    said = {"schema": SCHEMA, "patient_id": patient_id.strip(" \0"), "issuer": issuer.strip(" \0"), "project": project}
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def understood(answer: bytes) -> Answer:
    """What a hook said: `{"consent": "allow"}`, or `deny`, or `unknown`.

    Raises:
        ConsentUnavailableError: it is anything else.
    """
    try:
        word = json.loads(answer)["consent"] if len(answer) <= MOST_BYTES else None
    except (ValueError, TypeError, KeyError, RecursionError):
        word = None  # the cause is dropped on purpose: it may quote the answer
    if not isinstance(word, str) or word not in {"allow", "deny", "unknown"}:
        raise ConsentUnavailableError("The answer about consent is no JSON object with allow, deny or unknown.")
    return Answer(word)


def ask_command(command: Sequence[str], asked: bytes, timeout_seconds: float) -> Answer:
    """Run the program once.

    Raises:
        ConsentUnavailableError: it cannot be run, fails, takes too long, or says nothing that is an answer.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        code, said = answer_of(command, asked=asked, seconds=timeout_seconds, environment=environment)
    except OSError as error:
        raise ConsentUnavailableError(f"The command about consent cannot be run: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise ConsentUnavailableError("The command about consent took too long.") from error
    if code != 0:
        raise ConsentUnavailableError(f"The command about consent failed with exit code {code}.")
    return understood(said)
