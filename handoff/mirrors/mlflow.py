"""A handoff as one MLflow run, a model version as one registered version; both found by a tag before they are made.

1. The experiment of the project: asked for by name, made when it is not there.
2. The run: searched by the tag `handoff.key`, made with that tag in one call when it is not there. A create whose
   answer was lost is found by the next look.
3. Where a look finds several, because a create was slower than the next look, the one with the smallest id stays, on
   every later look too; the others are tagged as duplicates and deleted.
4. Parameters, metrics, tags and the data set: telling MLflow the same again changes nothing.
5. A model version is searched by the tag `sluice.model` and made once, with the run that made it. What was measured of
   it last stands in its tags.

What is told are ids, digests and figures. MLflow asks for times; it gets only how long a run took, counted from 1970,
because the day of a run beside its shifted dates tells by how much they were shifted. `with_times` tells more.
"""

import contextlib
import json
import re
from collections.abc import Mapping

from handoff.mirrors.facts import AliasFacts, HandoffFacts, ModelFacts
from handoff.mirrors.interface import MirrorRefusedError
from handoff.mirrors.mlflow_api import MlflowApi
from handoff.mirrors.settings import MlflowMirror

DIGEST_LENGTH = 36
"""The longest digest of a data set that MLflow takes; the whole one is in a tag."""
KEY_TAG = "handoff.key"
MODEL_TAG = "sluice.model"
_STATUS = {"SUCCEEDED": "FINISHED", "FAILED": "FAILED", "LOST": "FAILED", "REJECTED": "FAILED", "CANCELED": "KILLED"}
_CONTEXT = {
    "prepare": "preparing",
    "train": "training",
    "retrain": "training",
    "evaluate": "evaluation",
    "infer": "inference",
}
_UNFIT = re.compile(r"[^\w./ -]", re.ASCII)
_LONGEST_VALUE = 500
_MOST_FIGURES = 50
_START_MILLISECONDS = 1
"""The beginning of a run that tells no time; MLflow takes 0 for now."""


class Mlflow:
    """Tells one tracking server."""

    def __init__(self, mirror: MlflowMirror, api: MlflowApi) -> None:
        self._mirror = mirror
        self._api = api
        self._experiments: dict[str, str] = {}

    def tell_handoff(self, handoff: HandoffFacts) -> str:
        """Bring the run of a handoff to what the handoff is now; returns its id at MLflow.

        Raises:
            MirrorAwayError, MirrorRefusedError: it could not be told.
        """
        try:
            return self._tell(handoff, self._experiment(handoff.project))
        except MirrorRefusedError:
            self._experiments.pop(handoff.project, None)  # somebody may have removed it
            raise

    def tell_model(self, model: ModelFacts) -> str:
        """Register a model version, once; returns its version at MLflow, which need not be ours."""
        run_id = self.tell_handoff(model.handoff)
        try:
            self._api.post("registered-models/create", name=model.name)
        except MirrorRefusedError as error:
            if error.code != "resource-already-exists":
                raise
        found = self._versions(model)
        if not found:
            tags = {MODEL_TAG: model.id, "sluice.model_sha256": model.sha256, "sluice.spec_digest": model.spec_digest}
            if model.handoff.model is not None:
                tags["sluice.retrained_from"] = model.handoff.model
            self._api.post(
                "model-versions/create",
                name=model.name,
                source=f"sluice://models/{model.name}/{model.version}",
                run_id=run_id,
                tags=_pairs({**tags, KEY_TAG: model.handoff.key, "sluice.batch": model.handoff.batch}),
            )
            found = self._versions(model)
        for extra in found[1:]:
            self._api.delete("model-versions/delete", name=model.name, version=str(extra))
        for metric, value in sorted(model.evaluated.items())[:_MOST_FIGURES]:
            key = f"sluice.evaluated.{_UNFIT.sub('_', metric)[:200]}"
            self._api.post(
                "model-versions/set-tag", name=model.name, version=str(found[0]), key=key, value=repr(float(value))
            )
        return str(found[0])

    def tell_alias(self, moved: AliasFacts) -> str:
        """Let an alias stand for the version that it stands for here, or for none; returns that version at MLflow."""
        if moved.model is None:
            with contextlib.suppress(MirrorRefusedError):  # it stands for none there either
                self._api.delete("registered-models/alias", name=moved.name, alias=moved.alias)
            return "none"
        version = self.tell_model(moved.model)
        self._api.post("registered-models/alias", name=moved.name, alias=moved.alias, version=version)
        return version

    def put_back(self, moved: AliasFacts) -> str:
        """Take back a move that was refused, unless somebody moved the alias on meanwhile: that is another wish."""
        version = self.aliases().get(moved.name, {}).get(moved.alias)
        if version is None or self.model_of(moved.name, version) != moved.wanted:
            return "moved-on"
        return self.tell_alias(moved)

    def aliases(self) -> Mapping[str, Mapping[str, int]]:
        """MLflow's version of each alias, by model and alias."""
        found: dict[str, dict[str, int]] = {}
        token = ""
        while True:
            page = self._api.get("registered-models/search", max_results=100, page_token=token)
            for model in page.get("registered_models", []):
                found[model["name"]] = {one["alias"]: int(one["version"]) for one in model.get("aliases", [])}
            token = page.get("next_page_token", "")
            if not token:
                return found

    def model_of(self, name: str, version: int) -> str | None:
        """Our model version that a version at MLflow says it is, if it is one of the model of that name."""
        found = self._api.get("model-versions/get", name=name, version=str(version))["model_version"]
        said = next((tag["value"] for tag in found.get("tags", []) if tag["key"] == MODEL_TAG), "")
        return str(said) if said.startswith(f"{name}:") else None

    def _experiment(self, project: str) -> str:
        """Step (1)."""
        if project not in self._experiments:
            name = f"{self._mirror.experiment_prefix}{project}"
            try:
                found = self._api.get("experiments/get-by-name", experiment_name=name)["experiment"]
            except MirrorRefusedError as error:
                if error.code != "resource-does-not-exist":
                    raise
                found = self._api.post("experiments/create", name=name, tags=_pairs({"sluice.project": project}))
            if found.get("lifecycle_stage", "active") != "active":
                raise MirrorRefusedError("experiment-deleted")
            self._experiments[project] = str(found["experiment_id"])
        return self._experiments[project]

    def _tell(self, handoff: HandoffFacts, experiment: str) -> str:
        runs = self._runs(experiment, handoff.key)  # (2)
        if not runs:
            self._api.post(
                "runs/create",
                experiment_id=experiment,
                run_name=f"{handoff.kind} {handoff.key[:8]}",
                start_time=_start(handoff, self._mirror),
                tags=_pairs({KEY_TAG: handoff.key, "handoff.id": handoff.id}),
            )
            runs = self._runs(experiment, handoff.key)
        if not runs:
            raise MirrorRefusedError("run-not-found")
        for extra in runs[1:]:  # (3)
            self._api.post("runs/set-tag", run_id=extra, key="handoff.duplicate_of", value=runs[0])
            self._api.post("runs/delete", run_id=extra)
        self._describe(runs[0], handoff)
        return runs[0]

    def _describe(self, run_id: str, handoff: HandoffFacts) -> None:
        """Step (4); the end comes last, so that a run that is over at MLflow is told whole."""
        end = _end(handoff, self._mirror)
        self._api.post(
            "runs/log-batch",
            run_id=run_id,
            params=_pairs(_parameters(handoff)),
            metrics=_metrics(handoff, end or _START_MILLISECONDS),
            tags=_pairs(_tags(handoff)),
        )
        self._api.post("runs/log-inputs", run_id=run_id, datasets=[_data_set(handoff)])
        if end is not None:
            self._api.post("runs/update", run_id=run_id, status=_STATUS.get(handoff.state, "FAILED"), end_time=end)

    def _runs(self, experiment: str, key: str) -> list[str]:
        """Ids of the runs of a key, smallest first; the deleted ones do not count."""
        found = self._api.post(
            "runs/search",
            experiment_ids=[experiment],
            filter=f"tags.`{KEY_TAG}` = '{key}'",
            run_view_type="ACTIVE_ONLY",
            max_results=100,
        )
        return sorted(str(run["info"]["run_id"]) for run in found.get("runs", []))

    def _versions(self, model: ModelFacts) -> list[int]:
        """MLflow's versions of a model version, smallest first."""
        chosen = f"name = '{model.name}' and tags.`{MODEL_TAG}` = '{model.id}'"
        found = self._api.get("model-versions/search", filter=chosen, max_results=100)
        return sorted(int(version["version"]) for version in found.get("model_versions", []))


