"""Requests and answers of the Open Inference Protocol v2, as KServe gives and takes them.

A request is small: three BYTES tensors of one element with URIs and a key. Volumes do not travel: writing one mask of
96 x 96 x 96 voxels as JSON costs a server two thirds of a second, and the handoff's worker would only store it again.
What is ours stays within what the protocol leaves open: the parameters of a request and of an answer.

`operation` is a parameter of the request: `start` (none given means this), `status`, `cancel`; the last two need the
key alone. Every answer has the tensors `state`, `reason` and `attempts`, and the model's card as parameters.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from kserve import InferOutput, InferRequest, InferResponse, Model
from kserve.protocol.dataplane import DataPlane

from ml.serving.errors import ConflictError, ServingError
from ml.serving.runs import Runs, Seen
from ml.serving.served_model import ServedModel

EXTENSION = "sluice_runs"
"""The name of this use of parameters, among the server's extensions."""
INPUTS = ("batch_uri", "handoff_key", "result_uri")
OUTPUTS = {"state": "BYTES", "reason": "BYTES", "attempts": "INT32"}
LONGEST = 4096


class RunModel(Model):  # type: ignore[misc]
    """KServe's model: translates, and starts nothing itself."""

    def __init__(self, served: ServedModel, runs: Runs) -> None:
        super().__init__(served.name)
        self.served = served
        self._runs = runs
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """What a request holds."""
        return [{"name": name, "datatype": "BYTES", "shape": [1]} for name in INPUTS]

    def get_output_types(self) -> list[dict[str, Any]]:
        """What an answer holds."""
        return [{"name": name, "datatype": kind, "shape": [1]} for name, kind in OUTPUTS.items()]

    async def predict(self, payload: object, headers: object = None, response_headers: object = None) -> InferResponse:
        """Do what a request asks for.

        Raises:
            ServingError: it cannot be done, and nothing was started.
        """
        if not isinstance(payload, InferRequest):
            raise ServingError("The request is none of protocol v2.")
        seen = await asyncio.to_thread(self._do, payload)
        return self._answer(payload.id, seen)

    def _do(self, request: InferRequest) -> Seen:
        parameters: Mapping[str, object] = request.parameters or {}
        self._require_model(parameters)
        given = _texts(request)
        key = self._runs.key(given.get("handoff_key", ""))
        match parameters.get("operation", "start"):
            case "start" if given.keys() >= set(INPUTS):
                return self._runs.start(key, given["batch_uri"], given["result_uri"])
            case "start":
                raise ServingError("A start needs batch_uri, handoff_key and result_uri.", code="input-missing")
            case "status":
                return self._runs.look(key)
            case "cancel":
                return self._runs.cancel(key)
            case _:
                raise ServingError("The operation is none of start, status and cancel.", code="operation-unknown")

    def _require_model(self, parameters: Mapping[str, object]) -> None:
        """A request that says which model, spec or code it means gets exactly that or nothing."""
        for name, value in self.served.card().items():
            if parameters.get(name, value) != value:
                raise ConflictError(f"This server's {name} differs from the one that was asked for.")

    def _answer(self, identifier: str | None, seen: Seen) -> InferResponse:
        values: dict[str, str | int] = {"state": seen.state, "reason": seen.reason, "attempts": seen.attempts}
        outputs = [InferOutput(name, [1], kind, data=[values[name]]) for name, kind in OUTPUTS.items()]
        return InferResponse(
            response_id=identifier or "",
            model_name=self.served.name,
            model_version=self.served.version,
            infer_outputs=outputs,
            parameters=self.served.card(),
        )


class RunPlane(DataPlane):  # type: ignore[misc]
    """KServe's data plane, except that it names our extension and not the one that the gate shuts off."""

    def metadata(self) -> dict[str, Any]:
        """What the server says of itself."""
        return {**super().metadata(), "name": "sluice", "extensions": [EXTENSION]}


def model_metadata(model: RunModel) -> dict[str, Any]:
    """The protocol's model metadata, and the card beside it; KServe's own answer has no room for it."""
    return {
        "name": model.served.name,
        "versions": [model.served.version],
        "platform": "sluice",
        "inputs": model.get_input_types(),
        "outputs": model.get_output_types(),
        "parameters": model.served.card(),
    }


def _texts(request: InferRequest) -> dict[str, str]:
    """The tensors of a request, each with one text.

    Raises:
        ServingError: a tensor is unknown, stands twice, or is no single BYTES element.
    """
    found: dict[str, str] = {}
    for tensor in request.inputs:
        if tensor.name not in INPUTS or tensor.name in found:
            raise ServingError("A tensor is none of batch_uri, handoff_key and result_uri.", code="input-unknown")
        data = tensor.data if isinstance(tensor.data, list) else []
        one = data[0] if len(data) == 1 else None
        if tensor.datatype != "BYTES" or list(tensor.shape) != [1] or not isinstance(one, str) or len(one) > LONGEST:
            message = f"{tensor.name} is no tensor of one BYTES element."
            raise ServingError(message, code="input-shape")
        found[tensor.name] = one
    return found
