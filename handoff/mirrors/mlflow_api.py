"""MLflow's REST API, as far as a mirror needs it, and what a failed call means.

Spoken here and not through MLflow's client: that loads pandas for five seconds, repeats a POST by itself when an
answer is lost (which makes a second run), takes its token from the environment of the process, and reports its use to
its makers. `docs/decisions/0016-the-mirror-speaks-mlflows-rest-itself.md` has the figures.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from handoff.http_client import HttpClient, NotSentError
from handoff.mirrors.interface import MirrorAwayError, MirrorRefusedError
from handoff.mirrors.settings import MlflowMirror

_ROOT = "/api/2.0/mlflow/"
_AWAY = frozenset({401, 403, 408, 425, 429})
"""Answers that say nothing of the thing that was told: a token, a quota, a moment."""


class MlflowApi:
    """Calls, each one once: what is repeated is decided by who finds first whether it was done."""

    def __init__(self, mirror: MlflowMirror) -> None:
        self._http = HttpClient(
            mirror.tracking_uri, mirror.http_timeout_seconds, token_file=mirror.token_file, ca_file=mirror.ca_file
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Ask for something."""
        return self._call("GET", path, query, None)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Change or search something."""
        return self._call("POST", path, {}, body)

    def delete(self, path: str, **body: object) -> dict[str, Any]:
        """Remove something."""
        return self._call("DELETE", path, {}, body)

    def _call(
        self, method: str, path: str, query: Mapping[str, str | int], body: Mapping[str, object] | None
    ) -> dict[str, Any]:
        try:
            answer = self._http.request(method, _ROOT + path, params=query, json=body)
            content = answer.json()
        except NotSentError as error:
            raise MirrorAwayError(error.code) from error
        except httpx.ConnectError as error:
            raise MirrorAwayError("unreachable") from error
        except httpx.HTTPError as error:
            raise MirrorAwayError("answer-lost") from error
        except ValueError as error:
            raise MirrorAwayError("answer-invalid") from error
        if answer.status_code == httpx.codes.OK and isinstance(content, dict):
            return content
        raise _failure(answer.status_code, content)


def _failure(status: int, content: object) -> MirrorAwayError | MirrorRefusedError:
    """What an answer that is none means; of its text only MLflow's own code is kept."""
    said = content.get("error_code") if isinstance(content, dict) else None
    code = said.lower().replace("_", "-")[:63] if isinstance(said, str) and said.isascii() else f"http-{status}"
    if status in _AWAY or status >= 500:
        return MirrorAwayError(code)
    return MirrorRefusedError(code)
