"""One POST of a body to a whole URL, and what its answer means: taken, away, or refused."""

from collections.abc import Mapping

import httpx

from handoff.http_client import HttpClient, NotSentError
from handoff.mirrors.interface import MirrorAwayError, MirrorRefusedError

_AWAY = frozenset({401, 403, 408, 425, 429})
"""Answers that say nothing of the body: a token, a quota, a moment."""


def post(http: HttpClient, url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Send it once; returns the answer's status as text.

    Raises:
        MirrorAwayError: nobody answers, or nobody who could take anything now.
        MirrorRefusedError: this body is not taken; what a redirect leads to is never asked.
    """
    try:
        answer = http.request("POST", url, content=body, headers={"content-type": "application/json", **headers})
    except NotSentError as error:
        raise MirrorAwayError(error.code) from error
    except httpx.ConnectError as error:
        raise MirrorAwayError("unreachable") from error
    except httpx.HTTPError as error:
        raise MirrorAwayError("answer-lost") from error
    if answer.is_success:
        return str(answer.status_code)
    if answer.status_code in _AWAY or answer.status_code >= 500:
        raise MirrorAwayError(f"http-{answer.status_code}")
    raise MirrorRefusedError(f"http-{answer.status_code}")
