"""A handoff whose batch is prepared and whose model is registered, so that only inference is left to do."""

import hashlib
import shutil
import time
from pathlib import Path
from typing import Self

from sqlalchemy import select

from handoff.backends.kserve import KServe
from handoff.contract.result import Result
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Batch, Handoff, ModelVersion, ResultFileRow
from handoff.handoffs.accept import HandoffAcceptance
from handoff.handoffs.queue import Queue
from handoff.handoffs.worker import Worker
from handoff.home import ResearchHome
from handoff.pipelines.register import register
from handoff.schemas.handoffs import HandoffRequest
from handoff.schemas.pipelines import PipelineRequest
from handoff.settings import Settings
from handoff.store.make import open_store
from handoff.store.store import batch_path, prepared_path
from ml.pipelines.registry import registry
from tests.integration.serving.served import MODEL, Material, key_of

BATCH = key_of("batch")


class HandedOff:
    """The handoff's code without its processes: what a test asks of it happens at once, in the test's own process."""

    def __init__(self, material: Material, url: str, **target: object) -> None:
        self.home = ResearchHome.of(material.home)
        self.home.make()
        served = {"backend": "kserve", "url": url, "model": MODEL, "poll_seconds": 0.01, **target}
        self.settings = Settings(home=material.home, targets={"served": served, "local": {}})
        self.target = self.settings.targets["served"]
        self.store = open_store(self.settings, self.home)
        self.database = Database(f"sqlite:///{self.home.database}")
        upgrade(self.database)
        self._register("infer", registry()["infer"].code_digest)
        _record(self, material)
        self.backend = KServe(self.home, self.target)
        self.worker = Worker(
            self.database, self.home, self.store, queue=Queue("served", places=4), backend=self.backend
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.backend.close()
        self.database.close()

    def accept(self, name: str, kind: str = "infer", model: str | None = MODEL, code: str = "", **parameters: object):
        """Accept a decision; another name of the pipeline makes it another decision."""
        self._register(name, code or registry()["infer"].code_digest)
        request = {"kind": kind, "batch": BATCH, "target": "served", "pipeline": name, "model": model}
        wanted = HandoffRequest.model_validate({**request, "parameters": parameters})
        return HandoffAcceptance(self.database, self.settings).accept(wanted).id

    def handoff(self, handoff_id: str) -> Handoff:
        with self.database.read() as session:
            return session.get_one(Handoff, handoff_id)

    def roles(self, handoff_id: str) -> list[str]:
        """Roles of the files whose digests were re-read."""
        with self.database.read() as session:
            chosen = select(ResultFileRow.role).where(ResultFileRow.handoff_id == handoff_id)
            return sorted(session.scalars(chosen))

    def _register(self, name: str, code: str) -> None:
        pipeline = PipelineRequest(name=name, yaml=registry()["infer"].yaml.read_text(), code_digest=code)
        self.pipeline = register(self.database, self.store, pipeline).version.id


def _record(handed_off: HandedOff, material: Material) -> None:
    """The files and rows that a prepare and a train handoff leave; made once for a home."""
    lines = material.home / "research/store/prepared.jsonl"
    for path in (batch_path(BATCH), prepared_path(BATCH, key_of("prepare"))):
        file = handed_off.home.store / path
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(lines, file)
    prepared = Result.model_validate_json((material.result(key_of("prepare")) / "result.json").read_bytes())
    with handed_off.database.write() as session:
        if session.get(Batch, BATCH) is not None:
            return
        session.add(_batch(lines))
        session.flush()
        session.add_all([_ended(kind, handed_off.pipeline, prepared.spec_digest) for kind in ("prepare", "train")])
        session.flush()
        session.add(_model(prepared.spec_digest))
        session.add(_model_file(material))


def _batch(lines: Path) -> Batch:
    digest = hashlib.sha256(lines.read_bytes()).hexdigest()
    facts = {"project": "lungs", "instances": 28, "annotations": 0, "facts": {}, "test_percent": 20}
    return Batch(id=BATCH, file_sha256=digest, spec_digest=None, created_at=0.0, **facts)


def _ended(kind: str, pipeline: str, spec_digest: str) -> Handoff:
    return Handoff(
        id=key_of(kind)[:32],
        key=key_of(kind),
        kind=kind,
        project="lungs",
        batch_id=BATCH,
        target="local",
        pipeline_id=pipeline,
        parameters={},
        state="SUCCEEDED",
        spec_digest=spec_digest,
        metrics={"dice_test": 0.5},
        created_at=time.time() - 60,
        ended_at=time.time(),
    )


def _model(spec_digest: str) -> ModelVersion:
    facts = {"name": "unet", "version": 1, "project": "lungs", "path": "model/unet.pt", "metrics": {"dice_test": 0.5}}
    made = {"handoff_id": key_of("train")[:32], "created_at": time.time()}
    return ModelVersion(id=MODEL, spec_digest=spec_digest, **facts, **made)


def _model_file(material: Material) -> ResultFileRow:
    facts = {"path": "model/unet.pt", "role": "model", "media_type": "application/octet-stream"}
    size = material.model.stat().st_size
    return ResultFileRow(handoff_id=key_of("train")[:32], sha256=material.sha256, size=size, **facts)
