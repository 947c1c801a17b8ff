"""Listens. One request goes through authentication, its fate, its operation, and the journal."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.kubeflow_server.errors import ApiError, UploadError, internal
from tests.kubeflow_server.experiments import Experiments
from tests.kubeflow_server.faults import Fate, Fates
from tests.kubeflow_server.journal import Journal
from tests.kubeflow_server.pipelines import Pipelines
from tests.kubeflow_server.recurring_runs import RecurringRuns
from tests.kubeflow_server.routes import route
from tests.kubeflow_server.runs import Runs

VERSION = "2.17.0"


class NoAnswerError(Exception):
    """The connection is closed without an answer; `reset` by RST."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


@dataclass
class Request:
    """What the client sent."""

    operation: str
    ids: tuple[str, ...]
    query: dict[str, str]
    content_type: str
    content: bytes
    body: Any = None

    def parse(self) -> None:
        """Read a JSON body.

        Raises:
            ApiError: it is none.
        """
        if self.content and self.content_type.startswith("application/json"):
            try:
                self.body = json.loads(self.content)
            except ValueError as error:
                raise ApiError(3, "proto: syntax error (line 1:1): invalid value") from error

    def file(self) -> tuple[str, bytes]:
        """The uploaded file's name and content.

        Raises:
            UploadError: there is none.
        """
        head = f"Content-Type: {self.content_type}\r\n\r\n".encode()
        parts = BytesParser(policy=HTTP).parsebytes(head + self.content)
        for part in parts.iter_parts() if parts.is_multipart() else ():
            if part.get_param("name", header="content-disposition") == "uploadfile":
                return part.get_filename() or "", part.get_payload(decode=True)
        raise UploadError(3, "Failed to read pipeline from file")


@dataclass
class Service:
    """The API over its parts."""

    experiments: Experiments
    pipelines: Pipelines
    recurring: RecurringRuns
    runs: Runs
    fates: Fates
    journal: Journal
    token: str | None = None
    multi_user: bool = False
    _late: list[threading.Thread] = field(default_factory=list)
    _landing: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request, authorization: str | None, facts: dict[str, Any]) -> dict[str, Any]:
        """Do what a request asks, as far as its fate lets it.

        Raises:
            ApiError: the answer is a refusal.
            NoAnswerError: there is none.
        """
        if self.token is not None and authorization != f"Bearer {self.token}":
            raise ApiError(16, "Request not authenticated: the token is missing or wrong")
        fate = self.fates.next(request.operation)
        facts["fate"] = fate.named()
        time.sleep(fate.latency_seconds)
        if fate.refused == "503":
            raise ApiError(14, "upstream connect error or disconnect/reset before headers")
        if fate.refused == "reset":
            raise NoAnswerError(reset=True)
        answer = self._create_run(request, fate) if request.operation == "CreateRun" else self._do(request)
        facts["done"] = True
        if fate.lost:
            raise NoAnswerError
        if fate.failed:
            raise internal("it was done, but the answer could not be made")
        return answer

    def _create_run(self, request: Request, fate: Fate) -> dict[str, Any]:
        insert = self.runs.begin(request.body)
        if fate.orphaned:
            raise internal("Failed to store run to table: lost connection to the database")
        if fate.late_seconds is None:
            return insert()
        if fate.late_answer == "lost":
            thread = threading.Thread(target=_later, args=(self._landing, fate.late_seconds, insert))
            self._late.append(thread)
            thread.start()
            raise NoAnswerError
        self._landing.wait(fate.late_seconds)
        return insert()

    def _do(self, request: Request) -> dict[str, Any]:
        ids, query, body = request.ids, request.query, request.body
        operations: dict[str, Callable[[], dict[str, Any]]] = {
            "Healthz": self._healthz,
            "CreateExperiment": lambda: self.experiments.create(body),
            "ListExperiments": lambda: self.experiments.list(query),
            "GetExperiment": lambda: self.experiments.get(*ids),
            "ArchiveExperiment": lambda: self.experiments.archive(*ids),
            "UploadPipeline": lambda: self.pipelines.upload(query, *request.file()),
            "UploadPipelineVersion": lambda: self.pipelines.upload_version(query, *request.file()),
            "CreatePipeline": lambda: self.pipelines.create(body),
            "ListPipelines": lambda: self.pipelines.list(query),
            "GetPipelineByName": lambda: self.pipelines.by_name(*ids, query),
            "GetPipeline": lambda: self.pipelines.get(*ids),
            "ListPipelineVersions": lambda: self.pipelines.list_versions(*ids, query),
            "GetPipelineVersion": lambda: self.pipelines.get_version(*ids),
            "CreateRecurringRun": lambda: self.recurring.create(body),
            "ListRecurringRuns": lambda: self.recurring.list(query),
            "GetRecurringRun": lambda: self.recurring.get(*ids),
            "EnableRecurringRun": lambda: self.recurring.set_mode(*ids, "ENABLE"),
            "DisableRecurringRun": lambda: self.recurring.set_mode(*ids, "DISABLE"),
            "ListRuns": lambda: self.runs.list(query),
            "GetRun": lambda: self.runs.get(*ids),
            "TerminateRun": lambda: self.runs.terminate(*ids),
            "RetryRun": lambda: self.runs.retry(*ids),
            "ArchiveRun": lambda: self.runs.store(*ids, "ARCHIVED"),
            "UnarchiveRun": lambda: self.runs.store(*ids, "AVAILABLE"),
        }
        operation = operations.get(request.operation)
        if operation is None:
            raise ApiError(5, "Not Found")
        return operation()

    def _healthz(self) -> dict[str, Any]:
        return {
            "commit_sha": "unknown",
            "tag_name": VERSION,
            "multi_user": self.multi_user,
            "pipeline_store": "database",
        }

    def land(self) -> None:
        """Insert now what would be inserted later."""
        landing, self._landing = self._landing, threading.Event()
        landing.set()

    def close(self) -> None:
        """Wait for what is still to be inserted."""
        self.land()
        for thread in self._late:
            thread.join()


def _later(landing: threading.Event, seconds: float, insert: Callable[[], dict[str, Any]]) -> None:
    landing.wait(seconds)
    try:
        insert()
    except ApiError:
        return  # nobody waits for it


class Listener(ThreadingHTTPServer):
    """A thread per connection, ended with the process."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        self.service = service
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def do_DELETE(self) -> None:
        self._take()

    def _take(self) -> None:
        began = time.time()
        service, url = self.server.service, urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = route(self.command, unquote(url.path))
        operation, ids = found or ("Unknown", ())
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        request = Request(operation, ids, query, self.headers.get("Content-Type", ""), content)
        facts: dict[str, Any] = {"at": began, "operation": operation, "ids": ids, "query": query}
        status: int | None = 200
        try:
            request.parse()
            answer = service.answer(request, self.headers.get("Authorization"), facts)
        except ApiError as error:
            status, answer = error.status, error.body()
        except NoAnswerError as silence:
            status, answer = None, {}
            self._hang_up(reset=silence.reset)
        facts |= {"body": request.body, "status": status, "seconds": round(time.time() - began, 4)}
        service.journal.write(**facts, run_id=answer.get("run_id"))
        if status is not None:
            self._write(status, answer)

    def _write(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} {self.responses.get(status, ('',))[0]}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *args: Any) -> None:
        """The journal says it all."""
