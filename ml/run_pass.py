"""By what a step reaches its run's files at the handoff: the id of the handoff and the token of the run.

On one machine both lie in the run's own folder. In a cluster the target has a token of its own, in a secret, that is
good for nothing but this: to get the token of the run that the engine says the step belongs to.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from handoff.contract.environment import ENGINE_RUN, ENGINE_TOKEN, RUN, RUN_TOKEN_FILE
from ml.errors import HandoffError
from ml.handoff_server import HandoffServer

_EXCHANGE = "/v1/runs/token"
_UNKNOWN = "run-unknown"


@dataclass(frozen=True, slots=True)
class RunPass:
    """Which run this is, and its token."""

    handoff: str
    token: str = field(repr=False)


class Passes(Protocol):
    """Where a pass comes from; a later one may be another, as tokens end."""

    def get(self) -> RunPass:
        """A pass that holds now."""


@dataclass(frozen=True, slots=True)
class PassOfFile:
    """The pass of a run on one machine."""

    handoff: str
    file: Path

    def get(self) -> RunPass:
        """Read the file anew.

        Raises:
            HandoffError: it cannot be read.
        """
        try:
            return RunPass(self.handoff, _printable(self.file.read_text("ascii")))
        except (OSError, UnicodeDecodeError):
            raise HandoffError("the file with the token of the run cannot be read.") from None


@dataclass(frozen=True, slots=True)
class PassOfEngine:
    """The pass of a run in a cluster."""

    server: HandoffServer
    run: str
    token: str = field(repr=False)

    def get(self) -> RunPass:
        """Ask for it; a run that the handoff does not know yet is asked for again, for it may hear of it later.

        Raises:
            HandoffError: there is none for this step.
        """
        body = json.dumps({"run": self.run}).encode()
        answer = self.server.ask(
            "POST", _EXCHANGE, self.token, body=body, headers={"Content-Type": "application/json"}, later={_UNKNOWN}
        )
        if answer.status != 200:
            message = f"the handoff gives this step no token ({answer.code})."
            raise HandoffError(message)
        try:
            said = json.loads(answer.content)
            return RunPass(str(said["handoff"]), _printable(str(said["token"])))
        except (ValueError, KeyError, TypeError):
            raise HandoffError("the handoff answered with something that is no token.") from None


def passes_of(environment: Mapping[str, str], server: HandoffServer) -> Passes:
    """What the variables say.

    Raises:
        HandoffError: they name neither a run nor an engine's run.
    """
    if RUN in environment and RUN_TOKEN_FILE in environment:
        return PassOfFile(environment[RUN], Path(environment[RUN_TOKEN_FILE]))
    if environment.get(ENGINE_RUN) and environment.get(ENGINE_TOKEN):
        return PassOfEngine(server, environment[ENGINE_RUN], _printable(environment[ENGINE_TOKEN]))
    message = f"the environment has neither {RUN} and {RUN_TOKEN_FILE} nor {ENGINE_RUN} and {ENGINE_TOKEN}."
    raise HandoffError(message)


def _printable(text: str) -> str:
    """A token as a header may carry it.

    Raises:
        HandoffError: it is none.
    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise HandoffError("what should be a token is none.")
    return token
