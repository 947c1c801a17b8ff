"""`kfp`: runs on a cluster, by the HTTP API of Kubeflow Pipelines.

The server starts whatever it is asked for, as often as it is asked, and knows no key of ours. So a run is found again
by its name and by what its description says, nothing is sent twice before a lost answer had its time to land, and a
sweep ends what got through all the same. What the server says about success is its word only: the result decides.
"""

import contextlib
import hashlib
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from handoff.backends.interface import (
    Answer,
    Capabilities,
    EngineRun,
    Prepared,
    RunPhase,
    RunStatus,
)
from handoff.backends.kfp_answers import KubeflowError
from handoff.backends.kfp_client import KubeflowClient, KubeflowRun
from handoff.backends.kfp_names import RunMark, read_mark, run_name, slot_name
from handoff.backends.kfp_prepare import prepare_yaml
from handoff.backends.kfp_problems import explain
from handoff.backends.kfp_states import LIVE, ended, status_of
from handoff.handoffs.order import RunOrder
from handoff.store import write_durably
from handoff.targets import KubeflowTarget

_TERMINABLE = LIVE - {"CANCELING"}
_MAY_MEAN_GONE = frozenset({400, 404, 500})
"""What CreateRun answers when an experiment, pipeline or version is not there: an unknown version gets 500."""


