"""`kserve`: an infer handoff on a model that is served already, by the Open Inference Protocol v2.

The server has the model loaded and runs the very code of the `infer` pipeline. What is sent are URIs and the key, as
tensors of BYTES; what comes back is where the run is. A call never waits for a run, and the server starts a key only
once, so a lost answer is mended by asking again. Each start says which model, preparing spec and code it means; a
server that has another one refuses it, and so does `prepare` before anything is sent.
"""

import re
from pathlib import Path
from typing import Any

import httpx

from handoff.backends.interface import Answer, BackendError, Capabilities, Prepared, RunPhase, RunStatus
from handoff.handoffs.order import OrderError, RunOrder
from handoff.home import ResearchHome
from handoff.http_client import HttpClient, NotSentError
from handoff.targets import ServedModelTarget

_CODE = re.compile(r"([a-z][a-z0-9-]{0,63})(:|$)")
_PHASES = {
    "waiting": RunPhase.WAITING,
    "running": RunPhase.RUNNING,
    "succeeded": RunPhase.COMPLETED,
    "failed": RunPhase.FAILED,
    "canceled": RunPhase.CANCELED,
    "unknown": RunPhase.GONE,
}
_WITHOUT_REASON = frozenset({RunPhase.COMPLETED, RunPhase.GONE})
_TENSORS = ("batch_uri", "handoff_key", "result_uri")
_DIFFERS = "served-model-differs"
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class KServe:
    """Runs of one model server."""

    settle_seconds = 0.0

    def __init__(self, home: ResearchHome, target: ServedModelTarget) -> None:
        self._home = home
        self._target = target
        self._name = target.model.partition(":")[0]
        self.poll_seconds = target.poll_seconds
        self._http = HttpClient(
            target.url, target.http_timeout_seconds, token_file=target.token_file, ca_file=target.ca_file
        )

    def probe(self) -> Capabilities:
        """Ask the server whether it is ready, and which model it has."""
        try:
            server = self._call("GET", "/v2")
            card = self._card()
        except BackendError as error:
            remedy = f"Start `sluice serve-model --model {self._target.model}`, or mend url, token_file and ca_file."
            return Capabilities(ok=False, versions={}, problem=error.code, remedy=remedy, passing=True)
        versions = {"kserve": str(server.get("version", "")), "model": str(card.get("model_id", ""))}
        if card.get("model_id") != self._target.model:
            remedy = f"Start the server with {self._target.model}, or name its model in handoff.yaml."
            return Capabilities(ok=False, versions=versions, problem=_DIFFERS, remedy=remedy, passing=True)
        return Capabilities(ok=True, versions=versions)

    def prepare(self, order: RunOrder) -> Prepared:
        """Look whether the server has the order's model, its preparing spec and its code; lays out nothing.

        Raises:
            OrderError: the order names no model, so no server of one can run it.
            BackendError: the server does not answer, or has something else.
        """
        wanted = _wanted(order)
        card = self._card()
        for name, value in wanted.items():
            if card.get(name) != value:
                raise BackendError(_DIFFERS, Answer.REFUSED)
        return Prepared(order, order.pipeline_digest, {"model": wanted["model_id"]})

    def find(self, key: str, handoff: str) -> str | None:
        """A run exists from the moment that its order is durable at the server."""
        return key if self._ask(key, "status").phase is not RunPhase.GONE else None

    def submit(self, prepared: Prepared) -> str:
        """Start the run; returns as soon as its order is durable at the server."""
        order = prepared.order
        tensors = {name: str(order.inputs[name]) for name in _TENSORS}
        self._infer(order.key, tensors, {"operation": "start", **_wanted(order)})
        return order.key

    def status(self, reference: str) -> RunStatus:
        """Ask where the run is; a server that was killed takes it up again when it is asked."""
        return self._ask(reference, "status")

    def cancel(self, reference: str) -> None:
        """End the run: it stops before its next volume, and its end is on record at once."""
        self._ask(reference, "cancel")

    def logs(self, reference: str) -> Path | None:
        """What the server says of the run, where it shares the folder of results."""
        file = self._home.results / ".serving" / reference / "log.txt"
        return file if file.exists() else None

    def artifacts(self, reference: str) -> Path | None:
        """None: a served run has no steps that write for each other."""
        return None

    def close(self) -> None:
        """Let go of the connections to the server."""
        self._http.close()

    def _card(self) -> dict[str, Any]:
        found = self._call("GET", f"/v2/models/{self._name}").get("parameters")
        return found if isinstance(found, dict) else {}

    def _ask(self, key: str, operation: str) -> RunStatus:
        outputs = self._infer(key, {"handoff_key": key}, {"operation": operation})
        phase = _PHASES.get(outputs.get("state", ""))
        if phase is None:
            return RunStatus(RunPhase.RUNNING, "engine-state-unknown")
        return RunStatus(phase, None if phase in _WITHOUT_REASON else _code(outputs.get("reason", "")))

    def _infer(self, key: str, tensors: dict[str, str], parameters: dict[str, str]) -> dict[str, str]:
        """One inference request; returns the text tensors of the answer."""
        inputs = [{"name": name, "datatype": "BYTES", "shape": [1], "data": [text]} for name, text in tensors.items()]
        body = {"id": key, "parameters": parameters, "inputs": inputs}
        answer = self._call("POST", f"/v2/models/{self._name}/infer", body)
        try:
            return {tensor["name"]: str(tensor["data"][0]) for tensor in answer["outputs"]}
        except (KeyError, IndexError, TypeError) as error:
            raise BackendError("answer-invalid") from error

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
        except NotSentError as error:
            raise BackendError(error.code, Answer.UNAVAILABLE) from error
        except _UNREACHED as error:
            raise BackendError("server-unreachable", Answer.UNAVAILABLE) from error
        except httpx.HTTPError as error:
            raise BackendError("answer-lost") from error
        try:
            answer = response.json()
        except ValueError as error:
            raise BackendError("answer-invalid", _meaning(response.status_code)) from error
        if response.status_code != httpx.codes.OK:
            said = answer.get("error", "") if isinstance(answer, dict) else ""
            raise BackendError(_code(str(said)) or f"http-{response.status_code}", _meaning(response.status_code))
        if not isinstance(answer, dict):
            raise BackendError("answer-invalid")
        return answer


def _wanted(order: RunOrder) -> dict[str, str]:
    """What the server must have, by the names of its card."""
    if order.model is None:
        raise OrderError("target-unfit")
    return {
        "model_id": order.model.id,
        "model_sha256": order.model.sha256,
        "spec_digest": order.model.spec_digest,
        "code_digest": order.code_digest,
    }


def _meaning(status: int) -> Answer:
    match status:
        case 401 | 503:  # nobody was let in, or as many wait as may wait: nothing was started
            return Answer.UNAVAILABLE
        case _ if 400 <= status < 500:
            return Answer.REFUSED
        case _:
            return Answer.AMBIGUOUS


def _code(text: str) -> str | None:
    """The reason code that a text begins with; nothing else of what a server says is kept."""
    found = _CODE.match(text)
    return found.group(1) if found else None
