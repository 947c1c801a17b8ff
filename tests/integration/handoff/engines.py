"""The engines of the conformance suite, each with what a test needs to disturb it."""

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handoff.backends.interface import Backend
from handoff.backends.kfp import Kubeflow
from handoff.backends.kfp_local import KfpLocal
from handoff.handoffs.order import RunOrder
from handoff.targets import KubeflowTarget, LocalTarget
from tests.kubeflow_server.process import KubeflowServer

IMAGE = f"registry.example/sluice-ml@sha256:{'a' * 64}"
TOY = "tests.kubeflow_server.execute:toy_step"


def kubeflow_target(server: KubeflowServer, folder: Path, **more: Any) -> KubeflowTarget:
    """A target at the test server, quick where a cluster is slow."""
    facts = {
        "endpoint": server.url,
        "image": IMAGE,
        "claims": [{"claim": "research", "path": folder}],
        "settle_seconds": 1.0,
        "http_timeout_seconds": 20.0,
        "poll_seconds": 0.1,
        "sweep_seconds": 0.5,
    }
    return KubeflowTarget.model_validate({"backend": "kfp", **facts, **more})


@dataclass
class Engine:
    """A backend, and how to begin anew with the same engine, as a restarted worker does."""

    folder: Path
    pipeline: Path
    open: Callable[[], Backend]

    def __post_init__(self) -> None:
        self.before: list[Backend] = []
        self.backend = self.open()

    def restart(self) -> Backend:
        """The engine as another worker sees it. The one before is kept, for its children are of this process."""
        self.before.append(self.backend)
        self.backend = self.open()
        return self.backend

    def order(self, **parameters: Any) -> RunOrder:
        """An order of the toy pipeline."""
        key = secrets.token_hex(32)
        result = self.folder / "results" / key
        lines = self.folder / "batch.jsonl"
        lines.write_text(json.dumps({"patient": "P", "study": "1.1", "series": "1.2", "annotation": False}))
        return RunOrder(
            key=key,
            handoff=secrets.token_hex(16),
            project="lungs",
            batch="b" * 64,
            pipeline=self.pipeline,
            pipeline_name="toy",
            pipeline_digest="c" * 64,
            inputs={
                "kind": "prepare",
                "batch_uri": lines.as_uri(),
                "handoff_key": key,
                "result_uri": result.as_uri(),
                **parameters,
            },
            result=result,
        )


def starts(order: RunOrder) -> int:
    """How often the step of a run was started."""
    file = order.result / "ran.txt"
    return len(file.read_text().splitlines()) if file.exists() else 0


@contextmanager
def local_engine(folder: Path, pipeline: Path, **more: Any) -> Iterator[Engine]:
    (folder / "runs").mkdir()
    target = LocalTarget(python=Path(sys.executable), **more)
    engine = Engine(folder, pipeline, lambda: KfpLocal(folder / "runs", target))
    yield engine
    for backend in (*engine.before, engine.backend):
        for child in backend._children:
            child.wait(timeout=120)


def torchrun_engine(folder: Path, pipeline: Path) -> AbstractContextManager[Engine]:
    return local_engine(folder, pipeline, backend="torchrun-local", processes=2)


@contextmanager
def kubeflow_engine(folder: Path, pipeline: Path) -> Iterator[Engine]:
    with KubeflowServer(folder / "server", execute=TOY) as server:
        target = kubeflow_target(server, folder)
        yield Engine(folder, pipeline, lambda: Kubeflow(folder / "kubeflow", "far", target))


ENGINES = {"kfp-local": local_engine, "torchrun-local": torchrun_engine, "kfp": kubeflow_engine}