class Kubeflow:
    """One target's server. `folder` keeps the YAML that was sent, by its digest, and what runs were like."""

    def __init__(self, folder: Path, name: str, target: KubeflowTarget) -> None:
        self._folder = folder
        self._name = name
        self._target = target
        self._client = KubeflowClient(target)
        self._places: dict[tuple[str, ...], str] = {}
        self.settle_seconds = target.settle_seconds
        self.poll_seconds = target.poll_seconds
        self.sweep_seconds = target.sweep_seconds

    def probe(self) -> Capabilities:
        """Ask the server whether it is there, whether it lets us in, and whether it means the namespace as we do."""
        versions = {name: version(name) for name in ("kfp", "kfp-kubernetes", "kfp-server-api")}
        try:
            self._check_server()
        except KubeflowError as error:
            problem = explain(error.code)
            return Capabilities(ok=False, versions=versions, problem=error.code, remedy=" ".join(problem), passing=True)
        return Capabilities(ok=True, versions=versions)

    def _check_server(self) -> None:
        multi_user = self._client.multi_user()
        if multi_user and not self._target.namespace:
            raise KubeflowError("kubeflow-namespace-missing", Answer.UNAVAILABLE)
        if self._target.namespace and not multi_user:
            raise KubeflowError("kubeflow-namespace-unwanted", Answer.UNAVAILABLE)
        next(self._client.runs_named(run_name(self._name, "probe")), None)

    def prepare(self, order: RunOrder) -> Prepared:
        """Write the target into the YAML; make experiment, pipeline and version where the server lacks them."""
        if not self._target.by_handoff:  # or URIs are names
            for value in order.inputs.values():
                self._require_mounted(value)
        content = prepare_yaml(order.pipeline.read_bytes(), self._target)
        digest = hashlib.sha256(content).hexdigest()
        file = self._folder / f"{digest}.yaml"
        if not file.exists():
            write_durably(file, [content])
        if order.result is not None:
            order.result.mkdir(parents=True, exist_ok=True)
        experiment = self._place("experiment", f"{self._target.experiment_prefix}{order.project}")
        pipeline = self._place("pipeline", f"{self._target.pipeline_prefix}{order.pipeline_name}")
        place = {"experiment": experiment, "pipeline": pipeline, "version": self._version(pipeline, digest, file)}
        if self._target.slots:
            place["slot"] = self._slot(order.pipeline_name, place)
        return Prepared(order, digest, place)

    def _require_mounted(self, value: object) -> None:
        if not isinstance(value, str) or not value.startswith("file:"):
            return
        path = Path(unquote(urlsplit(value).path))
        if not any(path.is_relative_to(claim.path) for claim in self._target.claims):
            raise KubeflowError("uri-outside-claims", Answer.UNAVAILABLE)

    def _place(self, kind: str, name: str) -> str:
        make = {"experiment": self._client.make_experiment, "pipeline": self._client.make_pipeline}[kind]
        if (kind, name) not in self._places:
            self._places[kind, name] = make(name)
        return self._places[kind, name]

    def _version(self, pipeline: str, digest: str, file: Path) -> str:
        """The version is named by the digest of what it holds, so that uploading it again is the same as once."""
        if (pipeline, digest) not in self._places:
            self._places[pipeline, digest] = self._client.make_version(pipeline, digest, file)
        return self._places[pipeline, digest]

    def _slot(self, pipeline_name: str, place: dict[str, str]) -> str:
        key = ("slot", place["experiment"], place["pipeline"])
        if key not in self._places:
            self._places[key] = self._client.make_slot(slot_name(self._name, pipeline_name), **place)
        return self._places[key]

    def find(self, key: str, handoff: str) -> str | None:
        """Look for the run by its name; the oldest of several."""
        return next((run.reference for run in self.runs_of(key, handoff)), None)

    def submit(self, prepared: Prepared) -> str:
        """Start a run of exactly the prepared version."""
        order = prepared.order
        run = {
            "display_name": run_name(self._name, order.key),
            "description": RunMark.of(order, prepared.digest).text(),
            "experiment_id": prepared.place["experiment"],
            "service_account": self._target.service_account,
            **({"recurring_run_id": prepared.place["slot"]} if "slot" in prepared.place else {}),
        }
        runtime = {"parameters": order.inputs, "pipeline_root": self._target.pipeline_root}
        try:
            return self._client.create_run(run, prepared.place["pipeline"], prepared.place["version"], runtime)
        except KubeflowError as error:
            if error.status in _MAY_MEAN_GONE:
                self._places.clear()  # what we took for granted may be gone, so the next attempt looks again
            raise

    def status(self, reference: str) -> RunStatus:
        """Look at a run, and end it when its time is over."""
        run = self._client.run(reference)
        if run is None:
            return RunStatus(RunPhase.GONE, "engine-denies-run")
        if run.state in _TERMINABLE and time.time() - run.created_at > self._target.timeout_seconds:
            self.cancel(reference)
        return status_of(run, self._target.timeout_seconds)

    def cancel(self, reference: str) -> None:
        """Ask once for the end of a run: the server refuses it for one that is ending or has ended."""
        run = self._client.run(reference)
        if run is None or run.state not in _TERMINABLE:
            return
        try:
            self._client.terminate(reference)
        except KubeflowError as error:
            if error.answer is not Answer.REFUSED:
                raise

    def logs(self, reference: str) -> Path | None:
        """What the server says of the run. Steps' own output is on the cluster: the API has no way to it."""
        file = self._folder / f"{reference}.txt"
        with contextlib.suppress(KubeflowError):
            run = self._client.run(reference)
            if run is not None:
                write_durably(file, [self._story(run).encode()])
        return file if file.exists() else None

    def _story(self, run: KubeflowRun) -> str:
        lines = [f"{run.name}: {run.state}", f"{self._target.endpoint}/#/runs/details/{run.id}"]
        return "\n".join([*lines, *(f"{name}: {state}" for name, state in run.tasks), ""])

    def artifacts(self, reference: str) -> Path | None:
        """None: what counts is below result_uri; Kubeflow's own artifacts stay where it keeps them."""
        return None

    def runs(self, projects: Iterable[str], since: float) -> Iterable[EngineRun]:
        """This target's runs in the experiments of these projects, newest first, down to a time."""
        for project in projects:
            experiment = self._client.experiment(f"{self._target.experiment_prefix}{project}")
            if experiment is None:
                continue
            for run in self._client.runs_of_experiment(experiment):
                if run.created_at < since:
                    break
                mark = read_mark(run.description)
                if mark is not None and run.name == run_name(self._name, mark.key):
                    yield _engine_run(run, mark)

    def runs_of(self, key: str, handoff: str) -> list[EngineRun]:
        """Every run of this key and handoff, oldest first: by name at the server, by the whole key here."""
        found = []
        for run in self._client.runs_named(run_name(self._name, key)):
            mark = read_mark(run.description)
            if mark is not None and (mark.key, mark.handoff) == (key, handoff):
                found.append(_engine_run(run, mark))
        return found


def _engine_run(run: KubeflowRun, mark: RunMark) -> EngineRun:
    return EngineRun(run.id, mark.handoff, mark.key, run.created_at, ended(run))
