"""A typed client of the handoff, for programs, people at a prompt, and tests.

```
with HandoffClient.of_home("http://127.0.0.1:8080", Path(".sluice")) as handoff:
    batch = handoff.form_batch(BatchRequest(project="lungs", select="annotated"))
    prepare = handoff.wait(handoff.hand_off(kind="prepare", batch=batch.id, pipeline="prepare").id)
```
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, JsonValue

from handoff.contract.canonical import canonical_json
from handoff.contract.evidence import Evidence
from handoff.contract.labels import Labels
from handoff.contract.receipt import SignedReceipt
from handoff.contract.result import RunKind
from handoff.handoffs.states import ENDED
from handoff.home import ResearchHome
from handoff.schemas.batches import BatchRequest, BatchView
from handoff.schemas.handoffs import HandoffRequest, HandoffView
from handoff.schemas.labels import LabelsDetail, LabelsView
from handoff.schemas.page import Page
from handoff.schemas.pipelines import PipelineRequest, PipelineView
from handoff.schemas.results import ModelView, ResultView
from handoff.schemas.shipments import ShipmentView
from handoff.schemas.studies import StudyView
from handoff.schemas.trace import Trace

Model = TypeVar("Model", bound=BaseModel)
_BLOCK = 1 << 20


class ProblemError(Exception):
    """The handoff answered with a problem."""

    def __init__(self, status: int, code: str, title: str, remedy: str) -> None:
        super().__init__(f"{status} {code}: {title}")
        self.status = status
        self.code = code
        self.remedy = remedy


class HandoffClient:
    """Calls one handoff. Needs the API token, and the intake token only to deliver."""

    def __init__(
        self, url: str, api_token: str, intake_token: str | None = None, timeout_seconds: float = 60.0
    ) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout_seconds, trust_env=False)
        self._api = {"Authorization": f"Bearer {api_token}"}
        self._intake = {"Authorization": f"Bearer {intake_token}"}

    @classmethod
    def of_home(cls, url: str, home: Path) -> Self:
        """A client with the tokens of a home on this machine."""
        research = ResearchHome.of(home)
        return cls(url, research.api_token.read_text("ascii").strip(), research.intake_token.read_text("ascii").strip())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._http.close()

    def put_shipment(self, shipment_id: str, package: Path) -> SignedReceipt:
        """Deliver a package, streamed."""
        with package.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        headers = {"Sluice-SHA256": sha256, "Content-Length": str(package.stat().st_size)}
        answer = self._http.put(
            f"/v1/shipments/{shipment_id}",
            content=_blocks(package),
            headers={**self._intake, **headers, "Content-Type": "application/zip"},
        )
        return _read(SignedReceipt, answer)

    def put_evidence(self, evidence: Evidence) -> SignedReceipt:
        """Deliver an evidence message."""
        body = canonical_json(evidence)
        headers = {"Sluice-SHA256": hashlib.sha256(body).hexdigest(), "Content-Type": "application/json"}
        answer = self._http.put(
            f"/v1/evidence/{evidence.evidence_id}", content=body, headers={**self._intake, **headers}
        )
        return _read(SignedReceipt, answer)

    def put_labels(self, labels: Labels) -> SignedReceipt:
        """Deliver a label document."""
        body = canonical_json(labels)
        headers = {"Sluice-SHA256": hashlib.sha256(body).hexdigest(), "Content-Type": "application/json"}
        answer = self._http.put(f"/v1/labels/{labels.labels_id}", content=body, headers={**self._intake, **headers})
        return _read(SignedReceipt, answer)

    def labels(self, project: str | None = None) -> Iterator[LabelsView]:
        """Every label document."""
        return self._pages(Page[LabelsView], "/v1/labels", project=project)

    def label_document(self, labels_id: str) -> LabelsDetail:
        """One label document, and what its rows still wait for."""
        return _read(LabelsDetail, self._get(f"/v1/labels/{labels_id}"))

    def shipments(self, project: str | None = None) -> Iterator[ShipmentView]:
        """Every shipment."""
        return self._pages(Page[ShipmentView], "/v1/shipments", project=project)

    def studies(self, project: str | None = None, state: str | None = None) -> Iterator[StudyView]:
        """Every study."""
        return self._pages(Page[StudyView], "/v1/studies", project=project, state=state)

    def form_batch(self, request: BatchRequest) -> BatchView:
        """Form a batch, or get the one of the same content."""
        return _read(BatchView, self._post("/v1/batches", request.plain()))

    def batch(self, batch_id: str) -> BatchView:
        """One batch."""
        return _read(BatchView, self._get(f"/v1/batches/{batch_id}"))

    def register_pipeline(self, name: str, yaml: str, code_digest: str) -> PipelineView:
        """Register a compiled pipeline."""
        request = PipelineRequest(name=name, yaml=yaml, code_digest=code_digest)
        return _read(PipelineView, self._post("/v1/pipelines", request.plain()))

    def hand_off(
        self,
        *,
        kind: RunKind,
        batch: str,
        pipeline: str,
        target: str = "local",
        parameters: dict[str, JsonValue] | None = None,
        model: str | None = None,
    ) -> HandoffView:
        """Decide to run; the same decision is the same handoff."""
        request = HandoffRequest(
            kind=kind, batch=batch, pipeline=pipeline, target=target, parameters=parameters or {}, model=model
        )
        return _read(HandoffView, self._post("/v1/handoffs", request.plain()))

    def handoff(self, handoff_id: str) -> HandoffView:
        """One handoff with its events."""
        return _read(HandoffView, self._get(f"/v1/handoffs/{handoff_id}"))

    def handoffs(self, project: str | None = None, state: str | None = None) -> Iterator[HandoffView]:
        """Every handoff."""
        return self._pages(Page[HandoffView], "/v1/handoffs", project=project, state=state)

    def wait(self, handoff_id: str, timeout_seconds: float = 3600.0) -> HandoffView:
        """Wait until a handoff ended, however it ended.

        Raises:
            TimeoutError: it did not within the time.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            view = self.handoff(handoff_id)
            if view.state in ENDED:
                return view
            if time.monotonic() > deadline:
                message = f"The handoff {handoff_id} is still {view.state}."
                raise TimeoutError(message)
            time.sleep(0.2)

    def cancel(self, handoff_id: str) -> HandoffView:
        """End a handoff."""
        return _read(HandoffView, self._post(f"/v1/handoffs/{handoff_id}:cancel", None))

    def logs(self, handoff_id: str) -> str:
        """What the run printed so far."""
        return _checked(self._get(f"/v1/handoffs/{handoff_id}/logs")).text

    def results(self, project: str | None = None, kind: RunKind | None = None) -> Iterator[ResultView]:
        """Every believed result."""
        return self._pages(Page[ResultView], "/v1/results", project=project, kind=kind)

    def result_file(self, handoff_id: str, path: str) -> bytes:
        """One file of a result."""
        return _checked(self._get(f"/v1/results/{handoff_id}/files/{path}")).content

    def models(self, project: str | None = None, name: str | None = None) -> Iterator[ModelView]:
        """Every model version."""
        return self._pages(Page[ModelView], "/v1/models", project=project, name=name)

    def trace(self, identifier: str) -> Trace:
        """The whole line of an id."""
        return _read(Trace, self._get(f"/v1/trace/{identifier}"))

    def _get(self, path: str, **query: str | None) -> httpx.Response:
        given = {name: value for name, value in query.items() if value is not None}
        return self._http.get(path, params=given, headers=self._api)

    def _post(self, path: str, body: dict[str, Any] | None) -> httpx.Response:
        return self._http.post(path, json=body, headers=self._api)

    def _pages(self, page: type[Page[Model]], path: str, **query: str | None) -> Iterator[Model]:
        after: str | None = None
        while True:
            found = _read(page, self._get(path, after=after, **query))
            yield from found.items
            if found.next is None:
                return
            after = found.next


def _read(model: type[Model], answer: httpx.Response) -> Model:
    return model.model_validate_json(_checked(answer).content)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    raise ProblemError(
        answer.status_code, problem.get("code", "unknown"), problem.get("title", ""), problem.get("remedy", "")
    )


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block
