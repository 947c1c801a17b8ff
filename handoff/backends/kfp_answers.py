"""What a failed call to Kubeflow's server says: surely nothing was made, or it may have been.

Only what is certain counts as a refusal. A 5xx, a timeout and a lost connection leave it open: the server starts the
workflow first and writes the run down after, so it can fail in between, or still be at it.
"""

import json
import re
import ssl

import urllib3.exceptions as wire

from handoff.backends.interface import Answer, BackendError

NOT_FOUND, EXISTS, FAILED = 404, 409, 500
_VERSION_UNKNOWN = re.compile(r"PipelineVersion \S+ not found")
_GRPC_NOT_FOUND = 5
_BY_STATUS: dict[int, tuple[str, Answer]] = {
    400: ("kubeflow-refused", Answer.REFUSED),
    401: ("kubeflow-token", Answer.UNAVAILABLE),
    403: ("kubeflow-forbidden", Answer.UNAVAILABLE),
    404: ("kubeflow-not-there", Answer.UNAVAILABLE),
    405: ("kubeflow-not-there", Answer.UNAVAILABLE),
    413: ("kubeflow-refused", Answer.REFUSED),
    415: ("kubeflow-refused", Answer.REFUSED),
    422: ("kubeflow-refused", Answer.REFUSED),
    429: ("kubeflow-busy", Answer.UNAVAILABLE),
}


class KubeflowError(BackendError):
    """A call to Kubeflow's server failed; `status` is the HTTP status, where one came."""

    def __init__(self, code: str, answer: Answer = Answer.AMBIGUOUS, status: int | None = None) -> None:
        super().__init__(code, answer)
        self.status = status


def of_status(status: int, body: str | None) -> KubeflowError:
    """What an answer with an HTTP status other than 2xx says."""
    if status == NOT_FOUND and _says_not_found(body):
        return KubeflowError("kubeflow-unknown", Answer.REFUSED, status)
    if status == FAILED and _VERSION_UNKNOWN.search(body or ""):
        return KubeflowError("kubeflow-unknown", Answer.AMBIGUOUS, status)  # said of a version, as its own failure
    if 300 <= status < 400:
        return KubeflowError("kubeflow-login", Answer.UNAVAILABLE, status)
    code, answer = _BY_STATUS.get(status, ("kubeflow-failed", Answer.AMBIGUOUS))
    return KubeflowError(code, answer, status)


def _says_not_found(body: str | None) -> bool:
    """Whether Kubeflow itself says so; a gateway before it also answers 404, and knows nothing of runs."""
    try:
        said = json.loads(body or "")
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("code") == _GRPC_NOT_FOUND


def of_wire(error: wire.HTTPError) -> KubeflowError:
    """What a failure of the connection says."""
    cause = error.reason if isinstance(error, wire.MaxRetryError) else error
    match cause:
        case wire.SSLError(args=(ssl.SSLCertVerificationError(), *_)):
            return KubeflowError("kubeflow-certificate", Answer.UNAVAILABLE)
        case wire.NewConnectionError() | wire.ConnectTimeoutError() | wire.LocationValueError():
            return KubeflowError("kubeflow-unreachable", Answer.UNAVAILABLE)
        case wire.TimeoutError():
            return KubeflowError("kubeflow-timeout")
        case _:
            return KubeflowError("kubeflow-connection-lost")
