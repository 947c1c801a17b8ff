"""A run's files at the handoff: what it may read, and its own result. Its URIs are names; `path_of` says of what."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from handoff.contract.environment import (
    ENGINE_RUN,
    ENGINE_TOKEN,
    HANDOFF_CA_FILE,
    HANDOFF_URL,
    RESULTS_URI,
    RUN,
    RUN_TOKEN_FILE,
    STORE_URI,
)
from ml.errors import BatchError, HandoffError, PublishedError
from ml.handoff_server import DIGEST_HEADER, Answer, HandoffServer
from ml.run_pass import Passes, RunPass, passes_of

RESULTS = "results"
_VARIABLES = (HANDOFF_URL, HANDOFF_CA_FILE, STORE_URI, RESULTS_URI, RUN, RUN_TOKEN_FILE, ENGINE_RUN, ENGINE_TOKEN)
_BLOCK = 1 << 20
_UNKNOWN = 401
_REFUSED = frozenset({_UNKNOWN, 403})
_ABSENT = frozenset({404, 422})
"""Not there or not this run's, and what could never be a path of the store."""
_GONE = 410


@dataclass(slots=True)
class HandoffFiles:
    """The files of one run, by one server."""

    server: HandoffServer
    passes: Passes
    store_uri: str
    results_uri: str
    _pass: RunPass | None = field(default=None, repr=False)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "HandoffFiles | None":
        """What the variables say; None where the files are reached without the handoff.

        Raises:
            HandoffError: the variables say too little.
        """
        url = environment.get(HANDOFF_URL)
        if not url:
            return None
        try:
            store, results = environment[STORE_URI], environment[RESULTS_URI]
        except KeyError as missing:
            message = f"the environment lacks {missing.args[0]}."
            raise HandoffError(message) from None
        ca_file = environment.get(HANDOFF_CA_FILE)
        server = HandoffServer(url, Path(ca_file) if ca_file else None)
        return cls(server, passes_of(environment, server), store, results)

    def path_of(self, uri: str) -> str | None:
        """Where a URI leads at the handoff; None for one of another place."""
        for begin, folder in ((self.results_uri, f"{RESULTS}/"), (self.store_uri, "")):  # one may lie below the other
            if uri.startswith(f"{begin}/"):
                return f"{folder}{uri.removeprefix(begin).strip('/')}"
        return None

    def read(self, path: str) -> bytes:
        """A whole file.

        Raises:
            FileNotFoundError: it is not there, or none of this run's.
            BatchError: something of the batch was withdrawn, or the bytes are not those of their digest.
            HandoffError: the handoff does not answer, or does not let this run in.
        """
        into = BytesIO()
        self.fetch(path, into)
        return into.getvalue()

    def fetch(self, path: str, into: BinaryIO) -> None:
        """The same, into a file."""
        _require(self._ask("GET", path, into=into))

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        answer = self._ask("HEAD", path)
        if answer.status in _ABSENT:
            return False
        _require(answer)
        return True

    def names(self) -> list[str]:
        """The paths of the run's own result, below it."""
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            answer = self._ask("GET", None, query=f"?after={quote(after, safe='')}" if after else "")
            _require(answer)
            page = json.loads(answer.content)
            found += [str(item["path"]) for item in page["items"]]
            after = page["next"]
        return found

    def put(self, path: str, file: Path) -> None:
        """Store a file of the run's own result; its digest is checked there.

        Raises:
            PublishedError: the result is there already, and this is none of its files.
            HandoffError: it is not taken.
        """
        sha256 = _digest(file)
        answer = self._ask("PUT", path, body=file, headers={DIGEST_HEADER: sha256})
        if answer.code == "run-published":
            self._require_own(path, file, answer)
            return
        _require(answer)

    def remove(self, path: str) -> None:
        """Remove a file of the run's own result; harmless when it is absent."""
        _require(self._ask("DELETE", path))

    def _require_own(self, path: str, file: Path, answer: Answer) -> None:
        """An answer that was lost may have been a yes: then what was sent is there.

        Raises:
            PublishedError: it is what another run sent.
        """
        if answer.attempts == 1 or self.read(path) != file.read_bytes():
            raise PublishedError("the result of this handoff is there already: another run of it was quicker.")

    def _ask(
        self,
        method: str,
        path: str | None,
        *,
        query: str = "",
        body: Path | bytes = b"",
        headers: Mapping[str, str] | None = None,
        into: BinaryIO | None = None,
    ) -> Answer:
        """Ask with the pass that is known; when it does not hold any more, once with a new one."""
        below = "" if path is None else f"/{quote(path)}"
        for anew in (False, True):
            if anew or self._pass is None:
                self._pass = self.passes.get()
            run = self._pass
            address = f"/v1/runs/{run.handoff}/files{below}{query}"
            answer = self.server.ask(method, address, run.token, body=body, headers=headers, into=into)
            if answer.status != _UNKNOWN:
                break
        return answer


def handoff_files() -> HandoffFiles | None:
    """What this process's environment says; one for as long as it says the same."""
    return _known(tuple((name, os.environ[name]) for name in _VARIABLES if name in os.environ))


@lru_cache(maxsize=4)
def _known(said: tuple[tuple[str, str], ...]) -> HandoffFiles | None:
    return HandoffFiles.of_environment(dict(said))


def _require(answer: Answer) -> None:
    """Let a yes pass.

    Raises:
        FileNotFoundError, BatchError, PublishedError, HandoffError: what else it is.
    """
    if answer.status < 300:
        return
    if answer.status in _ABSENT:
        raise FileNotFoundError(2, "not among the files of this run")
    if answer.status == _GONE:
        raise BatchError("something of the batch was withdrawn.")
    if answer.code == "run-published":
        raise PublishedError("the result of this handoff is there already: another run of it was quicker.")
    if answer.status in _REFUSED:
        raise HandoffError("the token of this run does not hold: the run is over, or its time is.")
    message = f"the handoff refused a file ({answer.code})."
    raise HandoffError(message)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
