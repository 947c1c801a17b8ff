"""A handoff's database with a mirror beside it, and what MLflow then says."""

import hashlib
import secrets
import time
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.contract.result import Result
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import (
    Batch,
    BatchShipment,
    Handoff,
    MirrorRow,
    PipelineVersion,
    Promotion,
    Shipment,
    Study,
)
from handoff.handoffs.states import State, transition
from handoff.home import ResearchHome
from handoff.mirrors.deliver import Deliverer
from handoff.mirrors.heed_mlflow import SEEN, AliasesAtMlflow
from handoff.mirrors.interface import Mirror
from handoff.mirrors.outbox import PLACE, anything_to_do
from handoff.mirrors.settings import MlflowMirror
from handoff.mirrors.tell_mlflow import MlflowTeller
from handoff.models.promote import Promotions
from handoff.results.record import record_result
from handoff.settings import Settings
from tests.waiting import wait_for

BATCH = hashlib.sha256(b"batch").hexdigest()
SPEC, CODE = "5" * 64, "c" * 64


class Told:
    """Changes of handoffs, and the thread that tells of them; each has a project and a model name of its own."""

    def __init__(self, folder: Path, url: str, **settings: Any) -> None:
        self.home = ResearchHome.of(folder)
        self.home.make()
        self.database = Database(f"sqlite:///{self.home.database}")
        upgrade(self.database)
        self.project = f"p{secrets.token_hex(6)}"
        self.model = f"m{secrets.token_hex(6)}"
        self.mirror = MlflowMirror(tracking_uri=url, http_timeout_seconds=5, **settings)
        self.gate: dict[str, Any] = {}
        self._threads: list[Deliverer] = []
        with self.database.write() as session:
            facts = {"project": self.project, "instances": 8, "annotations": 2, "facts": {}, "test_percent": 20}
            session.add(Batch(id=BATCH, file_sha256="0" * 64, spec_digest=None, created_at=0.0, **facts))
            version = {"id": "9" * 64, "name": "toy", "yaml_digest": "7" * 64, "code_digest": CODE}
            session.add(PipelineVersion(inputs={}, registered_at=0.0, **version))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.stop()
        self.database.close()

    def start(self, mirror: Mirror | None = None) -> Deliverer:
        """Begin to tell MLflow, or another mirror."""
        thread = Deliverer(mirror or MlflowTeller(self.mirror), self.home, self.database)
        thread.start()
        self._threads.append(thread)
        return thread

    def tell_all(self) -> None:
        """Tell MLflow here and now, without a thread, of everything that there is to tell."""
        mirror = MlflowTeller(self.mirror)
        deliverer = Deliverer(mirror, self.home, self.database)
        while deliverer.deliver_next() == 0.0:
            pass
        mirror.close()
        assert self._all_told(mirror), self.rows()

    def ship(self, count: int) -> None:
        """Shipments that the batch's instances came in."""
        with self.database.write() as session:
            study = Study(project=self.project, study_uid="1.2.3", patient="P1", last_arrival_at=0.0)
            session.add(study)
            session.flush()
            for number in range(count):
                facts = {
                    "project": self.project,
                    "study_id": study.id,
                    "patient": "P1",
                    "series_uid": f"1.2.3.{number}",
                }
                facts |= {"modality": "CT", "sha256": "0" * 64, "size": 1, "delivered": 1, "withheld": 0}
                facts |= {"withheld_by": {}, "treatment": {}, "receipt": {}, "received_at": 0.0}
                session.add(Shipment(id=f"{number:032x}", **facts))
                session.flush()
                session.add(BatchShipment(batch_id=BATCH, shipment_id=f"{number:032x}"))

    def reject(self) -> None:
        """A handoff that ends before any engine has it."""
        with self.database.write() as session:
            handoff = self._handoff("infer", State.VALIDATING, {})
            session.add(handoff)
            session.flush()
            transition(session, handoff, State.REJECTED, "batch-changed")

    def place(self, session: Session, mirror: str) -> MirrorRow:
        """How far a mirror is in the log."""
        return session.scalars(select(MirrorRow).where(MirrorRow.mirror == mirror, MirrorRow.kind == PLACE)).one()

    def submitted(self, kind: str = "train", **parameters: Any) -> str:
        """A handoff that an engine has; returns its id."""
        handoff = self._handoff(kind, State.SUBMITTING, parameters)
        with self.database.write() as session:
            session.add(handoff)
            session.flush()
            transition(session, handoff, State.SUBMITTED)
        return handoff.id

    def _handoff(self, kind: str, state: State, parameters: dict[str, Any]) -> Handoff:
        return Handoff(
            id=secrets.token_hex(16),
            key=secrets.token_hex(32),
            kind=kind,
            project=self.project,
            batch_id=BATCH,
            target="local",
            pipeline_id="9" * 64,
            parameters=parameters,
            state=state,
            created_at=time.time() - 5,
        )

    def end(self, handoff_id: str, state: State = State.SUCCEEDED, **metrics: float) -> None:
        """Its end, as a worker writes it."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id)
            if state is State.SUCCEEDED:
                record_result(session, handoff, self._result(handoff, metrics))
            transition(session, handoff, state)

    def _result(self, handoff: Handoff, metrics: dict[str, float]) -> Result:
        file = {"path": "model/m.pt", "sha256": "d" * 64, "size": 3, "media_type": "application/octet-stream"}
        content: dict[str, Any] = {"handoff_key": handoff.key, "kind": handoff.kind, "spec_digest": SPEC}
        if handoff.kind == "train":
            content["model"] = {"name": self.model, "file": "model/m.pt", "metrics": metrics}
            content["files"] = [{**file, "role": "model"}]
        return Result.model_validate({"files": [], **content, "metrics": metrics})

    @property
    def settings(self) -> Settings:
        """What the site says: the gate before an alias."""
        projects = {self.project: {"promotion": self.gate}}
        return Settings.model_validate({"home": self.home.root, "projects": projects})

    def measure(self, version: int, **metrics: float) -> str:
        """An evaluation of a version, from its submission to its end; returns the handoff's id."""
        handoff = self._handoff("evaluate", State.SUBMITTING, {})
        handoff.model_id = f"{self.model}:{version}"
        with self.database.write() as session:
            session.add(handoff)
            session.flush()
            transition(session, handoff, State.SUBMITTED)
        self.end(handoff.id, **metrics)
        return handoff.id

    def promote(self, version: int, alias: str = "champion") -> str:
        """Let an alias stand for a version; returns the promotion's id."""
        who = Principal("ada", "ml-engineer")
        return Promotions(self.database, self.settings).ask(who, self.model, alias, version, "it is better").id

    def heeding(self) -> AliasesAtMlflow:
        """What looks for aliases that were moved there; it looks when a test says so."""
        return AliasesAtMlflow(self.mirror, self.settings, self.database, 1.0)

    def promotions(self, alias: str) -> list[tuple[str, str, str]]:
        """State, version and asker of each promotion of an alias, the oldest first."""
        with self.database.read() as session:
            rows = session.scalars(select(Promotion).where(Promotion.alias == alias).order_by(Promotion.asked_at))
            return [(row.state, row.model_id.partition(":")[2], row.asked_by) for row in rows]

    def newest_promotion(self, alias: str) -> str:
        """The id of the promotion of an alias that was asked for last."""
        with self.database.read() as session:
            newest = select(Promotion.id).where(Promotion.alias == alias).order_by(Promotion.asked_at.desc())
            return session.scalars(newest).first()

    def key(self, handoff_id: str) -> str:
        with self.database.read() as session:
            return session.get_one(Handoff, handoff_id).key

    def rows(self) -> dict[str, tuple[str, str | None]]:
        """State and reason of each thing that is told, by its id."""
        with self.database.read() as session:
            return {
                row.subject: (row.state, row.reason)
                for row in session.scalars(select(MirrorRow).where(MirrorRow.kind.not_in((PLACE, SEEN))))
            }

    def wait(self, seconds: float = 120, mirror: Mirror | None = None) -> None:
        """Until everything is delivered."""
        wait_for(lambda: self._all_told(mirror or MlflowTeller(self.mirror)), seconds, lambda: str(self.rows()))

    def _all_told(self, mirror: Mirror) -> bool:
        with self.database.read() as session:
            more = anything_to_do(session, mirror)
        return not more and {state for state, _ in self.rows().values()} <= {"delivered"}


