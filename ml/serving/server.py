"""KServe's ModelServer on the address that was asked for; it prints one JSON line when it listens."""

import json
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from ml.serving.errors import ServingError, UnknownModelError
from ml.serving.gate import Gate
from ml.serving.roots import Roots
from ml.serving.runs import Limits, Runs
from ml.serving.served_model import ServedModel

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.responses import Response

log = structlog.get_logger("ml.serving")
_GRACE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and the token that is asked for there."""

    bound: socket.socket
    token: str | None


def serve(served: ServedModel, roots: Roots, limits: Limits, address: Address) -> None:
    """Serve until SIGTERM or SIGINT. What computes then stops before its next volume; the next server takes it up."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises a signal again after its end; that is no failure
    _import_kserve()
    runs = Runs(served, roots, limits)
    app = _app(served, runs, address)
    _listen(app, served, runs, address)
    idle = runs.close(_GRACE_SECONDS)
    log.info("model-server-ended", model=served.id, idle=idle)
    sys.stderr.flush()
    if not idle:
        os._exit(0)  # a thread in the middle of a volume cannot be stopped otherwise, and nothing needs it to end


def _import_kserve() -> None:
    """Import KServe, which reads the command line of whoever imports it, and logs to standard output."""
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")  # FastAPI to KServe, not to us
    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        import kserve.model_server  # noqa: F401
    finally:
        sys.argv = arguments
    logging.getLogger("kserve").addHandler(logging.NullHandler())  # with a handler it leaves the logs as they are


def _app(served: ServedModel, runs: Runs, address: Address) -> "FastAPI":
    """KServe's app, with our answers before its own."""
    from fastapi.responses import JSONResponse
    from kserve.model_server import app

    from ml.serving.protocol import RunModel, model_metadata

    model = RunModel(served, runs)

    def metadata(model_name: str) -> dict[str, Any]:
        if model_name != served.name:
            raise UnknownModelError
        return model_metadata(model)

    async def refused(_request: "Request", error: Exception) -> "Response":
        assert isinstance(error, ServingError)
        return JSONResponse(error.answer(), status_code=error.status)

    app.state.model = model
    app.add_api_route("/v2/models/{model_name}", metadata, methods=["GET"])
    app.add_exception_handler(ServingError, refused)
    app.add_middleware(Gate, token=address.token)
    loaded: FastAPI = app
    return loaded


def _listen(app: "FastAPI", served: ServedModel, runs: Runs, address: Address) -> None:
    from kserve import ModelServer
    from kserve.model_server import FASTAPI_APP_IMPORT_STRING
    from kserve.protocol.rest.server import RESTServer

    from ml.serving.protocol import RunPlane

    host, port = address.bound.getsockname()[:2]
    server = ModelServer(http_port=port, enable_grpc=False, enable_latency_logging=False)
    server.register_model(app.state.model)
    plane = RunPlane(model_registry=server.registered_models)

    @asynccontextmanager
    async def lifespan(_app: "FastAPI") -> AsyncIterator[None]:
        taken_up = runs.resume()
        ready = {"event": "listening", "host": host, "port": port, "model": served.id, "taken_up": taken_up}
        print(json.dumps(ready), flush=True)
        yield

    app.router.lifespan_context = lifespan
    # `ModelServer.start` listens on every address; this is what it starts, on the socket that we bound.
    rest = RESTServer(
        FASTAPI_APP_IMPORT_STRING, plane, server.model_repository_extension, port, grace_period=_GRACE_SECONDS
    )
    rest.run(sockets=[address.bound])