def _parameters(handoff: HandoffFacts) -> dict[str, str]:
    given = {name: json.dumps(value, sort_keys=True) for name, value in handoff.parameters.items()}
    return {"kind": handoff.kind, "pipeline": handoff.pipeline, "target": handoff.target, **given}


def _tags(handoff: HandoffFacts) -> dict[str, str]:
    tags = {
        "handoff.id": handoff.id,
        "handoff.kind": handoff.kind,
        "handoff.state": handoff.state,
        "handoff.reason": handoff.reason,
        "sluice.project": handoff.project,
        "sluice.batch": handoff.batch,
        "sluice.pipeline_version": handoff.pipeline_version,
        "sluice.yaml_digest": handoff.yaml_digest,
        "sluice.code_digest": handoff.code_digest,
        "sluice.spec_digest": handoff.spec_digest,
        "sluice.uses_model": handoff.model,
    }
    return {name: value for name, value in tags.items() if value is not None}


def _data_set(handoff: HandoffFacts) -> dict[str, object]:
    profile = {"instances": handoff.instances, "annotations": handoff.annotations}
    context = _CONTEXT.get(handoff.kind, handoff.kind)
    return {
        "tags": _pairs({"mlflow.data.context": context}),
        "dataset": {
            "name": handoff.project,
            "digest": handoff.batch[:DIGEST_LENGTH],
            "source_type": "sluice",
            "source": f"sluice://batches/{handoff.batch}",
            "profile": json.dumps(profile, sort_keys=True),
        },
    }


def _metrics(handoff: HandoffFacts, at: int) -> list[dict[str, object]]:
    """Figures of a result, all at one time: told again they are the same."""
    return [
        {"key": _UNFIT.sub("_", name)[:250], "value": value, "timestamp": at, "step": 0}
        for name, value in sorted(handoff.metrics.items())
    ]


def _start(handoff: HandoffFacts, mirror: MlflowMirror) -> int:
    return round(handoff.created_at * 1000) if mirror.with_times else _START_MILLISECONDS


def _end(handoff: HandoffFacts, mirror: MlflowMirror) -> int | None:
    if handoff.ended_at is None:
        return None
    return _start(handoff, mirror) + max(0, round((handoff.ended_at - handoff.created_at) * 1000))


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """As MLflow takes tags and parameters: long values are cut, the same way each time."""
    return [{"key": name, "value": value[:_LONGEST_VALUE]} for name, value in sorted(values.items())]