class Asked:
    """What MLflow answers, by its REST API and without the proxy."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/2.0/mlflow/", trust_env=False, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def experiment(self, project: str) -> str:
        answer = self._http.get("experiments/get-by-name", params={"experiment_name": f"sluice/{project}"})
        return answer.json()["experiment"]["experiment_id"]

    def runs(self, project: str, view: str = "ACTIVE_ONLY") -> list[dict[str, Any]]:
        search = {"experiment_ids": [self.experiment(project)], "run_view_type": view, "max_results": 1000}
        return self.post("runs/search", **search).get("runs", [])

    def versions(self, model: str) -> list[dict[str, Any]]:
        answer = self._http.get("model-versions/search", params={"filter": f"name = '{model}'", "max_results": 100})
        return answer.json().get("model_versions", [])

    def move(self, model: str, alias: str, version: int) -> None:
        """What a person does there: let an alias stand for another of our versions."""
        ours = {pairs(one.get("tags", [])).get("sluice.model"): one for one in self.versions(model)}
        meant = ours[f"{model}:{version}"]
        self.post("registered-models/alias", name=model, alias=alias, version=meant["version"])

    def drop(self, model: str, alias: str) -> None:
        """What a person does there: let an alias stand for nothing."""
        answer = self._http.request("DELETE", "registered-models/alias", json={"name": model, "alias": alias})
        assert answer.status_code == 200, answer.text

    def stands_for(self, model: str, alias: str) -> str | None:
        """Our version that an alias stands for there."""
        answer = self._http.get("registered-models/alias", params={"name": model, "alias": alias})
        if answer.status_code == 404 or answer.json().get("error_code"):
            return None
        return pairs(answer.json()["model_version"]["tags"])["sluice.model"].partition(":")[2]

    def alias(self, model: str, alias: str) -> dict[str, Any]:
        """The version that an alias stands for."""
        answer = self._http.get("registered-models/alias", params={"name": model, "alias": alias})
        assert answer.status_code == 200, answer.text
        return answer.json()["model_version"]


def pairs(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in items}
